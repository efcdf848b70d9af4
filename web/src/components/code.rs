//! Line numbers, and the highlighted lines under the plain editor.

use std::rc::Rc;

use messages::Problem;
use yew::prelude::*;

use crate::model::Piece;

#[derive(Properties, PartialEq)]
pub(crate) struct NumbersProps {
    pub(crate) n_lines: usize,
    pub(crate) selected: Option<(usize, usize)>,
    pub(crate) problems: Rc<[Problem]>,
}

/// One number a line, with a sign where something is wrong.
#[component]
pub(crate) fn LineNumbers(props: &NumbersProps) -> Html {
    html! {
        <div class="numbers" aria-hidden="true">
            for line in 1..=props.n_lines {
                <div class={classes!("row", is_in(line, props.selected).then_some("sel"))}>
                    if let Some((class, sign)) = sign(line, &props.problems) {
                        <span class={classes!("sign", class)}>{ sign }</span>
                    }
                    { line }
                </div>
            }
        </div>
    }
}

fn sign(line: usize, problems: &[Problem]) -> Option<(&'static str, &'static str)> {
    let here = |severity: &str| problems.iter().any(|p| p.line == Some(line) && p.severity == severity);
    if here("error") {
        Some(("error", "✕"))
    } else if here("warning") {
        Some(("warning", "!"))
    } else {
        here("advice").then_some(("advice", "i"))
    }
}

/// True if `line` is one of `lines`.
pub(crate) fn is_in(line: usize, lines: Option<(usize, usize)>) -> bool {
    lines.is_some_and(|(first, last)| (first..=last).contains(&line))
}

#[derive(Properties, PartialEq)]
pub(crate) struct CodeLineProps {
    pub(crate) pieces: Rc<[Piece]>,
    pub(crate) selected: bool,
}

/// One line of highlighted text. Drawn again only if its own pieces change.
#[component]
pub(crate) fn CodeLine(props: &CodeLineProps) -> Html {
    html! {
        <div class={classes!("row", props.selected.then_some("sel"))}>
            for piece in props.pieces.iter() {
                <span class={&piece.class}>{ &piece.text }</span>
            }
        </div>
    }
}
