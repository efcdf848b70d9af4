//! The room of what is inside: files, matrix, history, config.

use yew::prelude::*;

use super::{Act, Shared, facts::Facts, files::Files, history::History, matrix::Matrix};
use crate::model::{Action, Inside};

const SIDES: [(Inside, &str, &str); 4] = [
    (Inside::Files, "files", "Files"),
    (Inside::Matrix, "matrix", "Matrix"),
    (Inside::History, "history", "History"),
    (Inside::Config, "config", "Config"),
];

#[derive(Properties, PartialEq)]
pub(crate) struct InsideProps {
    pub(crate) model: Shared,
    pub(crate) act: Act,
}

/// Tabs, and the side that is chosen.
#[component]
pub(crate) fn InsideRoom(props: &InsideProps) -> Html {
    let model = &props.model;
    let bar = use_node_ref();
    let at = SIDES.iter().position(|(side, ..)| *side == model.inside).unwrap_or(0);
    let key = {
        let (act, bar) = (props.act.clone(), bar.clone());
        Callback::from(move |event: KeyboardEvent| {
            let to = match event.key().as_str() {
                "ArrowRight" => (at + 1) % SIDES.len(),
                "ArrowLeft" => (at + SIDES.len() - 1) % SIDES.len(),
                "Home" => 0,
                "End" => SIDES.len() - 1,
                _ => return,
            };
            event.prevent_default();
            act.emit(Action::Show(SIDES[to].0));
            super::focus_soon(&bar, "[aria-selected='true']");
        })
    };
    html! {
        <section class="pane files" aria-labelledby="inside-title">
            <h2 id="inside-title" class="vh">{ "What is inside the image" }</h2>
            <div class="tabs" role="tablist" aria-labelledby="inside-title" ref={bar} onkeydown={key}>
                for (side, id, title) in SIDES {
                    <button class="tab" role="tab" id={format!("tab-{id}")} aria-selected={(side == model.inside).to_string()} aria-controls="inside"
                        tabindex={if side == model.inside { "0" } else { "-1" }} onclick={props.act.reform(move |_: MouseEvent| Action::Show(side))}>{ title }</button>
                }
            </div>
            <div class="side" role="tabpanel" id="inside" aria-labelledby={format!("tab-{}", SIDES[at].1)} tabindex="-1">
                if model.image.is_none() {
                    <div class="empty"><p><b>{ "Nothing to look into yet" }</b></p>
                        <p>{ "After a build: the files of each layer and of the whole, what hides what, the history, and the configuration." }</p></div>
                } else {
                    { side(props) }
                }
            </div>
        </section>
    }
}

fn side(props: &InsideProps) -> Html {
    let (model, act) = (props.model.clone(), props.act.clone());
    match model.inside {
        Inside::Files => html! { <Files {model} {act} /> },
        Inside::Matrix => html! { <Matrix {model} {act} /> },
        Inside::History => html! { <History {model} {act} /> },
        Inside::Config => html! { <Facts {model} {act} /> },
    }
}
