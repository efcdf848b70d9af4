//! The network: every request of a push or a pull as it goes, and what did not have to go.

use std::rc::Rc;

use messages::WireRow;
use web_sys::Element;
use yew::prelude::*;

use crate::{model::Wire, words};

/// The most rows that are drawn.
const MOST: usize = 300;

#[derive(Properties, PartialEq)]
pub(super) struct WireProps {
    pub(super) wire: Rc<Wire>,
}

/// A table that follows its end.
#[component]
pub(super) fn WireSide(props: &WireProps) -> Html {
    let wire = &props.wire;
    let place = use_node_ref();
    {
        let place = place.clone();
        use_effect_with(wire.n_rows, move |_| {
            if let Some(place) = place.cast::<Element>() {
                place.set_scroll_top(place.scroll_height());
            }
        });
    }
    if wire.rows.is_empty() {
        return html! {
            <div class="empty"><p><b>{ "Nothing has gone over the network yet" }</b></p>
                <p>{ "docker pull and docker push speak HTTP with a registry. Here stands each request with its answer, the bytes that went, and the bytes that were spared because the other side has them." }</p></div>
        };
    }
    let first = wire.rows.len().saturating_sub(MOST);
    html! {
        <div class="scroll" ref={place} tabindex="0" role="region" aria-label="Requests">
            if wire.n_rows > wire.rows.len() - first {
                <p class="note">{ format!("The last {} of {} requests.", wire.rows.len() - first, wire.n_rows) }</p>
            }
            <p class="sums">{ sums(wire) }</p>
            <table class="wire">
                <thead><tr>
                    <th scope="col">{ "#" }</th><th scope="col">{ "From, to" }</th><th scope="col">{ "Request" }</th><th scope="col">{ "Answer" }</th>
                    <th scope="col" class="size">{ "Sent" }</th><th scope="col" class="size">{ "Received" }</th><th scope="col">{ "Spared" }</th>
                </tr></thead>
                <tbody>
                    for row in &wire.rows[first..] { <Request key={row.number.to_string()} row={row.clone()} /> }
                </tbody>
            </table>
        </div>
    }
}

/// All bytes in a sentence.
fn sums(wire: &Wire) -> String {
    format!(
        "{}: {} sent, {} received, {} spared",
        words::count(wire.n_rows, "request", "requests"),
        words::bytes(wire.sent_bytes),
        words::bytes(wire.received_bytes),
        words::bytes(wire.spared_bytes)
    )
}

#[derive(Properties, PartialEq)]
struct RequestProps {
    row: Rc<WireRow>,
}

#[component]
fn Request(props: &RequestProps) -> Html {
    let row = &props.row;
    let answer = if row.status == 0 {
        "none".to_owned()
    } else {
        row.status.to_string()
    };
    let class = if row.status == 0 || row.status >= 400 {
        "bad"
    } else {
        ""
    };
    let bytes = |n: u64| if n == 0 { String::new() } else { words::bytes(n) };
    html! {
        <tr>
            <td class="size">{ row.number }</td>
            <td>{ &row.client }<span class="note">{ " → " }</span>{ &row.server }</td>
            <td class="url"><code><b>{ &row.method }</b>{ " " }{ &row.url }</code>
                if !row.note.is_empty() { <span class="note">{ &row.note }</span> }</td>
            <td {class}>{ answer }</td>
            <td class="size">{ bytes(row.sent_bytes) }</td>
            <td class="size">{ bytes(row.received_bytes) }</td>
            <td>if let Some(why) = &row.spared { <span class="spared">{ format!("{}: {why}", words::bytes(row.spared_bytes)) }</span> }</td>
        </tr>
    }
}
