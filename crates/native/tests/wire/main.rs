//! The client over sockets: against our own registry, and against servers that misbehave.

mod faults;
mod hostile;
mod own;
mod resume;
mod support;
mod tls;
