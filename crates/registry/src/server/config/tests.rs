//! Files and variables, and what comes of them.

use super::*;

fn read(yaml: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Config::read(yaml, &variables).map_err(|error| error.to_string())
}

/// The configuration of the image, with variables.
fn with(variables: &[(&str, &str)]) -> Config {
    read(REGISTRY_2_CONFIG, variables).expect("a configuration")
}

#[test]
fn the_configuration_of_the_image_is_read() {
    let config = with(&[]);
    assert_eq!(config.log.level, Level::Info);
    assert_eq!(config.log.fields["service"], "registry");
    assert_eq!(config.storage.driver, "filesystem");
    assert_eq!(config.storage.parameters["rootdirectory"], "/var/lib/registry");
    assert_eq!(config.storage.cache.as_deref(), Some("inmemory"));
    assert_eq!(
        config.http.headers,
        [("X-Content-Type-Options".to_owned(), "nosniff".to_owned())]
    );
    assert_eq!(
        (config.storage.delete, config.storage.read_only, config.auth),
        (false, false, AuthConfig::None)
    );
    assert_eq!(config.warnings, [""; 0]);
}

#[test]
fn the_least_configuration_is_the_one_in_memory() {
    assert_eq!(read("version: 0.1\nstorage: inmemory\n", &[]), Ok(Config::in_memory()));
}

#[test]
fn variables_override_what_they_name() {
    let config = with(&[
        ("REGISTRY_LOG_LEVEL", "DEBUG"),
        ("REGISTRY_LOG_FORMATTER", "json"),
        ("REGISTRY_LOG_ACCESSLOG_DISABLED", "true"),
        ("REGISTRY_LOG_FIELDS_ENVIRONMENT", "test"),
        ("REGISTRY_HTTP_ADDR", "0.0.0.0:443"),
        ("REGISTRY_HTTP_SECRET", "s"),
        ("REGISTRY_HTTP_HOST", "https://registry.example:443/x"),
        ("REGISTRY_HTTP_PREFIX", "/my/"),
        ("REGISTRY_HTTP_DRAINTIMEOUT", "1m30s"),
        ("REGISTRY_HTTP_TLS_CERTIFICATE", "/certs/domain.crt"),
        ("REGISTRY_HTTP_TLS_KEY", "/certs/domain.key"),
        ("REGISTRY_HTTP_TLS_CLIENTCAS_0", "/a.crt"),
        ("REGISTRY_HTTP_TLS_CLIENTCAS_1", "/b.crt"),
        ("REGISTRY_HTTP_HEADERS_X-TEST", "[a, b]"),
        ("REGISTRY_HTTP_DEBUG_ADDR", ":5001"),
        ("REGISTRY_HTTP_DEBUG_PROMETHEUS_ENABLED", "on"),
        ("REGISTRY_AUTH_HTPASSWD_REALM", "Registry Realm"),
        ("REGISTRY_AUTH_HTPASSWD_PATH", "/auth/htpasswd"),
        ("REGISTRY_AUTH", "htpasswd"),
        ("REGISTRY_STORAGE_DELETE_ENABLED", "true"),
        ("REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED", "true"),
        ("REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_AGE", "1h"),
        ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/data"),
        ("REGISTRY_CATALOG_MAXENTRIES", "7"),
        ("REGISTRY_VALIDATION_DISABLED", "yes"),
        ("PATH", "/bin"),
    ]);
    assert_eq!(
        (config.log.level, config.log.formatter, config.log.access_log),
        (Level::Debug, Formatter::Json, false)
    );
    assert_eq!(config.log.fields["environment"], "test");
    assert_eq!(config.log.fields["service"], "registry", "what is beside it stays");
    assert_eq!(config.http.address, "0.0.0.0:443");
    assert!(config.http.has_secret);
    assert_eq!(config.http.host.as_deref(), Some("https://registry.example:443"));
    assert_eq!(
        (config.http.prefix.as_str(), config.http.drain_timeout_millis),
        ("my/", 90_000)
    );
    assert_eq!(config.http.tls.certificate.as_deref(), Some("/certs/domain.crt"));
    assert_eq!(config.http.tls.key.as_deref(), Some("/certs/domain.key"));
    assert_eq!(config.http.tls.client_cas, ["/a.crt", "/b.crt"]);
    assert_eq!(config.http.headers.len(), 3);
    assert_eq!(config.http.metrics_path.as_deref(), Some("/metrics"));
    let (realm, path) = ("Registry Realm".to_owned(), "/auth/htpasswd".to_owned());
    assert_eq!(config.auth, AuthConfig::Htpasswd { realm, path });
    assert!(config.storage.delete && config.storage.read_only);
    assert_eq!(config.storage.upload_age_secs, Some(3600));
    assert_eq!(config.storage.parameters["rootdirectory"], "/data");
    assert_eq!((config.catalog_entries, config.validation.enabled), (7, false));
    assert_eq!(config.warnings, [""; 0]);
}

#[test]
fn a_value_may_be_a_whole_section() {
    let config = with(&[
        ("REGISTRY_STORAGE", "{inmemory: , delete: {enabled: true}}"),
        ("REGISTRY_AUTH", "htpasswd: {realm: r, path: /p}"),
        ("REGISTRY_HTTP_HEADERS", "{A: [b]}"),
        ("REGISTRY_STORAGE_MAINTENANCE_READONLY", "{enabled: true}"),
        ("REGISTRY_LOG_FIELDS_LIST", "[1, 2]"),
    ]);
    assert_eq!(
        (config.storage.driver.as_str(), config.storage.delete),
        ("inmemory", true)
    );
    assert!(config.storage.read_only);
    assert_eq!(config.http.headers, [("A".to_owned(), "b".to_owned())]);
    assert!(matches!(config.auth, AuthConfig::Htpasswd { .. }));
    assert_eq!(config.log.fields["list"], "[1 2]");
}

#[test]
fn a_variable_goes_where_its_field_is_named_not_its_key() {
    for (name, is_known) in [
        ("REGISTRY_COMPATIBILITY_SCHEMA1_TRUSTKEY", true),
        ("REGISTRY_COMPATIBILITY_SCHEMA1_SIGNINGKEYFILE", false),
        ("REGISTRY_HEALTH_FILECHECKERS", true),
        ("REGISTRY_HEALTH_FILE", false),
    ] {
        let config = with(&[(name, "")]);
        assert_eq!(config.warnings.is_empty(), is_known, "{name}: {:?}", config.warnings);
    }
}

#[test]
fn a_variable_that_means_nothing_is_named() {
    let config = with(&[
        ("REGISTRY_FOO", "1"),
        ("REGISTRY_LOG_LEVELS", "x"),
        ("REGISTRY_log_level", "debug"),
    ]);
    assert_eq!(
        config.warnings,
        [
            "Ignoring unrecognized environment variable REGISTRY_FOO",
            "Ignoring unrecognized environment variable REGISTRY_LOG_LEVELS",
            "Ignoring unrecognized environment variable REGISTRY_log_level",
        ]
    );
    assert_eq!(config.log.level, Level::Info);
    assert_eq!(with(&[("REGISTRY_VERSION", "2")]).warnings.len(), 1);
}

#[test]
fn a_variable_that_goes_too_deep_is_left_out() {
    let config = with(&[
        ("REGISTRY_LOG_LEVEL_X", "debug"),
        ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY_X", "/x"),
    ]);
    assert_eq!((config.log.level, config.warnings), (Level::Info, Vec::new()));
    assert_eq!(config.storage.parameters["rootdirectory"], "/var/lib/registry");
}

#[test]
fn keys_that_nobody_knows_are_left_out() {
    let config = read("version: 0.1\nfoo: 1\nstorage: inmemory\nhttp: {bar: [x]}\n", &[]).expect("a configuration");
    assert_eq!(config, Config::in_memory());
}

#[test]
fn what_is_wrong_is_said_as_the_reference_implementation_says_it() {
    let short = "version: 0.1\nstorage: inmemory\n";
    for (yaml, variables, expected) in [
        ("", &[][..], "unsupported version: \"\""),
        ("version: 0.2\nstorage: inmemory", &[], "unsupported version: \"0.2\""),
        ("version: 0.1\n", &[], "no storage configuration provided"),
        (
            "version: 0.1\nstorage: {inmemory: , filesystem: }",
            &[],
            "must provide exactly one storage type. Provided: [inmemory filesystem]",
        ),
        (
            "version: 0.1\nstorage: inmemory\nauth: {htpasswd: , token: }",
            &[],
            "must provide exactly one type. Provided: [htpasswd token]",
        ),
        (
            short,
            &[("REGISTRY_STORAGE_S3_BUCKET", "x")],
            "multiple storage drivers specified in configuration or environment: inmemory, s3",
        ),
        (
            short,
            &[("REGISTRY_LOG_LEVEL", "loud")],
            "parsing environment variable REGISTRY_LOG_LEVEL: \
             invalid loglevel loud Must be one of [error, warn, info, debug]",
        ),
        (
            short,
            &[("REGISTRY_LOG_ACCESSLOG_DISABLED", "maybe")],
            "parsing environment variable REGISTRY_LOG_ACCESSLOG_DISABLED: yaml: unmarshal errors:\n  \
             line 1: cannot unmarshal !!str `maybe` into bool",
        ),
        (
            short,
            &[("REGISTRY_HTTP_HEADERS", "{A: b}")],
            "parsing environment variable REGISTRY_HTTP_HEADERS: yaml: unmarshal errors:\n  \
             line 1: cannot unmarshal !!str `b` into []string",
        ),
        (
            "version: 0.1\nstorage: inmemory\nhttp: {addr: [1]}",
            &[],
            "yaml: unmarshal errors:\n  line 3: cannot unmarshal !!seq into string",
        ),
        (
            short,
            &[("REGISTRY_HTTP_TLS_CLIENTCAS_1", "x")],
            "parsing environment variable REGISTRY_HTTP_TLS_CLIENTCAS_1: undefined index: 1",
        ),
        (
            short,
            &[("REGISTRY_HTTP_TLS_CLIENTCAS_X", "x")],
            "parsing environment variable REGISTRY_HTTP_TLS_CLIENTCAS_X: non-numeric index: X",
        ),
        (
            short,
            &[("REGISTRY_LOG_FORMATTER", "xx")],
            "error configuring logger: unsupported logging formatter: \"xx\"",
        ),
        (
            short,
            &[("REGISTRY_AUTH_HTPASSWD_REALM", "r")],
            "unable to configure authorization (htpasswd): \"path\" must be set for htpasswd access controller",
        ),
        (
            short,
            &[("REGISTRY_HTTP_TLS_MINIMUMTLS", "tls9")],
            "unknown minimum TLS level 'tls9' specified for http.tls.minimumtls",
        ),
        (
            short,
            &[("REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED", "maybe")],
            "readonly's enabled config key must have a boolean value",
        ),
    ] {
        assert_eq!(read(yaml, variables), Err(expected.to_owned()), "{yaml} {variables:?}");
    }
}

#[test]
fn what_is_not_here_is_not_promised() {
    let short = "version: 0.1\nstorage: inmemory\n";
    for (name, value) in [
        ("REGISTRY_PROXY_REMOTEURL", "https://registry-1.docker.io"),
        ("REGISTRY_AUTH_TOKEN_REALM", "x"),
        ("REGISTRY_HTTP_TLS_LETSENCRYPT_CACHEFILE", "x"),
    ] {
        assert!(read(short, &[(name, value)]).is_err(), "{name}");
    }
    let config = read(short, &[("REGISTRY_REDIS_ADDR", "x")]).expect("a configuration");
    assert_eq!(
        config.warnings,
        ["redis is configured and has no effect in this registry"]
    );
}

#[test]
fn no_value_can_split_a_header() {
    for (name, value) in [
        ("REGISTRY_HTTP_HEADERS", "{A: [\"b\\r\\nX: y\"]}"),
        ("REGISTRY_HTTP_HEADERS", "{\"A\\r\\nX\": [b]}"),
        ("REGISTRY_HTTP_HOST", "\"https://a\\r\\nX: y\""),
        ("REGISTRY_HTTP_HOST", "javascript:alert(1)"),
        ("REGISTRY_HTTP_PREFIX", "\"/a\\r\\n/\""),
        ("REGISTRY_HTTP_PREFIX", "/a/../b/"),
        ("REGISTRY_AUTH", "{htpasswd: {realm: \"a\\r\\nX: y\", path: /p}}"),
    ] {
        assert!(
            read("version: 0.1\nstorage: inmemory\n", &[(name, value)]).is_err(),
            "{name}={value}"
        );
    }
}
