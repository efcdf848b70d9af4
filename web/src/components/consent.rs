//! What a run on this machine will execute, and the question whether it may.

use std::rc::Rc;

use messages::{NativePlan, PlannedBase, PlannedCommand};
use web_sys::HtmlDialogElement;
use yew::prelude::*;

use super::Act;
use crate::{
    model::{Action, NativeAction},
    words,
};

#[derive(Properties, PartialEq)]
pub(crate) struct ConsentProps {
    pub(crate) plan: Rc<NativePlan>,
    pub(crate) act: Act,
}

/// A dialog that keeps the keyboard until it is answered; Escape says no.
#[component]
pub(crate) fn Consent(props: &ConsentProps) -> Html {
    let dialog = use_node_ref();
    {
        let dialog = dialog.clone();
        use_effect_with((), move |()| {
            if let Some(dialog) = dialog.cast::<HtmlDialogElement>() {
                // It fails only for a dialog that is open already.
                _ = dialog.show_modal();
            }
        });
    }
    let say = |action: NativeAction| props.act.reform(move |_: MouseEvent| Action::Native(action.clone()));
    let escape = props.act.reform(|event: Event| {
        event.prevent_default();
        Action::Native(NativeAction::Decline)
    });
    let plan = &props.plan;
    let n_commands = plan.commands.len();
    html! {
        <dialog class="consent" ref={dialog} aria-labelledby="consent-title" aria-describedby="consent-about" oncancel={escape}>
            <h2 id="consent-title">{ "Run this on your machine?" }</h2>
            <p id="consent-about">{ about(n_commands) }</p>
            <div class="consent-body" tabindex="0" role="region" aria-label="What will be executed">
                if n_commands > 0 {
                    <ol class="commands">
                        for command in &plan.commands { { shown(command) } }
                    </ol>
                }
                if !plan.bases.is_empty() {
                    <h3 class="sub">{ "Images it takes" }</h3>
                    <ul>for base in &plan.bases { <li><code>{ &base.name }</code>{ whence(base) }</li> }</ul>
                }
                if !plan.downloads.is_empty() {
                    <h3 class="sub">{ "What ADD fetches" }</h3>
                    <ul>for address in &plan.downloads { <li><code>{ address }</code></li> }</ul>
                }
            </div>
            <p class="note">{ "Plan " }<code id="plan-hash" title={plan.hash.clone()}>{ words::short_digest(&plan.hash) }</code>
                { ". While this page is open, the same plan is not asked about again." }</p>
            <footer>
                <button class="quiet" id="decline" onclick={say(NativeAction::Decline)}>{ "Do not run" }</button>
                <button class="primary" id="agree" onclick={say(NativeAction::Agree)}>{ "Run natively" }</button>
            </footer>
        </dialog>
    }
}

fn about(n_commands: usize) -> String {
    if n_commands == 0 {
        return "No command is executed: files are copied, and an image is made.".to_owned();
    }
    format!(
        "{} executed for real, each in a filesystem of its own, with these words:",
        words::count(n_commands, "command is", "commands are")
    )
}

fn shown(command: &PlannedCommand) -> Html {
    let (shell, text) = match command.argv.as_slice() {
        [shell, flag, text] if flag == "-c" => (format!("{shell} -c"), text.clone()),
        argv => ("program and arguments".to_owned(), argv.join("\n")),
    };
    let origin = if command.trigger {
        "brought along by the base image of line"
    } else {
        "line"
    };
    let network = match command.network.as_str() {
        "none" => "no network",
        "host" => "the network of your machine itself",
        _ => "may use the network",
    };
    let user = if command.user.is_empty() {
        String::new()
    } else {
        format!(" · as user {}", command.user)
    };
    html! {
        <li>
            <p class="note">{ format!("{origin} {} · stage {} · {network}{user} · {shell}", command.line, command.stage) }</p>
            <pre>{ text }</pre>
            for mount in &command.mounts { <p class="note mount">{ "mounts " }{ mount }</p> }
        </li>
    }
}

fn whence(base: &PlannedBase) -> String {
    if base.registry.is_empty() {
        " is on this machine.".to_owned()
    } else {
        format!(
            " is not on this machine: it is fetched from {}. Commands that it brings along (ONBUILD) cannot be listed before that; pull it first to see them.",
            base.registry
        )
    }
}
