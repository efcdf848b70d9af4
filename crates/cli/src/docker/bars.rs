//! Layers on their way as a terminal shows them: a line each, drawn over as it goes on.

use crate::units;
use registry::client::{LayerEvent, LayerState};

/// Columns between the brackets of a bar.
const COLUMNS: u64 = 50;

/// The lines so far, one for each layer.
#[derive(Debug, Default)]
pub(crate) struct Bars {
    lines: Vec<(String, String)>,
}

impl Bars {
    /// What to write so that the layer's line says what happens to it; nothing if it says so already. The cursor is left below the lines.
    pub(crate) fn draw(&mut self, event: &LayerEvent) -> String {
        let text = line(event);
        let Some(at) = self.lines.iter().position(|(id, _)| *id == event.id) else {
            let drawn = format!("{text}\n");
            self.lines.push((event.id.clone(), text));
            return drawn;
        };
        if self.lines[at].1 == text {
            return String::new();
        }
        let up = self.lines.len() - at;
        let drawn = format!("\x1b[{up}A\r\x1b[2K{text}\r\x1b[{up}B");
        self.lines[at].1 = text;
        drawn
    }

    /// Other lines come: what was drawn stays as it is.
    pub(crate) fn leave(&mut self) {
        self.lines.clear();
    }
}

fn line(event: &LayerEvent) -> String {
    let LayerEvent { id, state } = event;
    match state {
        LayerState::Downloading { current, total } | LayerState::Pushing { current, total } => {
            let (bar, current, total) = (bar(*current, *total), units::size(*current), units::size(*total));
            format!("{id}: {state} {bar}  {current:>8}/{total}")
        }
        _ => format!("{id}: {state}"),
    }
}

/// `[====>      ]`, as Docker draws it.
fn bar(current: u64, total: u64) -> String {
    let filled = (current.min(total) * COLUMNS / total.max(1)) as usize;
    let (filled, empty) = if filled < COLUMNS as usize {
        (format!("{}>", "=".repeat(filled)), COLUMNS as usize - filled - 1)
    } else {
        ("=".repeat(COLUMNS as usize) + ">", 0)
    };
    format!("[{filled}{}]", " ".repeat(empty))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, state: LayerState) -> LayerEvent {
        LayerEvent {
            id: id.to_owned(),
            state,
        }
    }

    #[test]
    fn a_line_is_drawn_over_where_it_stands() {
        let mut bars = Bars::default();
        assert_eq!(
            bars.draw(&event("a", LayerState::PullingFsLayer)),
            "a: Pulling fs layer\n"
        );
        assert_eq!(
            bars.draw(&event("b", LayerState::PullingFsLayer)),
            "b: Pulling fs layer\n"
        );
        let half = LayerState::Downloading {
            current: 500,
            total: 1000,
        };
        let bar = format!("a: Downloading [{}>{}]      500B/1kB", "=".repeat(25), " ".repeat(24));
        assert_eq!(
            bars.draw(&event("a", half.clone())),
            format!("\x1b[2A\r\x1b[2K{bar}\r\x1b[2B")
        );
        assert_eq!(bars.draw(&event("a", half)), "");
        let done = bars.draw(&event("b", LayerState::PullComplete));
        assert_eq!(done, "\x1b[1A\r\x1b[2Kb: Pull complete\r\x1b[1B");
        bars.leave();
        assert_eq!(bars.draw(&event("b", LayerState::PullComplete)), "b: Pull complete\n");
    }

    #[test]
    fn a_bar_is_never_longer_than_it_is() {
        for (current, total) in [(0, 10), (10, 10), (11, 10), (0, 0), (9, 10)] {
            assert!((52..=53).contains(&bar(current, total).len()), "{current}/{total}");
        }
    }
}
