//! The build tape: one cell beside every instruction, saying what becomes of it.

use std::rc::Rc;

use messages::{LineState, LineView};
use web_sys::KeyboardEvent;
use yew::prelude::*;

use super::{code::is_in, focus_soon};
use crate::words;

#[derive(Properties, PartialEq)]
pub(crate) struct TapeProps {
    /// Cells, by line.
    pub(crate) cells: Rc<[LineView]>,
    /// First and last lines of all instructions: some may have no cell yet.
    pub(crate) instructions: Rc<Vec<(usize, usize)>>,
    pub(crate) n_lines: usize,
    pub(crate) selected: Option<(usize, usize)>,
    /// False while the cells are those of an older text.
    pub(crate) fresh: bool,
    pub(crate) on_select: Callback<usize>,
}

/// As many rows as the text has lines; the arrow keys go from cell to cell.
#[component]
pub(crate) fn Tape(props: &TapeProps) -> Html {
    let list = use_node_ref();
    let lines: Vec<usize> = props.instructions.iter().map(|(first, _)| *first).collect();
    let current = props.selected.map(|(first, _)| first).or(lines.first().copied());
    let key = {
        let (on_select, lines, list) = (props.on_select.clone(), lines.clone(), list.clone());
        Callback::from(move |event: KeyboardEvent| {
            let at = lines.iter().position(|line| Some(*line) == current).unwrap_or(0);
            let to = match event.key().as_str() {
                "ArrowDown" => (at + 1).min(lines.len().saturating_sub(1)),
                "ArrowUp" => at.saturating_sub(1),
                "Home" => 0,
                "End" => lines.len().saturating_sub(1),
                _ => return,
            };
            event.prevent_default();
            if let Some(line) = lines.get(to) {
                on_select.emit(*line);
                focus_soon(&list, "[tabindex='0']");
            }
        })
    };
    html! {
        <div class={classes!("tape", (!props.fresh).then_some("stale"))} ref={list} role="group" aria-label="What becomes of each line" onkeydown={key}>
            for line in 1..=props.n_lines {
                <div class={classes!("row", is_in(line, props.selected).then_some("sel"))}>
                    if lines.contains(&line) {
                        <Cell {line} cell={cell(&props.cells, line)} current={current == Some(line)} on_select={props.on_select.clone()} />
                    } else if props.instructions.iter().any(|(first, last)| *first < line && line <= *last) {
                        <span class="goes-on"></span>
                    }
                </div>
            }
        </div>
    }
}

fn cell(cells: &[LineView], line: usize) -> Option<LineView> {
    cells.iter().find(|cell| cell.lines.0 == line).cloned()
}

#[derive(Properties, PartialEq)]
struct CellProps {
    line: usize,
    cell: Option<LineView>,
    /// True if Tab leads here.
    current: bool,
    on_select: Callback<usize>,
}

#[component]
fn Cell(props: &CellProps) -> Html {
    let line = props.line;
    let select = props.on_select.reform(move |_: MouseEvent| line);
    let tabindex = if props.current { "0" } else { "-1" };
    let Some(cell) = &props.cell else {
        return html! { <button class="cell wait" {tabindex} onclick={select} data-line={line.to_string()} aria-label={format!("Line {line}: not known yet")}>{ "…" }</button> };
    };
    let figure = figure(cell);
    let simulated = if cell.simulated { ", simulated" } else { "" };
    html! {
        <button class={classes!("cell", words::slug(cell.state))} {tabindex} onclick={select} title={cell.meaning.clone()}
            data-line={line.to_string()} data-state={words::slug(cell.state)} data-bytes={cell.bytes.map(|n| n.to_string())}>
            <span class="vh">{ format!("Line {line}: ") }</span>
            <span class="glyph" aria-hidden="true">{ words::glyph(cell.state) }</span>
            <span class="word">{ words::state(cell.state) }</span>{ " " }
            <em>{ figure }</em>
            <span class="vh">{ simulated }</span>
        </button>
    }
}

/// Bytes, or for a made step bytes and time; `~` where simulated.
fn figure(cell: &LineView) -> String {
    let about = if cell.simulated { "~" } else { "" };
    let bytes = cell.bytes.map(|n| format!("{about}{}", words::bytes(n)));
    match cell.state {
        LineState::Config | LineState::Pruned => String::new(),
        LineState::Running => cell.millis.map(words::millis).unwrap_or_default(),
        _ => bytes.unwrap_or_default(),
    }
}
