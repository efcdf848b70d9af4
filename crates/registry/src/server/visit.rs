//! What is logged of one request.

use super::auth::Entry;
use super::config::Level;
use super::log::{Access, Fields, Log};
use super::refusal::Refusal;
use super::route::{Route, Target};
use crate::{Body, Method, Request, Response};
use oci::Time;
use serde_json::Value;

/// What a request says about itself, and how far it came. Never its `Authorization`.
pub(super) struct Visit {
    line: String,
    remote: String,
    referer: String,
    agent: String,
    is_head: bool,
    fields: Fields,
    is_api: bool,
    is_inside: bool,
    /// How the attempt to come in went, if accounts are asked for.
    pub(super) entry: Option<Entry>,
}

impl Visit {
    pub(super) fn new(request: &Request<'_>, id: String) -> Visit {
        let header = |name: &str| request.headers.get(name).unwrap_or_default().to_owned();
        let mut uri = request.path.clone();
        if !request.query.is_empty() {
            uri = format!("{uri}?{}", request.query);
        }
        let line = format!("{} {uri} HTTP/1.1", request.method);
        let agent = header("User-Agent");
        let mut fields = Fields::new();
        for (name, value) in [
            ("host", header("Host")),
            ("id", id),
            ("method", request.method.to_string()),
            ("remoteaddr", request.remote.clone()),
            ("uri", uri),
            ("useragent", agent.clone()),
        ] {
            if !value.is_empty() {
                fields.insert(format!("http.request.{name}"), value);
            }
        }
        Visit {
            line,
            remote: request.remote.clone(),
            referer: header("Referer"),
            agent,
            is_head: request.method == Method::Head,
            fields,
            is_api: request.path != "/",
            is_inside: false,
            entry: None,
        }
    }

    /// Whether the response is one of the registry, not of the thing that says it is alive.
    pub(super) fn is_api(&self) -> bool {
        self.is_api
    }

    /// The request is for something that may be there.
    pub(super) fn enter(&mut self, repository: &str, route: &Route) {
        self.is_inside = true;
        let (name, value) = match route {
            Route::Blob(digest) | Route::Referrers(digest) => ("digest", digest.to_string()),
            Route::Upload(id) => ("uuid", id.clone()),
            Route::Manifest(Target::Tag(tag) | Target::Neither(tag)) => ("reference", tag.clone()),
            Route::Manifest(Target::Digest(digest)) => ("reference", digest.to_string()),
            _ => ("name", repository.to_owned()),
        };
        for (name, value) in [("name", repository.to_owned()), (name, value)] {
            if !value.is_empty() {
                self.fields.insert(format!("vars.{name}"), value);
            }
        }
    }

    /// Writes all of it.
    pub(super) fn write(
        mut self,
        log: &mut Log,
        now: Time,
        steps: &[&'static str],
        response: &Response,
        refusal: Option<&Refusal>,
    ) {
        if let Some(version) = log.own.get("go.version") {
            self.fields.insert("go.version".to_owned(), version.clone());
        }
        if self.is_inside {
            log.add(now, Level::Debug, "authorizing request", &self.fields);
        }
        let is_refused = self.write_entry(log, now, refusal);
        for step in steps {
            log.add(now, Level::Debug, step, &self.fields);
        }
        let written = match &response.body {
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::Blob { .. } if self.is_head => 0,
            Body::Blob { length, .. } => *length,
        };
        if !is_refused {
            self.write_end(log, now, response, written, refusal);
        }
        let access = Access {
            remote: &self.remote,
            request: &self.line,
            status: response.status,
            written,
            referer: &self.referer,
            agent: &self.agent,
        };
        log.add_access(access.line(now));
    }

    /// Who came; whether they had to stay outside.
    fn write_entry(&mut self, log: &mut Log, now: Time, refusal: Option<&Refusal>) -> bool {
        let reason = match self.entry.take() {
            None => return false,
            Some(Entry::Welcome(user)) => {
                log.add(now, Level::Info, "authorized request", &self.fields);
                self.fields.insert("auth.user.name".to_owned(), user);
                return false;
            }
            Some(Entry::Stranger) => "invalid authorization credential",
            Some(Entry::Wrong(user)) => {
                let message = format!("error authenticating user {user:?}: authentication failure");
                log.add(now, Level::Error, &message, &self.fields);
                "authentication failure"
            }
            Some(Entry::Later(_)) => "too many wrong passwords",
        };
        let challenge = refusal.and_then(|refusal| refusal.headers.get("WWW-Authenticate"));
        let realm = challenge
            .and_then(|text| text.strip_prefix("Basic realm="))
            .unwrap_or("\"\"");
        let message = format!("error authorizing context: basic authentication challenge for realm {realm}: {reason}");
        log.add(now, Level::Warn, &message, &self.fields);
        true
    }

    fn write_end(&self, log: &mut Log, now: Time, response: &Response, written: u64, refusal: Option<&Refusal>) {
        let mut fields = self.fields.clone();
        if let Some(content_type) = response.headers.get("Content-Type") {
            fields.insert("http.response.contenttype".to_owned(), content_type.to_owned());
        }
        fields.insert("http.response.status".to_owned(), response.status.to_string());
        fields.insert("http.response.written".to_owned(), written.to_string());
        let Some(refusal) = refusal else {
            if self.is_inside && response.status < 400 {
                // The reference implementation drops the names from this line.
                fields.retain(|name, _| !name.starts_with("vars.") && name != "auth.user.name");
                log.add(now, Level::Info, "response completed", &fields);
            }
            return;
        };
        for fault in &refusal.faults {
            fields.insert("err.code".to_owned(), fault.code.in_log());
            fields.insert("err.message".to_owned(), fault.message.clone());
            if let Some(cause) = &refusal.cause {
                fields.insert("err.detail".to_owned(), cause.clone());
            } else if let Some(detail) = &fault.detail {
                fields.insert("err.detail".to_owned(), in_go(detail));
            }
            log.add(now, Level::Error, "response completed with error", &fields);
        }
    }
}

/// A value as Go's `%v` prints it.
fn in_go(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(in_go).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let pairs: Vec<String> = map
                .iter()
                .map(|(name, value)| format!("{name}:{}", in_go(value)))
                .collect();
            format!("map[{}]", pairs.join(" "))
        }
    }
}
