//! One layer: its instruction, its bytes as a bar, and its name.

use messages::{ImageView, LayerView};
use yew::prelude::*;

use crate::words;

/// Bytes to width: the square root, so that small layers are still seen beside big ones.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    most: f64,
}

impl Scale {
    pub(super) fn of(image: &ImageView) -> Scale {
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
pub(super) struct CardProps {
    pub(super) index: usize,
    pub(super) layer: LayerView,
    /// Where its instruction stands now.
    pub(super) line: Option<usize>,
    pub(super) scale: Scale,
    pub(super) selected: bool,
    pub(super) current: bool,
    pub(super) on_select: Callback<usize>,
}

#[component]
pub(super) fn Card(props: &CardProps) -> Html {
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
