//! A tree of files, as the ARIA pattern has it: one stop for Tab, arrow keys within.

use std::rc::Rc;

use messages::FileRow;
use yew::prelude::*;

use super::{Act, Shared, focus_soon, tree_row::TreeRow};
use crate::model::{Action, Branch, Filter, branches, parent};

/// Rows drawn at first, and added by each press of the button.
const STEP: usize = 300;

/// Rows that are compared by identity: there may be thousands.
#[derive(Debug, Clone)]
pub(super) struct Rows(pub(super) Rc<[FileRow]>);

impl PartialEq for Rows {
    fn eq(&self, other: &Rows) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

#[derive(Properties, PartialEq)]
pub(super) struct TreeProps {
    pub(super) model: Shared,
    pub(super) act: Act,
    pub(super) rows: Rows,
}

#[component]
pub(super) fn Tree(props: &TreeProps) -> Html {
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
