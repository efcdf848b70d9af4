//! Paths by layers: which layer adds, changes or deletes each path, and what is hidden by whom.

use std::{collections::BTreeMap, rc::Rc};

use messages::{ChangeView, FileRow};
use yew::prelude::*;

use super::{Act, Shared};
use crate::{
    model::{Action, Filter, Load},
    words,
};

/// The most rows that are drawn.
const MOST: usize = 300;

#[derive(Properties, PartialEq)]
pub(crate) struct MatrixProps {
    pub(crate) model: Shared,
    pub(crate) act: Act,
}

/// Columns are the layers this build made, lowest first; rows are paths that any of them touches.
#[component]
pub(crate) fn Matrix(props: &MatrixProps) -> Html {
    let model = &props.model;
    let Some(image) = &model.image else { return html! {} };
    let layers: Vec<usize> = (0..image.layers.len())
        .filter(|index| !image.layers[*index].base)
        .collect();
    if layers.is_empty() {
        return html! { <div class="empty"><p>{ "All layers of this image are the base's: there is nothing to compare." }</p></div> };
    }
    if layers
        .iter()
        .any(|index| matches!(model.matrix.get(*index), Some(Load::Loading | Load::Nothing) | None))
    {
        return html! { <div class="empty"><p>{ "Reading the layers …" }</p></div> };
    }
    let paths = paths(model, &layers);
    let n_paths = paths.len();
    html! {
        <div class="scroll">
            <table class="matrix">
                <caption class="note">
                    <span>{ "+ added" }</span><span>{ "~ changed" }</span><span>{ "− deleted" }</span><span>{ "hatched: shipped, then hidden" }</span>
                </caption>
                <thead><tr><th scope="col">{ "path" }</th>
                    for index in &layers { <th scope="col" title={image.layers[*index].instruction.clone()}>{ column(model, *index) }</th> }
                </tr></thead>
                <tbody>
                    for (path, cells) in paths.into_iter().take(MOST) {
                        <tr><th scope="row" title={path.clone()}>{ &path }</th>
                            for index in &layers { { cell(props, *index, &path, cells.get(index)) } }
                        </tr>
                    }
                </tbody>
            </table>
            if n_paths > MOST { <p class="note">{ format!("{MOST} of {n_paths} paths; narrow them with the filter of Files") }</p> }
        </div>
    }
}

fn column(model: &Shared, layer: usize) -> String {
    let line = model.line_of(layer);
    line.map_or_else(|| format!("#{}", layer + 1), |line| format!("line {line}"))
}

type Cells = BTreeMap<usize, FileRow>;

fn paths(model: &Shared, layers: &[usize]) -> BTreeMap<String, Cells> {
    let filter = Filter::of(&model.filter);
    let mut paths: BTreeMap<String, Cells> = BTreeMap::new();
    for index in layers {
        let Some(Load::Here(rows)) = model.matrix.get(*index) else {
            continue;
        };
        // A directory that is only on the way changes nothing.
        for row in rows
            .iter()
            .filter(|row| row.change != ChangeView::Same && (filter.is_empty() || filter.takes(row)))
        {
            paths.entry(row.path.clone()).or_default().insert(*index, row.clone());
        }
    }
    paths
}

fn cell(props: &MatrixProps, layer: usize, path: &str, row: Option<&FileRow>) -> Html {
    let Some(row) = row else {
        return html! { <td class="through" aria-label="untouched">{ "·" }</td> };
    };
    let target: Rc<str> = path.into();
    let select = props
        .act
        .reform(move |_: MouseEvent| Action::SelectCell(layer, target.clone()));
    let hidden = if row.hidden { ", then hidden" } else { "" };
    let label = format!(
        "{path}: {}{hidden}, {}",
        words::change(row.change),
        words::bytes(row.bytes)
    );
    html! {
        <td class={classes!(words::change(row.change), row.hidden.then_some("hid"))}>
            <button onclick={select} aria-label={label.clone()} title={label}>{ words::change_glyph(row.change) }</button>
        </td>
    }
}
