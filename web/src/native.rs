//! Carries out what the model wants of the native companion.

use std::rc::Rc;

use messages::RunEvent;
use wasm_bindgen_futures::spawn_local;
use web_sys::File;
use yew::Callback;

use crate::{
    companion::Companion,
    components::Act,
    model::{Action, Call, NativeAction, Project},
};

/// Asks whether a companion answers.
pub(crate) fn meet(companion: Companion, act: Act) {
    spawn_local(async move {
        if let Some(hello) = companion.hello().await {
            act.emit(Action::Native(NativeAction::Meet(hello)));
        }
    });
}

/// Carries out a call. An archive goes to `load`; everything else comes back as an action.
pub(crate) fn carry_out(companion: Companion, call: Call, project: Rc<Project>, act: Act, load: Callback<File>) {
    let tell = act.reform(Action::Native);
    let of_run = act.reform(|event: RunEvent| Action::Native(NativeAction::Hear(event)));
    let of_move = act.reform(|event: RunEvent| Action::Native(NativeAction::Move(event)));
    spawn_local(async move {
        match call {
            Call::Plan => tell.emit(NativeAction::Plan(companion.plan(&project).await)),
            Call::Go(hash) => companion.go(&hash, of_run).await,
            Call::Stop(hash) => {
                // A run that cannot be stopped has just ended, and says so itself.
                _ = companion.stop(&hash).await;
            }
            Call::List => tell.emit(NativeAction::Listed(companion.images().await)),
            Call::Push(image) => companion.transfer("push", &image, of_move).await,
            Call::Pull(image) => companion.transfer("pull", &image, of_move).await,
            Call::Save(image) => match companion.save(&image).await {
                Ok(file) => {
                    of_move.emit(RunEvent::Done { report: None });
                    load.emit(file);
                }
                Err(message) => of_move.emit(RunEvent::Failed { message, report: None }),
            },
        }
    });
}
