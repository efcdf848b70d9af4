//! What went wrong, what can be taken back, and what is held over the page.

use yew::prelude::*;

use super::{Act, Shared};
use crate::{
    model::{Action, Engine},
    words,
};

#[derive(Properties, PartialEq)]
pub(crate) struct NoticesProps {
    pub(crate) model: Shared,
    pub(crate) act: Act,
    /// True while something is dragged over the page.
    pub(crate) hovers: bool,
    pub(crate) on_restart: Callback<()>,
}

/// Lines below the bar, each with what to do about it.
#[component]
pub(crate) fn Notices(props: &NoticesProps) -> Html {
    let model = &props.model;
    let emit = |action: Action| props.act.reform(move |_: MouseEvent| action.clone());
    html! {
        <div class="notices" aria-live="polite">
            if let Engine::Failed(why) = &model.engine {
                <div class="notice bad">
                    <span class="grow">{ format!("The engine is not running: {why}. Your files are kept.") }</span>
                    <button class="quiet" onclick={props.on_restart.reform(|_| ())}>{ "Start it again" }</button>
                </div>
            }
            if let Some(trouble) = &model.trouble {
                <div class="notice bad">
                    <span class="grow">{ &**trouble }</span>
                    <button class="quiet" onclick={emit(Action::Dismiss)}>{ "Dismiss" }</button>
                </div>
            }
            if let Some(arriving) = &model.machines.arriving {
                <div class="notice">
                    <span class="grow">{ format!("Loading {}, {} …", arriving.name, words::bytes(arriving.bytes)) }</span>
                    if let Some((done, total)) = arriving.read {
                        <progress max={total.to_string()} value={done.to_string()} aria-label={format!("How far {} is read", arriving.name)}></progress>
                    } else {
                        <progress aria-label={format!("Loading {}", arriving.name)}></progress>
                    }
                </div>
            }
            if model.before.is_some() {
                <div class="notice">
                    <span class="grow">{ &*model.before_said }</span>
                    <button class="quiet" id="undo" onclick={emit(Action::Undo)}>{ "Undo" }</button>
                    <button class="quiet" onclick={emit(Action::KeepNew)} aria-label="Keep it, and close this line">{ "Keep" }</button>
                </div>
            }
            if props.hovers {
                <div class="drop-here" aria-hidden="true">{ "Drop files or a folder: they become part of the context. An archive of docker save is loaded" }</div>
            }
        </div>
    }
}
