//! The line to the worker: requests go out, replies come in.

use js_sys::Reflect;
use messages::{Reply, Request};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{File, MessageEvent, Worker, WorkerOptions, WorkerType};
use yew::Callback;

use crate::browser;

/// What is heard from the worker.
#[derive(Debug)]
pub(crate) enum Heard {
    /// A reply.
    Reply(Reply),
    /// It could not be started, it stopped, or it said what is no reply.
    Lost(String),
}

/// A worker that runs as long as this value lives.
pub(crate) struct Link {
    worker: Worker,
    // Kept for as long as the worker may call them.
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(JsValue)>,
}

impl Link {
    /// Starts the worker that the page's `layerlab-engine` names.
    ///
    /// # Errors
    ///
    /// What the browser says if there can be no worker.
    pub(crate) fn start(hear: Callback<Heard>) -> Result<Link, JsValue> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let address = browser::address(&browser::meta("layerlab-engine"));
        let worker = Worker::new_with_options(&address, &options)?;

        let heard = hear.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            heard.emit(match serde_wasm_bindgen::from_value(event.data()) {
                Ok(reply) => Heard::Reply(reply),
                Err(error) => Heard::Lost(format!("expected a reply, found something else: {error}")),
            });
        });
        let on_error = Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| {
            // A program that cannot be loaded gives a plain event without a message.
            let message = Reflect::get(&event, &"message".into())
                .ok()
                .and_then(|message| message.as_string());
            hear.emit(Heard::Lost(
                message.unwrap_or_else(|| "its program could not be loaded".to_owned()),
            ));
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Link {
            worker,
            _on_message: on_message,
            _on_error: on_error,
        })
    }

    /// Posts a request.
    ///
    /// # Errors
    ///
    /// What the browser says if it cannot.
    pub(crate) fn post(&self, request: &Request) -> Result<(), JsValue> {
        self.worker.post_message(&serde_wasm_bindgen::to_value(request)?)
    }

    /// Posts a [`messages::Ask::Load`] with its file beside it: the worker reads it where it lies, and nothing of it comes into this module's
    /// memory, which never shrinks.
    ///
    /// # Errors
    ///
    /// What the browser says if it cannot.
    pub(crate) fn post_file(&self, request: &Request, file: &File) -> Result<(), JsValue> {
        let message = serde_wasm_bindgen::to_value(request)?;
        Reflect::set(&message, &"file".into(), file)?;
        self.worker.post_message(&message)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}
