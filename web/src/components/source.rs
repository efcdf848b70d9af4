//! The room of what one writes: files, options, the editor with its tape, and what is wrong.

use yew::prelude::*;

use super::{
    Act, Shared, context::ContextPanel, editor::Editor, options::OptionsRow, problems::Problems, tabs::FileTabs,
    why::Why,
};
use crate::{
    model::{Action, Engine},
    rich,
};

#[derive(Properties, PartialEq)]
pub(crate) struct SourceProps {
    pub(crate) model: Shared,
    pub(crate) act: Act,
    /// The rich editor, if it is there.
    pub(crate) editor: rich::Editor,
    /// Files were chosen in a file field.
    pub(crate) on_chosen: Callback<web_sys::FileList>,
}

/// Tabs, options, editor and tape, then the card of the selected line and the findings.
#[component]
pub(crate) fn SourceRoom(props: &SourceProps) -> Html {
    let model = &props.model;
    let shows_context = use_state(|| false);
    let toggle = {
        let shows_context = shows_context.clone();
        Callback::from(move |()| shows_context.set(!*shows_context))
    };
    html! {
        <section class="pane source" aria-labelledby="source-title">
            <h2 id="source-title" class="vh">{ "Dockerfile and context" }</h2>
            <FileTabs model={model.clone()} act={props.act.clone()} open={*shows_context} on_toggle={toggle} />
            if *shows_context {
                <ContextPanel model={model.clone()} act={props.act.clone()} on_chosen={props.on_chosen.clone()} />
            }
            <OptionsRow model={model.clone()} act={props.act.clone()} />
            <Editor model={model.clone()} act={props.act.clone()} rich={props.editor.clone()} />
            <Summary model={model.clone()} act={props.act.clone()} plain={props.editor == rich::Editor::Plain} />
            <div class="findings">
                <Why model={model.clone()} />
                <Problems model={model.clone()} act={props.act.clone()} />
            </div>
        </section>
    }
}

#[derive(Properties, PartialEq)]
struct SummaryProps {
    model: Shared,
    act: Act,
    plain: bool,
}

/// One line below the editor: what a build would do.
#[component]
fn Summary(props: &SummaryProps) -> Html {
    let model = &props.model;
    let text: AttrValue = match &model.engine {
        Engine::Starting => "The engine is being loaded. You can write already.".into(),
        Engine::Failed(_) => "No preview: the engine is not running.".into(),
        Engine::Ready { .. } if model.summary.is_empty() => "Reading …".into(),
        Engine::Ready { .. } => model.summary.to_string().into(),
    };
    let forget = props.act.reform(|_: MouseEvent| Action::ForgetCache);
    html! {
        <p class={classes!("summary", (!model.is_fresh()).then_some("stale"))}>
            <span class="grow" id="summary" role="status">{ text }</span>
            if props.plain {
                <span class="note" title="The page was built without its code editor, or it could not be loaded.">{ "plain editor" }</span>
            }
            if model.has_engine() {
                <button class="link" onclick={forget} title="As docker builder prune -a does">{ "Forget the cache" }</button>
            }
        </p>
    }
}
