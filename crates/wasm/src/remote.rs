//! The shell in the other module, as an executor. The call is synchronous: both modules live in one worker.

use builder::{Answer, Done, ExecuteError, Executor, Line, RunOutcome, RunRequest, SessionId, Sessions, Turn};
use oci::Digest;
use store::{BlobStore, MemoryBlobs, Tree};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use wire::{Answered, EngineEnd, SessionAsk, Told, WireError};

#[wasm_bindgen]
extern "C" {
    /// The other module's `Shell`.
    #[derive(Debug)]
    pub type Shell;

    /// Runs one call. `blob` takes the 32 bytes of a digest and gives the bytes that bear it.
    #[wasm_bindgen(method, catch)]
    fn run(this: &Shell, call: &[u8], blob: &mut dyn FnMut(Vec<u8>) -> Option<Vec<u8>>) -> Result<Vec<u8>, JsValue>;

    /// Goes on with a session. `blob` is the same.
    #[wasm_bindgen(method, catch)]
    fn session(this: &Shell, ask: &[u8], blob: &mut dyn FnMut(Vec<u8>) -> Option<Vec<u8>>) -> Result<Vec<u8>, JsValue>;
}

/// Runs commands in the shell's module.
#[derive(Debug)]
pub(crate) struct RemoteShell<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) wire: &'a mut EngineEnd,
}

impl Executor for RemoteShell<'_> {
    fn run(
        &mut self,
        request: &RunRequest,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<RunOutcome, ExecuteError> {
        let call = self.wire.send(request, tree).map_err(broken)?;
        let mut blob = |digest: Vec<u8>| {
            let digest = Digest::from_bytes(digest.try_into().ok()?);
            blobs.get(&digest).ok().map(|bytes| bytes.to_vec())
        };
        let answer = self.shell.run(&call, &mut blob).map_err(|thrown| {
            // A shell that threw is in no state to be asked again with what it should remember.
            *self.wire = EngineEnd::default();
            ExecuteError::Unsupported {
                what: format!("{}: the shell stopped: {thrown:?}", request.argv.join(" ")),
            }
        })?;
        let Answered { result, blobs: new } = self.wire.receive(&answer).map_err(broken)?;
        for bytes in new {
            blobs.put(&bytes)?;
        }
        result
    }
}

impl RemoteShell<'_> {
    fn ask(&mut self, ask: &SessionAsk, blobs: &mut dyn BlobStore) -> Result<Turn, ExecuteError> {
        let bytes = self.wire.send_ask(ask).map_err(broken)?;
        let mut blob = |digest: Vec<u8>| {
            let digest = Digest::from_bytes(digest.try_into().ok()?);
            blobs.get(&digest).ok().map(|bytes| bytes.to_vec())
        };
        let said = self.shell.session(&bytes, &mut blob).map_err(|thrown| {
            *self.wire = EngineEnd::default();
            ExecuteError::Unsupported {
                what: format!("a line at a terminal: the shell stopped: {thrown:?}"),
            }
        })?;
        let Told { result, blobs: new } = self.wire.receive_turn(&said).map_err(broken)?;
        for bytes in new {
            blobs.put(&bytes)?;
        }
        result
    }
}

impl Sessions for RemoteShell<'_> {
    fn start(
        &mut self,
        id: SessionId,
        line: &Line,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<Turn, ExecuteError> {
        self.ask(&SessionAsk::Start(id, line.clone(), tree.clone()), blobs)
    }

    fn resume(
        &mut self,
        id: SessionId,
        answer: Answer,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<Turn, ExecuteError> {
        self.ask(&SessionAsk::Resume(id, answer, tree.clone()), blobs)
    }

    fn abort(&mut self, id: SessionId) -> Option<Done> {
        // Breaking off reads and makes no bytes.
        match self.ask(&SessionAsk::Abort(id), &mut MemoryBlobs::default()) {
            Ok(Turn::Done(done)) => Some(done),
            _ => None,
        }
    }
}

/// Both modules are built together, so this is a mistake of ours; the build fails with its text.
fn broken(error: WireError) -> ExecuteError {
    ExecuteError::Unsupported {
        what: error.to_string(),
    }
}

/// For steps that need none.
#[derive(Debug)]
pub(crate) struct NoShell;

impl Executor for NoShell {
    fn run(&mut self, request: &RunRequest, _: &Tree, _: &mut dyn BlobStore) -> Result<RunOutcome, ExecuteError> {
        Err(ExecuteError::Unsupported {
            what: request.argv.join(" "),
        })
    }
}
