//! The room of what is made: the image's layers, newest on top, with their bytes on one scale.

use yew::prelude::*;

use super::{Act, Shared, cards::Cards};
use crate::{model::Build, words};

#[derive(Properties, PartialEq)]
pub(crate) struct LayersProps {
    pub(crate) model: Shared,
    pub(crate) act: Act,
}

/// Heading, one card a layer, and the legend.
#[component]
pub(crate) fn LayersRoom(props: &LayersProps) -> Html {
    let model = &props.model;
    html! {
        <section class="pane stack" id="layers" aria-labelledby="layers-title">
            <header class="head">
                <h2 id="layers-title">{ "Layers" }</h2>
                if let Some(image) = &model.image {
                    <span class="note">{ format!("{} · {}", words::bytes(image.bytes), words::count(image.layers.len(), "layer", "layers")) }</span>
                    if model.is_image_old() && !model.is_building() { <span class="tag" title="The project changed since this image was built">{ "before your edit" }</span> }
                }
            </header>
            if let Some(image) = &model.image {
                <p class="result">
                    if !image.tag.is_empty() { <b>{ &image.tag }</b> }
                    <span title={image.id.clone()} data-image-id={image.id.clone()}>{ "image ID " }
                        if image.simulated { <span class="simulated">{ "simulated" }</span> } else { <code>{ words::short_digest(&image.id) }</code> }
                    </span>
                </p>
                <Cards model={model.clone()} act={props.act.clone()} />
                <Legend image_hides={image.layers.iter().any(|layer| layer.hidden > 0)} />
            } else {
                { empty(&model.build) }
            }
        </section>
    }
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
