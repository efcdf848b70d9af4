//! Errors as the protocol spells them.

use crate::{Body, Headers, Response};
use serde::Serialize;
use serde_json::Value;

/// What a client may be told went wrong. The code is the name in capitals, joined by `_`.
///
/// Source: OCI distribution-spec, "Error Codes"; the messages are those of the reference implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    PaginationNumberInvalid,
    RangeInvalid,
    SizeInvalid,
    TagInvalid,
    TooManyRequests,
    Unauthorized,
    Unknown,
    Unsupported,
}

impl Code {
    /// The code, the HTTP status that usually goes with it, and the message.
    fn parts(self) -> (&'static str, u16, &'static str) {
        match self {
            Code::BlobUnknown => ("BLOB_UNKNOWN", 404, "blob unknown to registry"),
            Code::BlobUploadInvalid => ("BLOB_UPLOAD_INVALID", 400, "blob upload invalid"),
            Code::BlobUploadUnknown => ("BLOB_UPLOAD_UNKNOWN", 404, "blob upload unknown to registry"),
            Code::DigestInvalid => ("DIGEST_INVALID", 400, "provided digest did not match uploaded content"),
            Code::ManifestBlobUnknown => ("MANIFEST_BLOB_UNKNOWN", 400, "blob unknown to registry"),
            Code::ManifestInvalid => ("MANIFEST_INVALID", 400, "manifest invalid"),
            Code::ManifestUnknown => ("MANIFEST_UNKNOWN", 404, "manifest unknown"),
            Code::NameInvalid => ("NAME_INVALID", 400, "invalid repository name"),
            Code::NameUnknown => ("NAME_UNKNOWN", 404, "repository name not known to registry"),
            Code::PaginationNumberInvalid => ("PAGINATION_NUMBER_INVALID", 400, "invalid number of results requested"),
            Code::RangeInvalid => ("RANGE_INVALID", 416, "invalid content range"),
            Code::SizeInvalid => ("SIZE_INVALID", 400, "provided length did not match content length"),
            Code::TagInvalid => ("TAG_INVALID", 400, "manifest tag did not match URI"),
            Code::TooManyRequests => ("TOOMANYREQUESTS", 429, "too many requests"),
            Code::Unauthorized => ("UNAUTHORIZED", 401, "authentication required"),
            Code::Unknown => ("UNKNOWN", 500, "unknown error"),
            Code::Unsupported => ("UNSUPPORTED", 405, "The operation is unsupported."),
        }
    }

    /// As the log spells it: `name unknown`.
    pub(super) fn in_log(self) -> String {
        self.parts().0.to_ascii_lowercase().replace('_', " ")
    }
}

/// One error.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) detail: Option<Value>,
}

/// Why a request is not done: at least one error, a status, and header fields that say more.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) faults: Vec<Fault>,
    pub(super) headers: Headers,
    /// What the system said. It goes to the log, not to the client.
    pub(super) cause: Option<String>,
}

impl Refusal {
    /// A refusal with the code's own message and status.
    pub(super) fn new(code: Code) -> Refusal {
        let (_, status, message) = code.parts();
        Refusal {
            status,
            faults: vec![Fault {
                code,
                message: message.to_owned(),
                detail: None,
            }],
            headers: Headers::default(),
            cause: None,
        }
    }

    /// Says more, for programs.
    pub(super) fn detail(mut self, detail: impl Into<Value>) -> Refusal {
        let detail = detail.into();
        for fault in &mut self.faults {
            fault.detail = Some(detail.clone());
        }
        self
    }

    /// Says it in other words.
    pub(super) fn message(mut self, message: &str) -> Refusal {
        for fault in &mut self.faults {
            message.clone_into(&mut fault.message);
        }
        self
    }

    /// With another status.
    pub(super) fn status(mut self, status: u16) -> Refusal {
        self.status = status;
        self
    }

    /// With a header field.
    pub(super) fn header(mut self, name: &str, value: impl Into<String>) -> Refusal {
        self.headers.set(name, value);
        self
    }

    /// The response.
    pub(super) fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Errors<'a> {
            errors: Vec<Error<'a>>,
        }
        #[derive(Serialize)]
        struct Error<'a> {
            code: &'static str,
            message: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            detail: &'a Option<Value>,
        }
        let errors = self.faults.iter().map(|fault| Error {
            code: fault.code.parts().0,
            message: &fault.message,
            detail: &fault.detail,
        });
        let mut bytes = serde_json::to_vec(&Errors {
            errors: errors.collect(),
        })
        .expect("text and JSON values are JSON");
        bytes.push(b'\n');
        let mut headers = self.headers;
        headers.set("Content-Type", "application/json; charset=utf-8");
        Response {
            status: self.status,
            headers,
            body: Body::Bytes(bytes),
        }
    }
}

/// A fault of ours.
impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Refusal {
        Refusal {
            cause: Some(error.to_string()),
            ..Refusal::new(Code::Unknown)
        }
    }
}

impl From<store::StoreError> for Refusal {
    fn from(error: store::StoreError) -> Refusal {
        let why = std::error::Error::source(&error).map(|source| format!(": {source}"));
        Refusal {
            cause: Some(format!("{error}{}", why.unwrap_or_default())),
            ..Refusal::new(Code::Unknown)
        }
    }
}
