//! What an answer that says no says besides.

use super::challenge::challenges;
use super::error::{ApiError, Asked, RegistryError};
use super::go_json;
use crate::Headers;
use serde::Deserialize;

impl RegistryError {
    /// The error that an answer of 400 and more means, its body read already.
    pub(crate) fn of_answer(asked: Asked, status: u16, headers: &Headers, body: &[u8]) -> RegistryError {
        if !(400..500).contains(&status) {
            return RegistryError::Status { asked, status };
        }
        let mut errors: Vec<ApiError> = bearer_error(headers).into_iter().collect();
        let problem = match read_errors(status, body) {
            Ok(listed) => {
                errors.extend(listed);
                "no error details found in HTTP response body".to_owned()
            }
            Err(problem) => problem,
        };
        if errors.is_empty() && status == 401 {
            errors.push(ApiError {
                code: "UNAUTHORIZED".to_owned(),
                message: "authentication required".to_owned(),
            });
        }
        if errors.is_empty() {
            return RegistryError::Unreadable {
                asked,
                status,
                reason: problem,
                body: String::from_utf8_lossy(body).chars().take(500).collect(),
            };
        }
        RegistryError::Refused { asked, status, errors }
    }
}

/// What a bearer challenge says of the token that was shown.
///
/// Source: RFC 6750, section 3.1.
fn bearer_error(headers: &Headers) -> Option<ApiError> {
    let challenge = challenges(headers).into_iter().find(|one| one.scheme == "bearer")?;
    let (code, message) = match challenge.get("error") {
        "invalid_token" => ("UNAUTHORIZED", "authentication required"),
        "insufficient_scope" => ("DENIED", "requested access to the resource is denied"),
        _ => return None,
    };
    let description = challenge.get("error_description");
    Some(ApiError {
        code: code.to_owned(),
        message: clean(if description.is_empty() { message } else { description }),
    })
}

#[derive(Deserialize)]
struct ErrorList {
    #[serde(default)]
    errors: Option<Vec<ErrorEntry>>,
    /// What Docker Hub's rate limit and older servers write.
    #[serde(default)]
    details: Option<String>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

fn read_errors(status: u16, body: &[u8]) -> Result<Vec<ApiError>, String> {
    let list: ErrorList = serde_json::from_slice(body).map_err(|_| json_problem(body))?;
    let code = match status {
        401 => "UNAUTHORIZED",
        429 => "TOOMANYREQUESTS",
        _ => "UNKNOWN",
    };
    if let Some(details) = list.details.filter(|details| !details.is_empty()) {
        return Ok(vec![ApiError {
            code: code.to_owned(),
            message: clean(&details),
        }]);
    }
    let entries = list.errors.unwrap_or_default().into_iter().take(20);
    let entries = entries.map(|entry| ApiError {
        code: clean(if entry.code.is_empty() { "UNKNOWN" } else { &entry.code }),
        message: clean(&entry.message),
    });
    Ok(entries.collect())
}

/// What Go's decoder says of a body that is no JSON.
fn json_problem(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    match go_json::check(&text) {
        Err(problem) => problem.to_string(),
        Ok(()) => "json: cannot unmarshal the value into Go value of type errcode.Errors".to_owned(),
    }
}

/// Text of a registry as it may stand on a terminal: no control characters, and not without end.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(1000).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Method;

    fn answer(status: u16, challenge: &str, body: &str) -> RegistryError {
        let asked = Asked {
            method: Method::Get,
            url: "https://r.example/v2/".to_owned(),
        };
        let mut headers = Headers::default();
        if !challenge.is_empty() {
            headers.add("WWW-Authenticate", challenge);
        }
        RegistryError::of_answer(asked, status, &headers, body.as_bytes())
    }

    #[test]
    fn answers_are_worded_as_docker_words_them() {
        let bearer = r#"Bearer realm="https://auth.example/token",error="insufficient_scope""#;
        let unauthorized = r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":[1]}]}"#;
        let limit = "You have reached your pull rate limit.";
        for (status, challenge, body, text) in [
            (
                401,
                bearer,
                unauthorized,
                "denied: requested access to the resource is denied",
            ),
            (401, "", unauthorized, "unauthorized: authentication required"),
            (401, "", "", "unauthorized: authentication required"),
            (
                404,
                "",
                r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#,
                "manifest unknown: manifest unknown",
            ),
            (
                429,
                "",
                &format!(r#"{{"errors":[{{"code":"TOOMANYREQUESTS","message":"{limit}"}}]}}"#),
                &format!("toomanyrequests: {limit}"),
            ),
            (
                429,
                "",
                &format!(r#"{{"details":"{limit}"}}"#),
                &format!("toomanyrequests: {limit}"),
            ),
            (
                500,
                "",
                "oops",
                "received unexpected HTTP status: 500 Internal Server Error",
            ),
            (
                404,
                "",
                "404 page not found\n",
                "error parsing HTTP 404 response body: invalid character 'p' after top-level value: \"404 page not found\\n\"",
            ),
            (
                403,
                "",
                "{}",
                "error parsing HTTP 403 response body: no error details found in HTTP response body: \"{}\"",
            ),
        ] {
            assert_eq!(answer(status, challenge, body).to_string(), text);
        }
    }

    #[test]
    fn what_a_registry_says_cannot_steer_a_terminal() {
        let error = answer(
            400,
            "",
            r#"{"errors":[{"code":"A\u001b[2J","message":"b\u0007\r\nc"}]}"#,
        );
        assert_eq!(error.to_string(), "a[2j: bc");
    }

    #[test]
    fn errors_know_their_code_and_status_and_whether_to_try_again() {
        let error = answer(404, "", r#"{"errors":[{"code":"NAME_UNKNOWN","message":"m"}]}"#);
        let outer = RegistryError::RepositoryNotFound {
            name: "a".to_owned(),
            source: Box::new(error),
        };
        assert_eq!((outer.code(), outer.status()), (Some("NAME_UNKNOWN"), Some(404)));
        assert_eq!(outer.url(), Some("https://r.example/v2/"));
        assert!(!outer.retryable());
        assert!(answer(503, "", "").retryable() && answer(429, "", "").retryable());
    }
}
