//! The room of what is inside: files, matrix, history, config.

use yew::prelude::*;

use super::{
    Act, Shared,
    facts::Facts,
    files::Files,
    history::History,
    matrix::Matrix,
    side_tabs::{Chosen, SideTab, SideTabs},
};
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
    let at = SIDES.iter().position(|(side, ..)| *side == model.inside).unwrap_or(0);
    let tabs: Vec<SideTab> = SIDES.iter().map(|(_, id, title)| SideTab::of(id, title)).collect();
    html! {
        <section class="pane files" aria-labelledby="inside-title">
            <h2 id="inside-title" class="vh">{ "What is inside the image" }</h2>
            <div class="tabs">
                <SideTabs {tabs} {at} panel="inside" heading="inside-title" on_choose={props.act.reform(|chosen: Chosen| Action::Show(SIDES[chosen.at].0))} />
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
