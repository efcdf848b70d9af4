//! The card of the selected line: what it does, what becomes of it, and why.

use messages::{LineView, MissView};
use yew::prelude::*;

use super::Shared;
use crate::words;

#[derive(Properties, PartialEq)]
pub(crate) struct WhyProps {
    pub(crate) model: Shared,
}

/// In words first, then as the difference of two keys.
#[component]
pub(crate) fn Why(props: &WhyProps) -> Html {
    let model = &props.model;
    let Some(line) = model.selection.line else {
        return hint();
    };
    let Some(cell) = model.cell(line) else { return html! {} };
    html! {
        <aside class="why" id="why" aria-label={format!("Line {line}")}>
            <h3><span class={classes!("dot", words::slug(cell.state))} aria-hidden="true"></span>{ words::verdict(line, cell.state) }</h3>
            if let Some(miss) = &cell.miss {
                <p class="reason">{ words::sentence(&miss.reason) }</p>
            }
            <p>{ &cell.meaning }</p>
            <Figures cell={cell.clone()} />
            if let Some(miss) = &cell.miss {
                <KeyDifference miss={miss.clone()} />
            }
        </aside>
    }
}

fn hint() -> Html {
    html! { <aside class="why empty"><p>{ "Select a line to read what it does, and why it runs or comes from the cache." }</p></aside> }
}

#[derive(Properties, PartialEq)]
struct FiguresProps {
    cell: LineView,
}

/// Bytes and time, with the word `simulated` where they are.
#[component]
fn Figures(props: &FiguresProps) -> Html {
    let cell = &props.cell;
    if cell.bytes.is_none() && cell.millis.is_none() {
        return html! {};
    }
    html! {
        <p class="figures">
            if let Some(bytes) = cell.bytes { <span>{ words::bytes(bytes) }</span> }
            if let Some(millis) = cell.millis.filter(|millis| *millis > 0) { <span>{ words::millis(millis) }</span> }
            if cell.simulated { <span class="tag">{ "simulated" }</span> }
        </p>
    }
}

#[derive(Properties, PartialEq)]
struct DifferenceProps {
    miss: MissView,
}

/// A row for each part of the key; the parts that differ carry a sign.
#[component]
fn KeyDifference(props: &DifferenceProps) -> Html {
    if props.miss.parts.is_empty() {
        return html! {};
    }
    html! {
        <div class="scroll-x">
            <table class="diff">
                <thead><tr><th scope="col">{ "part of the key" }</th><th scope="col">{ "last build" }</th><th scope="col">{ "now" }</th></tr></thead>
                <tbody>
                    for (what, then, now) in &props.miss.parts {
                        <tr class={(now != "same").then_some("ch")}>
                            <th scope="row">{ if now == "same" { "" } else { "≠ " } }{ what }</th>
                            <td title={then.clone()}>{ words::short_digest(then) }</td>
                            <td title={now.clone()}>{ words::short_digest(now) }</td>
                        </tr>
                    }
                </tbody>
            </table>
        </div>
    }
}
