//! What a machine's images share: a picture, two figures, and the same as a table.

use std::rc::Rc;

use messages::{HostView, Subject};
use yew::prelude::*;

use super::{Act, Shared, host_bar::HostBar};
use crate::{
    model::{Action, Cell, Labelled, Picture, layer_counts},
    words,
};

/// Height of a row, in pixels; the style sheet has it too, for the labels.
const ROW: usize = 44;

#[derive(Properties, PartialEq)]
pub(super) struct SharingProps {
    pub(super) model: Shared,
    pub(super) act: Act,
}

/// One row an image, base at the left; a layer that several images have is one cell over their rows.
#[component]
pub(super) fn Sharing(props: &SharingProps) -> Html {
    let (model, act) = (props.model.clone(), props.act.clone());
    let machines = &model.machines;
    let picture = use_memo((machines.hosts.clone(), machines.host), |(hosts, host)| {
        hosts
            .get(*host)
            .map(|host| Picture::of(&host.images))
            .unwrap_or_default()
    });
    let body = match machines.shown() {
        Some(host) if !picture.rows.is_empty() => {
            html! { <Drawn {picture} host={machines.host} view={host.clone()} {act} /> }
        }
        _ => {
            html! { <div class="empty"><p><b>{ "No images here" }</b></p><p>{ "With two images on one base, their common layers are drawn as one." }</p></div> }
        }
    };
    html! {
        <>
            <HostBar model={model.clone()} act={props.act.clone()} />
            { body }
        </>
    }
}

#[derive(Properties, PartialEq)]
struct DrawnProps {
    picture: Rc<Picture>,
    host: usize,
    view: HostView,
    act: Act,
}

#[component]
fn Drawn(props: &DrawnProps) -> Html {
    let Picture { rows, cells } = &*props.picture;
    let (n_layers, n_shared) = layer_counts(&props.picture);
    let sharing = props.view.sharing;
    let spared = sharing.sum_bytes.saturating_sub(sharing.unique_bytes);
    let height = (rows.len() * ROW).to_string();
    let summary = format!(
        "{} of {}: {n_shared} of {} shared",
        words::count(rows.len(), "image", "images"),
        props.view.name,
        words::count(n_layers, "layer", "layers")
    );
    let look = |row: &Labelled| {
        let subject = Subject::Image {
            host: props.host,
            id: row.id.clone(),
        };
        props.act.reform(move |_: MouseEvent| Action::Inspect(subject.clone()))
    };
    html! {
        <div class="scroll sharing">
            <dl class="figures">
                <div><dt>{ "stored once" }</dt><dd id="unique-bytes">{ words::bytes(sharing.unique_bytes) }</dd></div>
                <div><dt>{ "without sharing" }</dt><dd id="sum-bytes">{ words::bytes(sharing.sum_bytes) }</dd></div>
                <div><dt>{ "spared" }</dt><dd>{ words::bytes(spared) }</dd></div>
            </dl>
            <div class="picture">
                <ul class="labels">
                    for row in rows {
                        <li><button class="link" title={row.names.join(", ")} onclick={look(row)}>{ row.names.join(", ") }</button><span class="note">{ words::bytes(row.bytes) }</span></li>
                    }
                </ul>
                <svg class="drawn" width="100%" {height} role="img" aria-label={summary}>
                    for (index, cell) in cells.iter().enumerate() { { drawn(index, cell) } }
                </svg>
            </div>
            <p class="legend">
                <span><i class="k shared" aria-hidden="true"></i>{ "shared by several images" }</span>
                <span><i class="k own" aria-hidden="true"></i>{ "of one image" }</span>
                <span class="note">{ "width: square root of bytes; dashed: simulated" }</span>
            </p>
            <details class="document">
                <summary>{ "As a table" }</summary>
                { table(&props.picture) }
            </details>
        </div>
    }
}

fn drawn(index: usize, cell: &Cell) -> Html {
    let percent = |part: f64| format!("{:.3}%", part * 100.0);
    let class = classes!(
        "cell-of",
        if cell.n_rows > 1 { "shared" } else { "own" },
        cell.layer.simulated.then_some("simulated-cell")
    );
    let simulated = if cell.layer.simulated { ", simulated" } else { "" };
    let title = format!(
        "{}: {}{simulated}, in {}",
        cell.layer.instruction,
        words::bytes(cell.layer.bytes),
        words::count(cell.n_rows, "image", "images")
    );
    let height = cell.n_rows * ROW - 6;
    html! {
        <svg key={index} x={percent(cell.x)} y={(cell.row * ROW + 3).to_string()} width={percent(cell.width)} height={height.to_string()} {class}
            data-chain={cell.layer.chain_id.clone()} data-rows={cell.n_rows.to_string()}>
            <title>{ title }</title>
            <rect x="1" y="1" width="100%" height={(height - 2).to_string()} rx="3" />
            <text x="5" y="13">{ words::instruction(&cell.layer.instruction) }</text>
            <text x="5" y="24" class="small">{ words::bytes(cell.layer.bytes) }</text>
            if cell.layer.simulated { <text x="5" y="34" class="small">{ "simulated" }</text> }
        </svg>
    }
}

fn table(picture: &Picture) -> Html {
    let images = |cell: &Cell| {
        let rows = picture.rows.iter().skip(cell.row).take(cell.n_rows);
        rows.map(|row| row.names.join(", ")).collect::<Vec<_>>().join("; ")
    };
    html! {
        <table>
            <thead><tr><th scope="col">{ "Layer" }</th><th scope="col" class="size">{ "Size" }</th><th scope="col">{ "Images that have it" }</th></tr></thead>
            <tbody>
                for cell in &picture.cells {
                    <tr><th scope="row">{ words::instruction(&cell.layer.instruction) }if cell.layer.simulated { <span class="tag">{ "simulated" }</span> }</th>
                        <td class="size">{ words::bytes(cell.layer.bytes) }</td><td>{ images(cell) }</td></tr>
                }
            </tbody>
        </table>
    }
}
