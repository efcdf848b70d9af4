//! All files of the context: sizes, modes, what is ignored; rename, delete, upload.

use std::rc::Rc;

use web_sys::{HtmlInputElement, MouseEvent};
use yew::prelude::*;

use super::{Act, Shared};
use crate::{model::Action, words};

/// The most rows that are drawn.
const MOST: usize = 300;

#[derive(Properties, PartialEq)]
pub(crate) struct ContextProps {
    pub(crate) model: Shared,
    pub(crate) act: Act,
    pub(crate) on_chosen: Callback<web_sys::FileList>,
}

/// A table of the files, and the ways to add some.
#[component]
pub(crate) fn ContextPanel(props: &ContextProps) -> Html {
    let model = &props.model;
    let on_chosen = props.on_chosen.clone();
    let chosen = Callback::from(move |event: Event| {
        let input: HtmlInputElement = event.target_unchecked_into();
        if let Some(files) = input.files() {
            on_chosen.emit(files);
        }
    });
    let n_files = model.project.files.len();
    html! {
        <div class="context" id="context">
            <div class="context-actions">
                <label class="upload">{ "Upload files" }<input type="file" multiple=true class="vh" onchange={chosen.clone()} id="upload" /></label>
                <label class="upload">{ "Upload a folder" }
                    <input type="file" multiple=true webkitdirectory=true class="vh" onchange={chosen} />
                </label>
                <span class="note">{ "or drop them anywhere on the page" }</span>
            </div>
            <table class="context-files">
                <thead class="vh"><tr><th>{ "Path" }</th><th>{ "Mode" }</th><th>{ "Size" }</th><th>{ "Actions" }</th></tr></thead>
                <tbody>
                    for (path, file) in model.project.files.iter().take(MOST) {
                        <ContextRow key={path.to_string()} path={path.to_string()} bytes={file.bytes.len()} mode={file.mode}
                            ignored={is_ignored(model, path)} fixed={**path == *model.project.options.dockerfile} act={props.act.clone()} />
                    }
                </tbody>
            </table>
            if n_files > MOST {
                <p class="note">{ format!("and {} more files", n_files - MOST) }</p>
            }
        </div>
    }
}

fn is_ignored(model: &Shared, path: &str) -> bool {
    // The worker lists files in the order of their paths.
    let files = &model.context.files;
    files
        .binary_search_by(|(other, ..)| other.as_str().cmp(path))
        .is_ok_and(|at| files[at].2)
}

#[derive(Properties, PartialEq)]
struct RowProps {
    path: String,
    bytes: usize,
    mode: u32,
    ignored: bool,
    /// The Dockerfile cannot be deleted.
    fixed: bool,
    act: Act,
}

#[component]
fn ContextRow(props: &RowProps) -> Html {
    let renaming = use_state(|| false);
    let path: Rc<str> = props.path.as_str().into();
    let emit = |action: Action| props.act.reform(move |_: MouseEvent| action.clone());
    let mode = if props.mode & 0o111 == 0 {
        props.mode | 0o111
    } else {
        props.mode & !0o111
    };
    let start = {
        let renaming = renaming.clone();
        Callback::from(move |_: MouseEvent| renaming.set(!*renaming))
    };
    let renamed = {
        let (renaming, act, path) = (renaming.clone(), props.act.clone(), path.clone());
        Callback::from(move |event: Event| {
            let input: HtmlInputElement = event.target_unchecked_into();
            renaming.set(false);
            if input.value() != *path {
                act.emit(Action::RenameFile(path.clone(), input.value()));
            }
        })
    };
    html! {
        <tr class={props.ignored.then_some("ignored")}>
            <td class="path">
                if *renaming {
                    <input value={props.path.clone()} onchange={renamed} aria-label={format!("New path of {}", props.path)} spellcheck="false" />
                } else {
                    <button class="link" onclick={emit(Action::OpenFile(path.clone()))}>{ &props.path }</button>
                }
                if props.ignored { <span class="tag">{ "ignored" }</span> }
            </td>
            <td>
                <button class="link mode" onclick={emit(Action::SetMode(path.clone(), mode))}
                    title={if props.mode & 0o111 == 0 { "Make it executable" } else { "Make it not executable" }}>
                    { words::mode(props.mode) }
                </button>
            </td>
            <td class="size">{ words::bytes(props.bytes as u64) }</td>
            <td class="acts">
                <button class="link" onclick={start} aria-label={format!("Rename {}", props.path)}>{ "rename" }</button>
                if !props.fixed {
                    <button class="link" onclick={emit(Action::RemoveFile(path.clone()))} aria-label={format!("Delete {}", props.path)}>{ "delete" }</button>
                }
            </td>
        </tr>
    }
}
