//! The images of the machine that the page runs on: to open, to push, and to pull more.

use messages::LocalImage;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::{Act, Shared};
use crate::{
    model::{Action, NativeAction},
    words,
};

/// The most rows that are drawn.
const MOST: usize = 200;

#[derive(Properties, PartialEq)]
pub(super) struct LocalImagesProps {
    pub(super) model: Shared,
    pub(super) act: Act,
}

/// A field to pull, what moves, and one row an image.
#[component]
pub(super) fn LocalImages(props: &LocalImagesProps) -> Html {
    let native = &props.model.native;
    let images = native.images.as_deref().unwrap_or_default();
    html! {
        <>
            <div class="row-of-controls">
                <Pull act={props.act.clone()} is_busy={native.moving.is_some()} />
                <button class="quiet" onclick={props.act.reform(|_: MouseEvent| Action::Native(NativeAction::List))}>{ "Refresh" }</button>
            </div>
            if let Some(moving) = &native.moving {
                <p class="note moving" role="status">{ &*moving.doing }{ " …" }<span class="said-last">{ &*moving.said }</span></p>
            }
            <div class="things-room">
                if images.is_empty() {
                    <div class="empty"><p><b>{ if native.images.is_some() { "No images on this machine" } else { "Listing images …" } }</b></p>
                        <p>{ "These are real: what Run natively builds, and what you pull from a registry." }</p></div>
                } else {
                    <ul class="things" aria-label="Images on this machine">
                        for image in images.iter().take(MOST) { { row(image, props) } }
                    </ul>
                    if images.len() > MOST { <p class="note">{ format!("and {} more images", images.len() - MOST) }</p> }
                }
            </div>
        </>
    }
}

fn row(image: &LocalImage, props: &LocalImagesProps) -> Html {
    let is_busy = props.model.native.moving.is_some();
    let emit = |action: NativeAction| props.act.reform(move |_: MouseEvent| Action::Native(action.clone()));
    let name = if image.name.is_empty() { "no name" } else { &image.name };
    html! {
        <li class="thing local" key={format!("{name} {}", image.id)}>
            <span class="name-of" data-local={image.id.clone()}>{ name }</span>
            <span class="bytes">{ &image.size }</span>
            <span class="about"><code title={image.id.clone()}>{ words::short_digest(&image.id) }</code>{ format!(" · {}", image.created) }</span>
            <span class="offers">
                <button class="quiet" disabled={is_busy} aria-label={format!("Open {name}")} onclick={emit(NativeAction::Open(image.id.as_str().into()))}>{ "Open" }</button>
                if !image.name.is_empty() {
                    <button class="quiet" disabled={is_busy} aria-label={format!("Push {name}")} onclick={emit(NativeAction::Push(image.name.as_str().into()))}>{ "Push" }</button>
                }
            </span>
        </li>
    }
}

#[derive(Properties, PartialEq)]
struct PullProps {
    act: Act,
    is_busy: bool,
}

#[component]
fn Pull(props: &PullProps) -> Html {
    let field = use_node_ref();
    let submit = {
        let (act, field) = (props.act.clone(), field.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let Some(field) = field.cast::<HtmlInputElement>() else {
                return;
            };
            let name = field.value().trim().to_owned();
            if !name.is_empty() {
                act.emit(Action::Native(NativeAction::Pull(name.into())));
            }
        })
    };
    html! {
        <form class="pull" onsubmit={submit}>
            <label class="field"><span class="label">{ "Pull" }</span>
                <input ref={field} id="pull-name" placeholder="busybox:1.36" spellcheck="false" autocapitalize="off" />
            </label>
            <button class="quiet" id="pull" disabled={props.is_busy}>{ "Pull" }</button>
        </form>
    }
}
