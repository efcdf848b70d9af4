//! The two ends of the wire, and what they remember.

use crate::WireError;
use crate::run::{WireAnswer, WireCall, decode_call, decode_result, encode_call, encode_result};
use builder::{ExecuteError, RunOutcome, RunRequest};
use serde_bytes::ByteBuf;
use store::Tree;

/// The engine's end: sends requests, receives outcomes.
#[derive(Debug, Default)]
pub struct EngineEnd {
    last: Tree,
    /// False until a run went well, and after one that did not: then the other end may remember another tree.
    in_step: bool,
}

impl EngineEnd {
    /// The bytes of a call.
    ///
    /// # Errors
    ///
    /// [`WireError::TooDeep`] for a tree no filesystem could hold.
    pub fn send(&mut self, request: &RunRequest, tree: &Tree) -> Result<Vec<u8>, WireError> {
        let base = if self.in_step {
            std::mem::take(&mut self.last)
        } else {
            Tree::new()
        };
        let call = encode_call(request, tree, &base, self.in_step)?;
        self.in_step = false;
        self.last = tree.clone();
        Ok(postcard::to_allocvec(&call)?)
    }

    /// What came of the last call.
    ///
    /// # Errors
    ///
    /// [`WireError`] if these bytes do not answer the last call.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<Answered, WireError> {
        let answer: WireAnswer = postcard::from_bytes(bytes)?;
        let result = decode_result(answer.result, &self.last)?;
        if let Ok(outcome) = &result {
            self.last = outcome.tree.clone();
            self.in_step = true;
        }
        let blobs = answer.blobs.into_iter().map(ByteBuf::into_vec).collect();
        Ok(Answered { result, blobs })
    }
}

/// What came of a call.
#[derive(Debug)]
pub struct Answered {
    /// The run's outcome, or why there is none.
    pub result: Result<RunOutcome, ExecuteError>,
    /// The bytes of files that are new; the outcome names them by their digests.
    pub blobs: Vec<Vec<u8>>,
}

/// The shell's end: receives requests, sends outcomes.
#[derive(Debug, Default)]
pub struct ShellEnd {
    last: Tree,
}

impl ShellEnd {
    /// What is asked.
    ///
    /// # Errors
    ///
    /// [`WireError`] if these bytes are no call, or build on a tree that this end does not have.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(RunRequest, Tree), WireError> {
        let call: WireCall = postcard::from_bytes(bytes)?;
        let base = std::mem::take(&mut self.last);
        let base = if call.continues { base } else { Tree::new() };
        let (request, tree) = decode_call(call, &base)?;
        self.last = tree.clone();
        Ok((request, tree))
    }

    /// The bytes of an answer to the call received last. `blobs` are the files whose bytes the engine does not have.
    ///
    /// # Errors
    ///
    /// [`WireError::TooDeep`] for a tree no filesystem could hold.
    pub fn send(&mut self, result: &Result<RunOutcome, ExecuteError>, blobs: &[Vec<u8>]) -> Result<Vec<u8>, WireError> {
        let answer = WireAnswer {
            result: encode_result(result, &self.last)?,
            blobs: blobs.iter().map(|bytes| ByteBuf::from(bytes.as_slice())).collect(),
        };
        if let Ok(outcome) = result {
            self.last = outcome.tree.clone();
        }
        Ok(postcard::to_allocvec(&answer)?)
    }
}
