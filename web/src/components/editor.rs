//! The editor: line numbers, the text, and the tape of cells, in one scroller, aligned by rows of one height.

use std::rc::Rc;

use messages::Problem;
use yew::prelude::*;

use super::{Act, Shared, code::LineNumbers, plain::PlainEditor, rich_editor::RichEditor, tape::Tape};
use crate::{model::Action, rich, words};

#[derive(Properties, PartialEq)]
pub(crate) struct EditorProps {
    pub(crate) model: Shared,
    pub(crate) act: Act,
    pub(crate) rich: rich::Editor,
}

/// The open file in an editor; beside a Dockerfile, the tape.
#[component]
pub(crate) fn Editor(props: &EditorProps) -> Html {
    let model = &props.model;
    let Some(text) = model.open_text() else {
        return not_text(model);
    };
    let dockerfile = model.shows_dockerfile();
    let problems: Rc<[Problem]> = if dockerfile {
        model.problems().into()
    } else {
        Rc::default()
    };
    let text: Rc<str> = text.into();
    let n_lines = 1 + text.matches('\n').count();
    let selected = dockerfile.then(|| selected_lines(model)).flatten();
    html! {
        <div class={classes!("code", dockerfile.then_some("with-tape"))} id="editor" role="group" aria-label={format!("Editor: {}", model.open)}>
            <div class="code-grid">
                <LineNumbers {n_lines} {selected} problems={problems.clone()} />
                if let rich::Editor::Rich(bundle) = props.rich.clone() {
                    <RichEditor {bundle} model={model.clone()} act={props.act.clone()} {text} {problems} {selected} />
                } else {
                    <PlainEditor model={model.clone()} act={props.act.clone()} {text} {problems} {selected} />
                }
                if dockerfile {
                    <Tape cells={model.tape.clone()} instructions={Rc::new(model.reading.instructions.clone())} {n_lines} {selected}
                        fresh={model.is_fresh()} on_select={props.act.reform(Action::SelectLine)} />
                }
            </div>
        </div>
    }
}

/// First and last line of the selected instruction.
fn selected_lines(model: &Shared) -> Option<(usize, usize)> {
    let line = model.selection.line?;
    model
        .reading
        .instructions
        .iter()
        .find(|(first, _)| *first == line)
        .copied()
}

fn not_text(model: &Shared) -> Html {
    let bytes = model.project.files.get(&model.open).map_or(0, |file| file.bytes.len());
    html! {
        <div class="code empty" id="editor">
            <p>{ format!("{} has {} and is not text that can be edited here. It is part of the context all the same.", model.open, words::bytes(bytes as u64)) }</p>
        </div>
    }
}
