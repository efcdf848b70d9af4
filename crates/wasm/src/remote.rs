//! The shell in the other module, as an executor. The call is synchronous: both modules live in one worker.

use builder::{ExecuteError, Executor, RunOutcome, RunRequest};
use oci::Digest;
use store::{BlobStore, Tree};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use wire::{Answered, EngineEnd, WireError};

#[wasm_bindgen]
extern "C" {
    /// The other module's `Shell`.
    #[derive(Debug)]
    pub type Shell;

    /// Runs one call. `blob` takes the 32 bytes of a digest and gives the bytes that bear it.
    #[wasm_bindgen(method, catch)]
    fn run(this: &Shell, call: &[u8], blob: &mut dyn FnMut(Vec<u8>) -> Option<Vec<u8>>) -> Result<Vec<u8>, JsValue>;
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
