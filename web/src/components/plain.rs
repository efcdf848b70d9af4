//! The plain editor: the browser's own text area, transparent, over highlighted text.

use std::rc::Rc;

use messages::Problem;
use web_sys::HtmlTextAreaElement;
use yew::prelude::*;

use super::{
    Act, Shared,
    code::{CodeLine, is_in},
};
use crate::model::{Action, Utf16Map, pieces};

#[derive(Properties, PartialEq)]
pub(crate) struct PlainProps {
    pub(crate) model: Shared,
    pub(crate) act: Act,
    pub(crate) text: Rc<str>,
    pub(crate) problems: Rc<[Problem]>,
    pub(crate) selected: Option<(usize, usize)>,
}

/// A text area that is never written to while one types: the text goes from it to the model, and back only on a new revision.
#[component]
pub(crate) fn PlainEditor(props: &PlainProps) -> Html {
    let area = use_node_ref();
    {
        let (area, text) = (area.clone(), props.text.clone());
        use_effect_with((props.model.open.clone(), props.model.revision), move |_| {
            if let Some(area) = area.cast::<HtmlTextAreaElement>()
                && area.value() != *text
            {
                area.set_value(&text);
            }
        });
    }
    let input = {
        let (act, area) = (props.act.clone(), area.clone());
        Callback::from(move |_: InputEvent| {
            if let Some(area) = area.cast::<HtmlTextAreaElement>() {
                act.emit(Action::Type(area.value()));
            }
        })
    };
    let moved = props.model.shows_dockerfile().then(|| {
        let (act, area) = (props.act.clone(), area.clone());
        move || {
            let Some(area) = area.cast::<HtmlTextAreaElement>() else {
                return;
            };
            let at = area.selection_start().ok().flatten().unwrap_or(0) as usize;
            let text = area.value();
            let byte = Utf16Map::of(&text).byte(at);
            let before = text.get(..byte).unwrap_or(&text);
            act.emit(Action::SelectLine(1 + before.matches('\n').count()));
        }
    });
    let key = moved
        .clone()
        .map(|moved| Callback::from(move |_: KeyboardEvent| moved()));
    let click = moved.map(|moved| Callback::from(move |_: MouseEvent| moved()));
    let known = (
        props.text.clone(),
        props.problems.clone(),
        props.model.shows_dockerfile(),
    );
    let lines = use_memo(known, |(text, problems, _)| {
        pieces(text, &props.model.open_reading(), problems)
    });
    html! {
        <div class="text plain">
            <div class="sheet-of-text">
                <div class="pieces" aria-hidden="true">
                    for (index, line) in lines.iter().enumerate() {
                        <CodeLine key={index} pieces={line.clone()} selected={is_in(index + 1, props.selected)} />
                    }
                </div>
                <textarea ref={area} id="text" aria-label={format!("Text of {}", props.model.open)} aria-describedby="summary" wrap="off"
                    oninput={input} onkeyup={key} onclick={click} spellcheck="false" autocapitalize="off" autocomplete="off" />
            </div>
        </div>
    }
}
