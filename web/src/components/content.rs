//! The content of the selected file.

use messages::{ChangeView, ContentView, FileRow};
use yew::prelude::*;

use super::Shared;
use crate::{model::Load, words};

#[derive(Properties, PartialEq)]
pub(crate) struct ContentProps {
    pub(crate) model: Shared,
}

/// Text, a dump, or why there is nothing to read.
#[component]
pub(crate) fn Content(props: &ContentProps) -> Html {
    let model = &props.model;
    let Some(path) = &model.selection.path else {
        return html! {};
    };
    let row = match &model.files {
        Load::Here(rows) => rows.iter().find(|row| *row.path == **path),
        _ => None,
    };
    let body = match &model.content {
        Load::Nothing => match row {
            Some(row) if row.kind != "dir" => html! { <p>{ no_content(row) }</p> },
            _ => return html! {},
        },
        Load::Loading => html! { <p>{ "Reading …" }</p> },
        Load::Failed(why) => html! { <p>{ &**why }</p> },
        Load::Here(content) => shown(content),
    };
    html! {
        <article class="view" id="content" aria-label={format!("Content of {path}")}>
            <header><b>{ format!("/{path}") }</b><span class="note">{ row.map(|row| origin(props, row)) }</span></header>
            { body }
        </article>
    }
}

fn no_content(row: &FileRow) -> String {
    match (row.change, row.kind.as_str()) {
        (ChangeView::Deleted, _) => {
            "This layer deletes the path. What lower layers have there is still shipped.".to_owned()
        }
        (_, "symlink") => format!("A symbolic link to {}.", row.target),
        (_, kind) => format!("A {kind} has no content."),
    }
}

fn origin(props: &ContentProps, row: &FileRow) -> String {
    let model = &props.model;
    let from = match model.line_of(row.layer) {
        Some(line) => format!(
            "{} by line {line}",
            if row.change == ChangeView::Changed {
                "changed"
            } else {
                "put there"
            }
        ),
        None => format!("from layer {}", row.layer + 1),
    };
    let fate = if row.hidden { " · hidden by a later layer" } else { "" };
    format!("{from} · {}{fate}", words::bytes(row.bytes))
}

fn shown(content: &ContentView) -> Html {
    match content {
        ContentView::Text { text, .. } if text.is_empty() => html! { <p>{ "The file is empty." }</p> },
        ContentView::Text { text, more } => html! {
            <><pre tabindex="0">{ text }</pre>if *more { <p class="note">{ "Only the beginning is shown." }</p> }</>
        },
        ContentView::Binary { dump, bytes } => html! {
            <><pre tabindex="0">{ dump }</pre><p class="note">{ format!("Not text; {} in all.", words::bytes(*bytes)) }</p></>
        },
        ContentView::Absent { bytes } => html! {
            <p><span class="tag">{ "simulated" }</span>{ format!(" Only the size of this file is known here: {}.", words::bytes(*bytes)) }</p>
        },
        ContentView::Missing => html! { <p>{ "There is no such file in this layer." }</p> },
    }
}
