//! Digests, configuration and manifest; and the image as an archive.

use yew::prelude::*;

use super::{Act, Shared};
use crate::{browser, model::Action};

#[derive(Properties, PartialEq)]
pub(crate) struct FactsProps {
    pub(crate) model: Shared,
    pub(crate) act: Act,
}

/// Names of the image and of its layers, each to be copied; then the documents.
#[component]
pub(crate) fn Facts(props: &FactsProps) -> Html {
    let Some(image) = props.model.image.clone() else {
        return html! {};
    };
    let download = props.act.reform(|_: MouseEvent| Action::Download);
    html! {
        <div class="scroll facts">
            if image.simulated {
                <p class="note"><span class="tag">{ "simulated" }</span>{ " Part of this image is simulated, so these digests are this page's and not BuildKit's." }</p>
            }
            <dl class="digests">
                if !image.tag.is_empty() { <dt>{ "tag" }</dt><dd><code>{ &image.tag }</code></dd> }
                <Digest name="image ID" id="image-id" value={image.id.clone()} simulated={image.simulated} />
                <Digest name="manifest" id="manifest-digest" value={image.manifest.clone()} simulated={image.simulated} />
                if let Some(layer) = props.model.selection.layer.and_then(|index| image.layers.get(index)) {
                    <Digest name="layer's DiffID" value={layer.diff_id.clone()} simulated={layer.simulated} />
                    <Digest name="ChainID up to it" value={layer.chain_id.clone()} simulated={layer.simulated} />
                }
            </dl>
            <button class="quiet" id="download" onclick={download}>{ "Download the image (docker load)" }</button>
            <Document title="Config" text={image.config.clone()} open=true />
            <Document title="Manifest" text={image.manifest_json.clone()} open=false />
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct DigestProps {
    name: AttrValue,
    #[prop_or_default]
    id: Option<AttrValue>,
    value: String,
    simulated: bool,
}

#[component]
fn Digest(props: &DigestProps) -> Html {
    let value = props.value.clone();
    let copy = Callback::from(move |_: MouseEvent| browser::copy(&value));
    html! {
        <>
            <dt>{ &props.name }if props.simulated { <span class="tag">{ "simulated" }</span> }</dt>
            <dd><code id={props.id.clone()}>{ &props.value }</code><button class="link" onclick={copy} aria-label={format!("Copy {}", props.name)}>{ "copy" }</button></dd>
        </>
    }
}

#[derive(Properties, PartialEq)]
struct DocumentProps {
    title: AttrValue,
    text: String,
    open: bool,
}

#[component]
fn Document(props: &DocumentProps) -> Html {
    html! {
        <details open={props.open} class="document">
            <summary>{ &props.title }</summary>
            <pre tabindex="0">{ &props.text }</pre>
        </details>
    }
}
