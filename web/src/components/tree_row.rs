//! One path in a tree.

use std::rc::Rc;

use messages::FileRow;
use yew::prelude::*;

use super::Act;
use crate::{
    model::{Action, Branch, name},
    words,
};

#[derive(Properties, PartialEq)]
pub(super) struct RowProps {
    pub(super) row: FileRow,
    pub(super) branch: Branch,
    pub(super) selected: bool,
    pub(super) current: bool,
    pub(super) act: Act,
}

#[component]
pub(super) fn TreeRow(props: &RowProps) -> Html {
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
