//! The way in: grammar, permission, method. Nothing of a body is read before.

use super::auth::Entry;
use super::blobs::empty;
use super::config::AuthConfig;
use super::log::quote;
use super::query::percent_decode;
use super::refusal::{Code, Refusal};
use super::route::{self, Place, Route};
use super::visit::Visit;
use super::{Call, Server};
use crate::{Body, Headers, Method, Response};

/// How far a request came.
pub(super) enum Entered {
    /// To something that may be there.
    At(Route),
    /// It is answered already.
    Done(Response),
}

impl Server {
    /// Lets a request in, or says why not.
    pub(super) fn enter(
        &self,
        call: &mut Call<'_, '_>,
        path: &str,
        remote: &str,
        visit: &mut Visit,
    ) -> Result<Entered, Refusal> {
        let path = percent_decode(path);
        let path = path.as_deref().and_then(|path| self.without_prefix(path));
        let Some(Place { repository, route }) = path.map(route::find).transpose()?.flatten() else {
            return Ok(Entered::Done(not_found()));
        };
        call.repository = repository;
        match &route {
            Route::Alive => {
                let mut response = empty(200);
                response.headers.set("Cache-Control", "no-cache");
                return Ok(Entered::Done(response));
            }
            Route::Moved => {
                let mut response = empty(301);
                response.headers.set("Location", self.base());
                return Ok(Entered::Done(response));
            }
            _ => visit.enter(&call.repository, &route),
        }
        self.authorize(call, remote, visit)?;
        check_framing(call.headers)?;
        let methods = route.methods();
        if !methods.contains(&call.method) {
            let allowed: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
            let allowed = allowed.join(", ");
            if call.method == Method::Options {
                let mut response = empty(200);
                response.headers.set("Allow", allowed);
                return Ok(Entered::Done(response));
            }
            return Err(Refusal::new(Code::Unsupported).header("Allow", allowed));
        }
        Ok(Entered::At(route))
    }

    fn authorize(&self, call: &Call<'_, '_>, remote: &str, visit: &mut Visit) -> Result<(), Refusal> {
        let Some(gate) = &self.gate else {
            return Ok(());
        };
        let entry = gate.enter(call.headers.get("Authorization"), remote, call.now);
        visit.entry = Some(entry.clone());
        match entry {
            Entry::Welcome(_) => Ok(()),
            Entry::Later(secs) => Err(Refusal::new(Code::TooManyRequests)
                .detail("too many wrong passwords")
                .header("Retry-After", secs.to_string())),
            Entry::Stranger | Entry::Wrong(_) => {
                let challenge = format!("Basic realm={}", quote(self.realm()));
                Err(Refusal::new(Code::Unauthorized)
                    .detail(wanted(call))
                    .header("WWW-Authenticate", challenge))
            }
        }
    }

    fn realm(&self) -> &str {
        match &self.config.auth {
            AuthConfig::Htpasswd { realm, .. } => realm,
            AuthConfig::None => "",
        }
    }

    pub(super) fn check_writable(&self) -> Result<(), Refusal> {
        if self.config.storage.read_only {
            return Err(Refusal::new(Code::Unsupported).header("Allow", "GET, HEAD"));
        }
        Ok(())
    }

    pub(super) fn check_delete(&self) -> Result<(), Refusal> {
        self.check_writable()?;
        if self.config.storage.delete {
            return Ok(());
        }
        Err(Refusal::new(Code::Unsupported))
    }

    fn without_prefix<'p>(&self, path: &'p str) -> Option<&'p str> {
        let prefix = self.config.http.prefix.trim_end_matches('/');
        match path.strip_prefix('/').and_then(|rest| rest.strip_prefix(prefix)) {
            _ if path == "/" || prefix.is_empty() => Some(path),
            rest => rest,
        }
    }
}

/// What a stranger would have needed, as the reference implementation lists it.
fn wanted(call: &Call<'_, '_>) -> serde_json::Value {
    let actions: &[&str] = match call.method {
        _ if call.repository.is_empty() => return serde_json::Value::Null,
        Method::Get | Method::Head | Method::Options => &["pull"],
        Method::Post | Method::Put | Method::Patch => &["pull", "push"],
        Method::Delete => &["delete"],
    };
    let access = |action: &&str| serde_json::json!({ "Type": "repository", "Class": "", "Name": call.repository, "Action": action });
    actions.iter().map(access).collect()
}

/// Refuses header fields by which two programs could see two different requests.
///
/// Source: RFC 9112, section 6.3.
fn check_framing(headers: &Headers) -> Result<(), Refusal> {
    let lengths: Vec<&str> = headers.all("Content-Length").collect();
    let is_double = lengths.iter().any(|length| *length != lengths[0]);
    if is_double || !lengths.is_empty() && headers.get("Transfer-Encoding").is_some() {
        return Err(Refusal::new(Code::SizeInvalid).detail("the length of the request is given twice"));
    }
    Ok(())
}

fn not_found() -> Response {
    let mut response = empty(404);
    response.headers.set("Content-Type", "text/plain; charset=utf-8");
    response.body = Body::Bytes(b"404 page not found\n".to_vec());
    response
}
