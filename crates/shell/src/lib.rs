//! The shell's WebAssembly module: the simulator behind two functions, loaded by the worker when a command is to run. It holds no logic.

mod blobs;

use blobs::CallerBlobs;
use builder::{ExecuteError, Executor, Sessions, Turn};
use js_sys::Function;
use simulator::Simulator;
use wasm_bindgen::prelude::{JsError, wasm_bindgen};
use wire::{SessionAsk, ShellEnd};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(text: &str);
}

/// A simulated shell that answers the engine's calls.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Shell {
    simulator: Simulator,
    wire: ShellEnd,
}

#[wasm_bindgen]
impl Shell {
    /// A shell that has run nothing.
    #[wasm_bindgen(constructor)]
    #[allow(clippy::new_without_default, reason = "only JavaScript makes one")]
    pub fn new() -> Shell {
        std::panic::set_hook(Box::new(|info| console_error(&info.to_string())));
        Shell {
            simulator: Simulator::new(),
            wire: ShellEnd::default(),
        }
    }

    /// Goes on with a session as the engine asks, to its next turn. `blob` is as in [`Shell::run`].
    ///
    /// # Errors
    ///
    /// If `ask` is no ask of an engine built together with this shell.
    pub fn session(&mut self, ask: &[u8], blob: &Function) -> Result<Vec<u8>, JsError> {
        let ask = self.wire.receive_ask(ask)?;
        let mut blobs = CallerBlobs::new(blob);
        let result = match ask {
            SessionAsk::Start(id, line, tree) => self.simulator.start(id, &line, &tree, &mut blobs),
            SessionAsk::Resume(id, answer, tree) => self.simulator.resume(id, answer, &tree, &mut blobs),
            SessionAsk::Abort(id) => self.simulator.abort(id).map(Turn::Done).ok_or_else(|| {
                let what = "to break off what does not run".to_owned();
                ExecuteError::Unsupported { what }
            }),
        };
        Ok(self.wire.send_turn(&result, &blobs.into_new())?)
    }

    /// Runs one call of the engine and returns its answer. `blob` takes the 32 bytes of a digest and gives the bytes that bear it,
    /// or `undefined`.
    ///
    /// # Errors
    ///
    /// If `call` is no call of an engine built together with this shell.
    pub fn run(&mut self, call: &[u8], blob: &Function) -> Result<Vec<u8>, JsError> {
        let (request, tree) = self.wire.receive(call)?;
        let mut blobs = CallerBlobs::new(blob);
        let result = self.simulator.run(&request, &tree, &mut blobs);
        Ok(self.wire.send(&result, &blobs.into_new())?)
    }
}
