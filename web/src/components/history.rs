//! The image's history, newest first, as `docker image history` lists it.

use yew::prelude::*;

use super::{Act, Shared};
use crate::{model::Action, words};

#[derive(Properties, PartialEq)]
pub(crate) struct HistoryProps {
    pub(crate) model: Shared,
    pub(crate) act: Act,
}

/// A table; a row that made a layer leads to it.
#[component]
pub(crate) fn History(props: &HistoryProps) -> Html {
    let Some(image) = &props.model.image else {
        return html! {};
    };
    html! {
        <div class="scroll">
            <table class="history">
                <caption class="vh">{ "History of the image, newest first" }</caption>
                <thead><tr><th scope="col">{ "created by" }</th><th scope="col" class="size">{ "size" }</th><th scope="col">{ "created" }</th></tr></thead>
                <tbody>
                    for row in image.history.iter().rev() {
                        <tr class={classes!(row.empty.then_some("faint"), (row.layer.is_some() && row.layer == props.model.selection.layer).then_some("sel"))}>
                            <td class="by">
                                if let Some(layer) = row.layer {
                                    <button class="link" onclick={props.act.reform(move |_: MouseEvent| Action::SelectLayer(layer))} title={row.created_by.clone()}>{ &row.created_by }</button>
                                } else {
                                    <span title={row.created_by.clone()}>{ &row.created_by }</span>
                                }
                            </td>
                            <td class="size">{ if row.empty { "no layer".to_owned() } else { words::bytes(row.bytes) } }</td>
                            <td class="note">{ row.created.get(..10).unwrap_or(&row.created) }</td>
                        </tr>
                    }
                </tbody>
            </table>
        </div>
    }
}
