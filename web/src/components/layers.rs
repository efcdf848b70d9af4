//! The room of what is made: the image's layers, newest on top, with their bytes on one scale.

use messages::{ImageView, LayerView};
use web_sys::KeyboardEvent;
use yew::prelude::*;

use super::{Act, Shared, focus_soon};
use crate::{
    model::{Action, Build},
    words,
};

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
                <p class="made">
                    if !image.tag.is_empty() { <b>{ &image.tag }</b> }
                    <span title={image.id.clone()} data-image-id={image.id.clone()}>{ "image ID " }
                        if image.simulated { <span class="simulated">{ "simulated" }</span> } else { <code>{ words::short_digest(&image.id) }</code> }
                    </span>
                    <span>{ ran(image) }</span>
                </p>
                <Cards model={model.clone()} act={props.act.clone()} />
                <Legend image_hides={image.layers.iter().any(|layer| layer.hidden > 0)} />
            } else {
                { empty(&model.build) }
            }
        </section>
    }
}

/// What the build did, in a few words.
fn ran(image: &ImageView) -> String {
    match (image.ran, image.cached) {
        (0, 0) => String::new(),
        (0, cached) => format!("all {cached} steps cached"),
        (ran, 0) => format!("{} ran", words::count(ran, "step", "steps")),
        (ran, cached) => format!("{} ran, {cached} cached", words::count(ran, "step", "steps")),
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

/// The cards; arrow keys go from one to the next.
#[component]
fn Cards(props: &LayersProps) -> Html {
    let model = &props.model;
    let list = use_node_ref();
    let Some(image) = model.image.clone() else {
        return html! {};
    };
    let n_layers = image.layers.len();
    let selected = model.selection.layer;
    let key = {
        let (act, list) = (props.act.clone(), list.clone());
        Callback::from(move |event: KeyboardEvent| {
            let at = selected.unwrap_or(n_layers.saturating_sub(1));
            // The newest layer is drawn first.
            let to = match event.key().as_str() {
                "ArrowUp" => at + 1,
                "ArrowDown" if at > 0 => at - 1,
                "Home" => n_layers.saturating_sub(1),
                "End" => 0,
                _ => return,
            };
            event.prevent_default();
            if to < n_layers {
                act.emit(Action::SelectLayer(to));
                focus_soon(&list, "[tabindex='0']");
            }
        })
    };
    let scale = Scale::of(&image);
    html! {
        <ol class="sheets" ref={list} reversed=true onkeydown={key}>
            for (index, layer) in image.layers.iter().enumerate().rev() {
                <Card key={index} {index} layer={layer.clone()} line={model.layer_lines.get(index).copied().flatten()} scale={scale.clone()}
                    selected={selected == Some(index)} current={selected.unwrap_or(n_layers - 1) == index}
                    on_select={props.act.reform(Action::SelectLayer)} />
            }
        </ol>
    }
}

/// Bytes to width: the square root, so that small layers are still seen beside big ones.
#[derive(Debug, Clone, PartialEq)]
struct Scale {
    most: f64,
}

impl Scale {
    fn of(image: &ImageView) -> Scale {
        Scale {
            most: image.layers.iter().map(|layer| layer.bytes).max().unwrap_or(0).max(1) as f64,
        }
    }

    /// Percent of the whole width.
    fn width(&self, bytes: u64) -> f64 {
        (bytes as f64 / self.most).sqrt() * 100.0
    }
}

#[derive(Properties, PartialEq)]
struct CardProps {
    index: usize,
    layer: LayerView,
    /// Where its instruction stands now.
    line: Option<usize>,
    scale: Scale,
    selected: bool,
    current: bool,
    on_select: Callback<usize>,
}

#[component]
fn Card(props: &CardProps) -> Html {
    let LayerView {
        instruction,
        base,
        simulated,
        diff_id,
        bytes,
        hidden_by,
        ..
    } = &props.layer;
    let index = props.index;
    let place = props.line.map_or_else(
        || if *base { "base".to_owned() } else { "–".to_owned() },
        |line| line.to_string(),
    );
    let identity = if *simulated {
        html! { <span class="simulated">{ "simulated" }</span> }
    } else {
        html! { <code title={diff_id.clone()}>{ format!("sha256:{}", words::short_digest(diff_id)) }</code> }
    };
    html! {
        <li>
            <button class={classes!("sheet", props.selected.then_some("sel"), base.then_some("basel"))} aria-pressed={props.selected.to_string()}
                tabindex={if props.current { "0" } else { "-1" }} onclick={props.on_select.reform(move |_: MouseEvent| index)} data-layer={index.to_string()} data-diff-id={diff_id.clone()}>
                <span class="n" title="Line of the Dockerfile">{ place }</span>
                <span class="ins" title={instruction.clone()}>{ instruction }</span>
                <span class="bytes">{ words::bytes(*bytes) }</span>
                <Bar layer={props.layer.clone()} width={props.scale.width(*bytes)} />
                <span class="id">{ identity }if !hidden_by.is_empty() { <span class="hidden-by">{ format!(" · {hidden_by}") }</span> }</span>
            </button>
        </li>
    }
}

#[derive(Properties, PartialEq)]
struct BarProps {
    layer: LayerView,
    width: f64,
}

/// The layer's whole width on the common scale, divided by what became of its bytes.
#[component]
fn Bar(props: &BarProps) -> Html {
    let layer = &props.layer;
    let whole = layer.bytes.max(1) as f64;
    let hidden = layer.hidden.min(layer.bytes);
    // What is hidden was added or changed before; it is shown once, as hidden.
    let changed = layer.changed.min(layer.bytes - hidden);
    let rest = layer.bytes - hidden - changed;
    let part = |class: &'static str, bytes: u64| {
        let width = format!("width:{:.2}%", bytes as f64 / whole * props.width);
        if bytes == 0 {
            html! {}
        } else {
            html! { <i class={class} style={width}></i> }
        }
    };
    html! {
        <span class="barx" aria-hidden="true">
            { part(if layer.base { "bs" } else { "add" }, rest) }
            { part("mod", changed) }
            { part("hid", hidden) }
        </span>
    }
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
