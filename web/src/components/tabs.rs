//! Tabs of the project's files, and the button that shows all of them.

use std::rc::Rc;

use yew::prelude::*;

use super::{Act, Shared, new_file::NewFile};
use crate::{model::Action, words};

/// With more files than this, only the Dockerfile, ignore files and the open file have tabs.
const MANY: usize = 5;

#[derive(Properties, PartialEq)]
pub(crate) struct TabsProps {
    pub(crate) model: Shared,
    pub(crate) act: Act,
    /// True if the list of all files is shown.
    pub(crate) open: bool,
    pub(crate) on_toggle: Callback<()>,
}

/// One tab a file, a field for a new one, and the context's size.
#[component]
pub(crate) fn FileTabs(props: &TabsProps) -> Html {
    let model = &props.model;
    let paths = shown(model);
    let bytes = if model.context.files.is_empty() {
        model.project.bytes() as u64
    } else {
        model.context.context_bytes
    };
    let n_ignored = model.context.files.iter().filter(|(_, _, ignored)| *ignored).count();
    let size = format!(
        "{} · {}",
        words::count(model.project.files.len(), "file", "files"),
        words::bytes(bytes)
    );
    let ignored = if n_ignored > 0 {
        format!(", {n_ignored} ignored")
    } else {
        String::new()
    };
    html! {
        <div class="tabs files-bar">
            <nav class="strip" aria-label="Open files">
                for path in paths {
                    <FileTab key={path.to_string()} path={path.to_string()} current={model.open == path} act={props.act.clone()} />
                }
                <NewFile act={props.act.clone()} />
            </nav>
            <button class="quiet context-toggle" id="context-toggle" aria-expanded={props.open.to_string()} aria-controls="context"
                onclick={props.on_toggle.reform(|_| ())} title={format!("All files of the context{ignored}")}>
                { size }<span class="chevron" aria-hidden="true"></span>
            </button>
        </div>
    }
}

fn shown(model: &Shared) -> Vec<Rc<str>> {
    let dockerfile = model.project.options.dockerfile.as_str();
    let all = model.project.files.keys();
    let few = model.project.files.len() <= MANY;
    let mut paths: Vec<Rc<str>> = all
        .filter(|path| few || ***path == *dockerfile || path.ends_with(".dockerignore") || **path == model.open)
        .cloned()
        .collect();
    paths.sort_by_key(|path| **path != *dockerfile);
    paths
}

#[derive(Properties, PartialEq)]
struct TabProps {
    path: String,
    current: bool,
    act: Act,
}

#[component]
fn FileTab(props: &TabProps) -> Html {
    let path: Rc<str> = props.path.as_str().into();
    let open = props.act.reform(move |_: MouseEvent| Action::OpenFile(path.clone()));
    html! {
        <button class="tab" aria-current={props.current.then_some("page")} onclick={open} data-file={props.path.clone()}>{ &props.path }</button>
    }
}
