//! Runs on this machine: how far, the log, and preview and reality side by side.

use web_sys::{File, HtmlInputElement};
use yew::prelude::*;

use super::{Act, Shared, compared::Compared, run_log::RunLog};
use crate::model::{Action, NativeAction, Run};

#[derive(Properties, PartialEq)]
pub(super) struct NativeProps {
    pub(super) model: Shared,
    pub(super) act: Act,
    /// A report was chosen in a file field.
    pub(super) on_report: Callback<File>,
}

/// The report above the log; without either, how to get there.
#[component]
pub(super) fn NativeSide(props: &NativeProps) -> Html {
    let native = &props.model.native;
    let on_report = props.on_report.clone();
    let chosen = Callback::from(move |event: Event| {
        let input: HtmlInputElement = event.target_unchecked_into();
        if let Some(file) = input.files().and_then(|files| files.get(0)) {
            on_report.emit(file);
        }
        // The same file can be chosen again.
        input.set_value("");
    });
    html! {
        <div class="native-room" id="native-room">
            <div class="row-of-controls">
                { state(props) }
                <label class="upload">{ "Open a preview report" }<input type="file" class="vh" id="open-report" accept=".json" onchange={chosen} /></label>
            </div>
            if let Run::Failed(why) = &native.run {
                <div class="failure" id="run-failure"><p><span class="sign error" aria-hidden="true">{ "✕" }</span>{ &**why }</p></div>
            }
            if let Some(report) = &native.report {
                <Compared report={report.clone()} file={native.report_file.clone()} act={props.act.clone()} />
            }
            if !native.log.is_empty() {
                <RunLog log={native.log.clone()} />
            } else if native.report.is_none() {
                { empty(native.hello.is_some()) }
            }
        </div>
    }
}

fn state(props: &NativeProps) -> Html {
    let emit = |action: NativeAction| props.act.reform(move |_: MouseEvent| Action::Native(action.clone()));
    match &props.model.native.run {
        Run::Idle => html! { <span class="grow"></span> },
        Run::Planning => html! { <span class="grow note">{ "Finding out what will be executed …" }</span> },
        Run::Asking(_) => html! { <span class="grow note">{ "Waiting for your answer" }</span> },
        Run::Running { doing, stopping, .. } => html! {
            <>
                <span class="doing grow">{ &**doing }</span>
                <button class="quiet" id="cancel-run" onclick={emit(NativeAction::Cancel)} disabled={*stopping}>
                    { if *stopping { "Stopping …" } else { "Cancel the run" } }
                </button>
            </>
        },
        Run::Failed(_) => html! { <span class="grow note" data-run="failed">{ "failed" }</span> },
        Run::Done => {
            let image = props
                .model
                .native
                .report
                .as_ref()
                .and_then(|report| report.image_id.clone());
            html! {
                <>
                    <span class="grow note" data-run="finished">{ "finished" }</span>
                    if let Some(image) = image {
                        <button class="quiet" id="open-result" onclick={emit(NativeAction::Open(image.into()))}>{ "Open its layers" }</button>
                    }
                </>
            }
        }
    }
}

fn empty(is_there: bool) -> Html {
    if is_there {
        html! {
            <div class="empty"><p><b>{ "Nothing has run on this machine yet" }</b></p>
                <p>{ "Press Run natively: it shows what will be executed, asks once, and lays what came beside what the preview expected." }</p></div>
        }
    } else {
        html! {
            <div class="empty"><p><b>{ "The page builds in a simulation" }</b></p>
                <p>{ "To run the same Dockerfile for real, on Linux, start the companion and open the link that it prints: " }<code>{ "layerlab play" }</code>
                    { ", or " }<code>{ "cargo xtask play" }</code>{ " in the sources. A report of layerlab build --preview-report can be opened here without it." }</p></div>
        }
    }
}
