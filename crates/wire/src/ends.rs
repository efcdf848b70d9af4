//! The two ends of the wire, and what they remember.

use crate::WireError;
use crate::run::{WireAnswer, WireCall, decode_call, decode_result, encode_call, encode_result};
use crate::session::{SessionAsk, WireAsk, WireSaid, decode_ask, decode_turn, encode_ask, encode_turn};
use builder::{ExecuteError, RunOutcome, RunRequest, Turn};
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
        let (base, continues) = self.base();
        let call = encode_call(request, tree, &base, continues)?;
        self.last = tree.clone();
        Ok(postcard::to_allocvec(&call)?)
    }

    /// What the other end has, if it has anything. Until it answers well, it counts as having nothing.
    fn base(&mut self) -> (Tree, bool) {
        let last = std::mem::take(&mut self.last);
        let continues = std::mem::take(&mut self.in_step);
        (if continues { last } else { Tree::new() }, continues)
    }

    /// The bytes of what a session is asked.
    ///
    /// # Errors
    ///
    /// [`WireError::TooDeep`] for a tree no filesystem could hold.
    pub fn send_ask(&mut self, ask: &SessionAsk) -> Result<Vec<u8>, WireError> {
        let (base, continues) = self.base();
        let wire = encode_ask(ask, &base, continues)?;
        self.last = match ask {
            SessionAsk::Start(_, _, tree) | SessionAsk::Resume(_, _, tree) => tree.clone(),
            SessionAsk::Abort(_) => base,
        };
        Ok(postcard::to_allocvec(&wire)?)
    }

    /// What came of the last ask.
    ///
    /// # Errors
    ///
    /// [`WireError`] if these bytes do not answer the last ask.
    pub fn receive_turn(&mut self, bytes: &[u8]) -> Result<Told, WireError> {
        let said: WireSaid = postcard::from_bytes(bytes)?;
        let result = decode_turn(said.result, &self.last)?;
        if let Ok(turn) = &result {
            if let Some(so_far) = turn.so_far() {
                self.last = so_far.tree.clone();
            }
            self.in_step = true;
        }
        let blobs = said.blobs.into_iter().map(ByteBuf::into_vec).collect();
        Ok(Told { result, blobs })
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

/// What came of an ask.
#[derive(Debug)]
pub struct Told {
    /// The session's turn, or why there is none.
    pub result: Result<Turn, ExecuteError>,
    /// The bytes of files that are new; the turn names them by their digests.
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

    /// What a session is asked.
    ///
    /// # Errors
    ///
    /// [`WireError`] if these bytes are no ask, or build on a tree that this end does not have.
    pub fn receive_ask(&mut self, bytes: &[u8]) -> Result<SessionAsk, WireError> {
        let wire: WireAsk = postcard::from_bytes(bytes)?;
        let base = std::mem::take(&mut self.last);
        let base = if wire.continues { base } else { Tree::new() };
        let ask = decode_ask(wire, &base)?;
        self.last = match &ask {
            SessionAsk::Start(_, _, tree) | SessionAsk::Resume(_, _, tree) => tree.clone(),
            SessionAsk::Abort(_) => base,
        };
        Ok(ask)
    }

    /// The bytes of the turn that the ask received last came to. `blobs` are the files whose bytes the engine does not have.
    ///
    /// # Errors
    ///
    /// [`WireError::TooDeep`] for a tree no filesystem could hold.
    pub fn send_turn(&mut self, result: &Result<Turn, ExecuteError>, blobs: &[Vec<u8>]) -> Result<Vec<u8>, WireError> {
        let said = WireSaid {
            result: encode_turn(result, &self.last)?,
            blobs: blobs.iter().map(|bytes| ByteBuf::from(bytes.as_slice())).collect(),
        };
        if let Ok(turn) = result
            && let Some(so_far) = turn.so_far()
        {
            self.last = so_far.tree.clone();
        }
        Ok(postcard::to_allocvec(&said)?)
    }
}
