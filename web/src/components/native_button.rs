//! The button that runs the project on this machine.

use yew::prelude::*;

use super::{Act, Shared};
use crate::model::{Action, NativeAction};

#[derive(Properties, PartialEq)]
pub(super) struct NativeButtonProps {
    pub(super) model: Shared,
    pub(super) act: Act,
}

/// Only where a companion answers.
#[component]
pub(super) fn NativeButton(props: &NativeButtonProps) -> Html {
    let native = &props.model.native;
    let run = props.act.reform(|_: MouseEvent| Action::Native(NativeAction::Run));
    html! {
        if let Some(hello) = &native.hello {
            <button class="quiet" id="run-natively" onclick={run} disabled={native.is_busy()}
                title={format!("Build it for real on this machine, with layerlab {}: first you are shown what will be executed", hello.version)}>{ "Run natively" }</button>
        }
    }
}
