//! The tree of files: one layer's changes, or all up to it; folded, filtered, walked with the keyboard.

use std::rc::Rc;

use messages::FileRow;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::{Act, Shared, content::Content, focus_soon};
use crate::{
    model::{Action, Branch, Filter, Load, Scope, branches, name, parent},
    words,
};

/// Rows drawn at first, and added by each press of the button.
const STEP: usize = 300;

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

/// Rows that are compared by identity: there may be thousands.
#[derive(Debug, Clone)]
struct Rows(Rc<[FileRow]>);

impl PartialEq for Rows {
    fn eq(&self, other: &Rows) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

#[derive(Properties, PartialEq)]
struct TreeProps {
    model: Shared,
    act: Act,
    rows: Rows,
}

#[component]
fn Tree(props: &TreeProps) -> Html {
    let model = &props.model;
    let rows = &props.rows.0;
    let limit = use_state(|| STEP);
    let list = use_node_ref();
    let shown = use_memo(
        (props.rows.clone(), model.folded.clone(), model.filter.clone()),
        |(rows, folded, filter)| branches(&rows.0, folded, &Filter::of(filter)),
    );
    let selected = model.selection.path.as_deref();
    let current = shown
        .iter()
        .take(*limit)
        .position(|branch| Some(rows[branch.row].path.as_str()) == selected)
        .unwrap_or(0);
    let key = {
        let (act, rows, shown, list) = (props.act.clone(), rows.clone(), shown.clone(), list.clone());
        Callback::from(move |event: KeyboardEvent| {
            if let Some(action) = step(&rows, &shown, current, &event.key()) {
                event.prevent_default();
                act.emit(action);
                focus_soon(&list, "[tabindex='0']");
            }
        })
    };
    let more = {
        let limit = limit.clone();
        Callback::from(move |_: MouseEvent| limit.set(*limit + STEP))
    };
    html! {
        <>
            <ul class="tree" role="tree" aria-label="Files" ref={list} onkeydown={key}>
                for (place, branch) in shown.iter().take(*limit).enumerate() {
                    <TreeRow key={rows[branch.row].path.clone()} row={rows[branch.row].clone()} branch={branch.clone()}
                        selected={Some(rows[branch.row].path.as_str()) == selected} current={place == current} act={props.act.clone()} />
                }
            </ul>
            if shown.is_empty() { <div class="empty"><p>{ "No file fits the filter." }</p></div> }
            if shown.len() > *limit {
                <button class="quiet more" onclick={more}>{ format!("{} of {} shown. Show more", *limit, shown.len()) }</button>
            }
        </>
    }
}

/// What a key does in the tree, as the ARIA pattern has it.
fn step(rows: &[FileRow], shown: &[Branch], at: usize, key: &str) -> Option<Action> {
    let branch = shown.get(at)?;
    let path = &rows[branch.row].path;
    let select = |index: usize| {
        shown
            .get(index)
            .map(|branch| Action::SelectPath(rows[branch.row].path.as_str().into()))
    };
    match (key, branch.open) {
        ("ArrowDown", _) | ("ArrowRight", Some(true)) => select(at + 1),
        ("ArrowUp", _) => select(at.checked_sub(1)?),
        ("Home", _) => select(0),
        ("End", _) => select(shown.len() - 1),
        ("ArrowRight", Some(false)) | ("ArrowLeft", Some(true)) | ("Enter" | " ", Some(_)) => {
            Some(Action::Fold(path.clone()))
        }
        ("ArrowLeft", _) => parent(path).map(|dir| Action::SelectPath(dir.into())),
        ("Enter" | " ", None) => select(at),
        _ => None,
    }
}

#[derive(Properties, PartialEq)]
struct RowProps {
    row: FileRow,
    branch: Branch,
    selected: bool,
    current: bool,
    act: Act,
}

#[component]
fn TreeRow(props: &RowProps) -> Html {
    let (row, branch) = (&props.row, &props.branch);
    let path: Rc<str> = row.path.as_str().into();
    let click = {
        let (act, opens) = (props.act.clone(), branch.open.is_some());
        Callback::from(move |_: MouseEvent| {
            act.emit(Action::SelectPath(path.clone()));
            if opens {
                act.emit(Action::Fold(path.to_string()));
            }
        })
    };
    let change = words::change(row.change);
    html! {
        <li class={classes!("branch", change, format!("d{}", branch.depth.min(12)), props.selected.then_some("sel"), row.hidden.then_some("faint"))} role="treeitem"
            aria-level={(branch.depth + 1).to_string()} aria-expanded={branch.open.map(|open| open.to_string())} aria-selected={props.selected.to_string()}
            tabindex={if props.current { "0" } else { "-1" }} onclick={click} data-path={row.path.clone()} data-change={change}>
            <span class="g" title={change}>{ words::change_glyph(row.change) }</span>
            <span class={classes!("name", branch.open.map(|open| if open { "open" } else { "shut" }))} title={row.path.clone()}>
                { name(&row.path) }if row.kind == "dir" { { "/" } }
                if !row.target.is_empty() { <span class="target">{ format!(" → {}", row.target) }</span> }
            </span>
            <span class="sz">{ words::bytes(row.bytes) }</span>
            <span class="md">{ remark(row) }</span>
        </li>
    }
}

fn remark(row: &FileRow) -> String {
    if row.change == messages::ChangeView::Deleted {
        "deleted".to_owned()
    } else if row.hidden {
        "hidden, still shipped".to_owned()
    } else {
        format!("{} {}:{}", words::mode(row.mode), row.uid, row.gid)
    }
}
