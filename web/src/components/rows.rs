//! Some lines of a terminal, drawn once for as long as they do not change.

use std::rc::Rc;

use yew::prelude::*;

use crate::model::{Chunk, Look, Row};

#[derive(Properties)]
pub(super) struct RowsProps {
    pub(super) chunk: Rc<Chunk>,
}

impl PartialEq for RowsProps {
    // A chunk that changes is another one.
    fn eq(&self, other: &RowsProps) -> bool {
        Rc::ptr_eq(&self.chunk, &other.chunk)
    }
}

/// The lines, each ended by a line break so that they are copied as lines.
#[component]
pub(super) fn Rows(props: &RowsProps) -> Html {
    html! {
        <div class="rows">
            for (index, row) in props.chunk.rows.iter().enumerate() {
                <Line key={index} row={row.clone()} />
            }
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct LineProps {
    row: Row,
}

#[component]
fn Line(props: &LineProps) -> Html {
    html! {
        <>
            for span in props.row.iter() {
                if span.look == Look::default() {
                    { &span.text }
                } else {
                    <span class={classes!(class(span.look))}>{ &span.text }</span>
                }
            }
            { "\n" }
        </>
    }
}

/// Class names of a look; the palette is in the style sheet.
fn class(look: Look) -> Vec<&'static str> {
    const COLOURS: [&str; 8] = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"];
    let parts = [
        look.colour.map(|colour| COLOURS[usize::from(colour % 8)]),
        look.bold.then_some("strong"),
        look.dim.then_some("dim"),
        look.prompt.then_some("prompt"),
    ];
    parts.into_iter().flatten().collect()
}
