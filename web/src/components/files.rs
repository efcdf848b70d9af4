//! The tree of files: one layer's changes, or all up to it; folded, filtered, walked with the keyboard.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::{
    Act, Shared,
    content::Content,
    tree::{Rows, Tree},
};
use crate::model::{Action, Load, Scope};

#[derive(Properties, PartialEq)]
pub(crate) struct FilesProps {
    pub(crate) model: Shared,
    pub(crate) act: Act,
}

/// Scope, filter, tree, and the content of the selected file.
#[component]
pub(crate) fn Files(props: &FilesProps) -> Html {
    let model = &props.model;
    let narrow = props
        .act
        .reform(|event: InputEvent| Action::Narrow(event.target_unchecked_into::<HtmlInputElement>().value()));
    let scope = |scope: Scope, text: &'static str| {
        let pressed = (model.scope == scope).to_string();
        html! { <button aria-pressed={pressed} onclick={props.act.reform(move |_: MouseEvent| Action::ShowScope(scope))}>{ text }</button> }
    };
    html! {
        <>
            <div class="row-of-controls">
                <span class="seg" role="group" aria-label="Which files">{ scope(Scope::Layer, "this layer") }{ scope(Scope::UpTo, "up to here") }</span>
                <input class="find" type="search" value={model.filter.to_string()} oninput={narrow} placeholder="Filter: path, > 1 MB, added …" aria-label="Filter files by path, size or change" spellcheck="false" />
            </div>
            { tree(props) }
            <Content model={model.clone()} />
        </>
    }
}

fn tree(props: &FilesProps) -> Html {
    match &props.model.files {
        Load::Here(rows) if rows.is_empty() => {
            html! { <div class="empty"><p>{ "This layer changes no files." }</p></div> }
        }
        Load::Here(rows) => {
            html! { <Tree model={props.model.clone()} act={props.act.clone()} rows={Rows(rows.clone())} /> }
        }
        Load::Loading => html! { <div class="empty"><p>{ "Reading the layer …" }</p></div> },
        Load::Failed(why) => {
            html! { <div class="empty"><p>{ format!("The files could not be read: {why}") }</p></div> }
        }
        Load::Nothing => html! { <div class="empty"><p>{ "Select a layer." }</p></div> },
    }
}
