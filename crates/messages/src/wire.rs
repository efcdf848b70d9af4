//! What goes over the simulated network when an image is pushed or pulled.

use serde::{Deserialize, Serialize};

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WireRow {
    /// Ever rising, from 1.
    pub number: u64,
    /// Name of the host that asks.
    pub client: String,
    /// Name of the host that answers.
    pub server: String,
    /// `GET`.
    pub method: String,
    /// In full, without secrets.
    pub url: String,
    /// 0 if there was no answer: the connection was refused, or TLS failed.
    pub status: u16,
    /// Bytes of the request's body.
    pub sent_bytes: u64,
    /// Bytes of the answer's body.
    pub received_bytes: u64,
    /// Why bytes did not have to go over the wire, `layer already exists`, `mounted from api`; `None` if nothing was spared.
    pub spared: Option<String>,
    /// How many bytes that spared.
    pub spared_bytes: u64,
    /// What the request is for, or what went wrong, in a learner's words; may be empty.
    pub note: String,
}
