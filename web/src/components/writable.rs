//! A container's writable layer: what is its own, what was copied up from the image, what hides something of it.

use messages::{ContainerRow, Origin, PathRow};
use yew::prelude::*;

use crate::words;

#[derive(Properties, PartialEq)]
pub(super) struct WritableProps {
    pub(super) container: ContainerRow,
}

/// Two figures, and the paths.
#[component]
pub(super) fn Writable(props: &WritableProps) -> Html {
    let container = &props.container;
    let n_more = container.n_paths.saturating_sub(container.paths.len());
    html! {
        <div class="writable">
            <p>
                <b>{ words::bytes(container.writable_bytes) }</b>{ " in its writable layer; " }
                <b>{ words::bytes(container.shared_bytes) }</b>{ " read from the image's layers, which are stored once for all who use them." }
            </p>
            if container.paths.is_empty() {
                <p class="note">{ "It has written nothing yet." }</p>
            } else {
                <table>
                    <caption class="vh">{ format!("Paths in the writable layer of {}", container.name) }</caption>
                    <thead class="vh"><tr><th scope="col">{ "How it came there" }</th><th scope="col">{ "Path" }</th><th scope="col">{ "Size" }</th></tr></thead>
                    <tbody>for path in &container.paths { { row(path) } }</tbody>
                </table>
            }
            if n_more > 0 { <p class="note">{ format!("and {} more; docker diff lists them all", words::count(n_more, "path", "paths")) }</p> }
        </div>
    }
}

fn row(path: &PathRow) -> Html {
    let (class, glyph, word, title) = match path.origin {
        Origin::Own => ("added", "+", "own", "Made by the container"),
        Origin::CopiedUp => (
            "changed",
            "~",
            "copied up",
            "The image has it too: it was copied into this layer when the container first changed it",
        ),
        Origin::Whiteout => (
            "deleted",
            "−",
            "whiteout",
            "The image has it and the container deleted it: the image's copy is hidden, not gone",
        ),
    };
    html! {
        <tr>
            <td class={classes!("origin", class)} {title}><span aria-hidden="true">{ glyph }</span>{ format!(" {word}") }</td>
            <td class="path"><code>{ format!("/{}", path.path) }</code></td>
            <td class="size">{ words::bytes(path.bytes) }</td>
        </tr>
    }
}
