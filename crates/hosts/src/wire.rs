//! The wire: every request that crossed the network, as a list to watch.

use registry::Method;

/// So many exchanges wait to be taken; of more, the oldest are lost.
const MAX_EXCHANGES: usize = 2000;

/// A request and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exchange {
    /// Ever rising, from 1.
    pub number: u64,
    /// Name of the machine that asked.
    pub client: String,
    /// Name of the machine that answered.
    pub server: String,
    /// What was asked for; `None` if nothing was, because it was there already.
    pub method: Option<Method>,
    /// The URL, secrets taken out.
    pub url: String,
    /// Such as 200; 0 if there was no answer.
    pub status: u16,
    /// Bytes of the request's body.
    pub sent_bytes: u64,
    /// Bytes of the answer's body.
    pub received_bytes: u64,
    /// Why bytes did not have to travel, and how many.
    pub spared: Option<(String, u64)>,
    /// What it is for, or what went wrong, in a sentence.
    pub note: String,
}

/// Exchanges that wait to be shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wire {
    last: u64,
    exchanges: Vec<Exchange>,
}

impl Wire {
    /// Adds an exchange and numbers it.
    pub(crate) fn add(&mut self, exchange: Exchange) {
        self.last += 1;
        if self.exchanges.len() == MAX_EXCHANGES {
            self.exchanges.remove(0);
        }
        self.exchanges.push(Exchange {
            number: self.last,
            ..exchange
        });
    }

    /// The exchanges since they were last taken, oldest first.
    pub(crate) fn take(&mut self) -> Vec<Exchange> {
        std::mem::take(&mut self.exchanges)
    }
}

/// What a request is for, in a learner's words.
///
/// Source: OCI distribution-spec, "Endpoints".
pub(crate) fn purpose(method: Method, path: &str, query: &str) -> &'static str {
    let is = |part: &str| path.contains(part);
    match method {
        _ if path == "/v2/" || path == "/v2" => "Is this a registry, and may I come in?",
        _ if is("/token") => "A token for what comes next.",
        _ if is("/search") => "Which repositories match?",
        Method::Get | Method::Head if is("/manifests/") => match method {
            Method::Head => "Which image does this name mean now?",
            _ => "The manifest: which config and which layers make this image.",
        },
        Method::Head if is("/blobs/") => "Is this blob there already? Then it need not be sent.",
        Method::Get if is("/blobs/uploads/") => "How far did the upload come?",
        Method::Get if is("/blobs/") => "A config or a layer.",
        Method::Post if query.contains("mount=") => {
            "Another repository of this registry has the blob: link it instead of sending it."
        }
        Method::Post if is("/blobs/uploads/") => "I am going to send a blob.",
        Method::Patch => "The blob's bytes.",
        Method::Put if is("/blobs/uploads/") => "The blob is complete, and this is its digest.",
        Method::Put if is("/manifests/") => "The manifest comes last: from now on the image is there.",
        Method::Get if is("/tags/list") => "Which tags are there?",
        Method::Get if is("/referrers/") => "What was said about this manifest?",
        Method::Get if is("/_catalog") => "Which repositories are there?",
        Method::Delete => "Delete it.",
        _ => "",
    }
}
