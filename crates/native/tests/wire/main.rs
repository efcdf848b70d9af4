//! The client over sockets: against our own registry, and against servers that misbehave.

mod own;
mod support;
