//! The layers of the image that is looked into, newest on top, with their bytes on one scale.

use messages::Subject;
use yew::prelude::*;

use super::{Act, Shared, cards::Cards};
use crate::{
    model::{Action, Build},
    words,
};

#[derive(Properties, PartialEq)]
pub(super) struct StackProps {
    pub(super) model: Shared,
    pub(super) act: Act,
}

/// What the image is, one card a layer, and the legend.
#[component]
pub(super) fn Stack(props: &StackProps) -> Html {
    let model = &props.model;
    let Some(image) = &model.image else {
        return empty(&model.build);
    };
    let is_container = matches!(model.subject, Subject::Container { .. });
    html! {
        <>
            if model.subject != Subject::Built {
                <p class="whose">
                    <span class="grow">{ whose(model) }</span>
                    if model.built.is_some() {
                        <button class="quiet" id="back" onclick={props.act.reform(|_: MouseEvent| Action::Inspect(Subject::Built))}>{ "Back to what was built" }</button>
                    }
                </p>
            }
            <p class="result">
                if !image.tag.is_empty() { <b>{ &image.tag }</b> }
                <span class="weight">{ format!("{} · {}", words::bytes(image.bytes), words::count(image.layers.len(), "layer", "layers")) }</span>
                if !is_container {
                    <span title={image.id.clone()} data-image-id={image.id.clone()}>{ "image ID " }
                        if image.simulated { <span class="simulated">{ "simulated" }</span> } else { <code>{ words::short_digest(&image.id) }</code> }
                    </span>
                }
                if model.is_image_old() && !model.is_building() { <span class="tag" title="The project changed since this image was built">{ "before your edit" }</span> }
            </p>
            <Cards model={model.clone()} act={props.act.clone()} />
            <Legend image_hides={image.layers.iter().any(|layer| layer.hidden > 0)} />
        </>
    }
}

/// What is looked into, if it is not what the editor built.
fn whose(model: &Shared) -> String {
    let (what, host) = match &model.subject {
        Subject::Built => return String::new(),
        Subject::Image { host, .. } => ("An image", *host),
        Subject::Container { host, .. } => ("A container", *host),
    };
    let name = model.machines.hosts.get(host).map_or("a machine", |host| &host.name);
    format!("{what} of {name}")
}

fn empty(build: &Build) -> Html {
    let (head, text) = match build {
        Build::Running { .. } => (
            "Building",
            "The layers stand here when the image is done. The cells beside the lines show each step as it goes.",
        ),
        Build::Failed(_) => (
            "No image",
            "The build failed, so there are no layers. The log says which step, and why.",
        ),
        _ => (
            "Nothing built yet",
            "Press Build: here stands one card for each layer, from the base up, with the line that made it and its bytes.",
        ),
    };
    html! { <div class="empty"><p><b>{ head }</b></p><p>{ text }</p></div> }
}

#[derive(Properties, PartialEq)]
struct LegendProps {
    image_hides: bool,
}

#[component]
fn Legend(props: &LegendProps) -> Html {
    html! {
        <p class="legend">
            <span><i class="k add" aria-hidden="true"></i>{ "added" }</span>
            <span><i class="k mod" aria-hidden="true"></i>{ "changed" }</span>
            if props.image_hides { <span><i class="k hid" aria-hidden="true"></i>{ "shipped, then hidden" }</span> }
            <span><i class="k bs" aria-hidden="true"></i>{ "base" }</span>
            <span class="note">{ "width: square root of bytes" }</span>
        </p>
    }
}
