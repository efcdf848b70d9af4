//! What the log says when a server starts.

use super::config::{AuthConfig, Level};
use super::log::Fields;
use super::{Config, Server};
use oci::Time;

/// The cipher suites of the server in `registry:2`, if the configuration names none.
const CIPHER_SUITES: &str = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,\
    TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,\
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_AES_128_GCM_SHA256,\
    TLS_CHACHA20_POLY1305_SHA256,TLS_AES_256_GCM_SHA384";

/// The warning of a server without `http.secret`.
const NO_SECRET: &str = "No HTTP secret provided - generated random secret. This may cause problems with uploads if \
    multiple registries are behind a load-balancer. To provide a shared secret, fill in http.secret in the configuration \
    file or set the REGISTRY_HTTP_SECRET environment variable.";

impl Server {
    /// Logs that the server starts to listen at `address`, such as `[::]:5000`.
    ///
    /// One that stands in for `registry:2` says what that one says; any other only what is true of it.
    pub fn log_start(&self, now: Time, address: &str) {
        let mut log = self.log();
        for warning in &self.config.warnings {
            log.add(now, Level::Warn, warning, &Fields::new());
        }
        let mut lines = if self.is_stand_in {
            stand_in(&self.config)
        } else {
            Vec::new()
        };
        if let AuthConfig::Htpasswd { .. } = self.config.auth {
            lines.push((Level::Debug, "configured \"htpasswd\" access controller".to_owned()));
        }
        let has_tls = self.config.http.tls.certificate.is_some();
        if has_tls && self.is_stand_in {
            let tls = &self.config.http.tls;
            let minimum = tls.minimum.as_deref().unwrap_or("tls1.2");
            lines.push((Level::Info, format!("restricting TLS version to {minimum} or higher")));
            let suites = match tls.cipher_suites.as_slice() {
                [] => CIPHER_SUITES.to_owned(),
                suites => suites.join(","),
            };
            lines.push((Level::Info, format!("restricting TLS cipher suites to: {suites}")));
        }
        let tls = if has_tls { ", tls" } else { "" };
        lines.push((Level::Info, format!("listening on {address}{tls}")));
        if self.is_stand_in && self.config.storage.upload_age_secs.is_some() {
            let minutes = self.ids.key()[0] % 60;
            lines.push((Level::Info, format!("Starting upload purge in {minutes}m0s")));
        }
        let own = log.own.clone();
        for (level, line) in lines {
            log.add(now, level, &line, &own);
        }
    }

    /// Logs something that happened to the server, not in a request.
    pub fn log_event(&self, now: Time, level: Level, message: &str) {
        let mut log = self.log();
        let own = log.own.clone();
        log.add(now, level, message, &own);
    }
}

/// What `registry:2` says of itself.
fn stand_in(config: &Config) -> Vec<(Level, String)> {
    let mut lines = Vec::new();
    if !config.http.has_secret {
        lines.push((Level::Warn, NO_SECRET.to_owned()));
    }
    lines.push((Level::Info, "redis not configured".to_owned()));
    if config.storage.redirect_disabled {
        lines.push((Level::Info, "backend redirection disabled".to_owned()));
    }
    if config.storage.cache.as_deref() == Some("inmemory") {
        lines.push((Level::Info, "using inmemory blob descriptor cache".to_owned()));
    }
    lines
}
