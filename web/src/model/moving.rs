//! Keeps what is known about the text at its place while the text changes.

use std::rc::Rc;

use messages::{LineView, Problem};

use super::{Model, shift::Shift};

impl Model {
    /// Moves cells, findings, layers' lines and the selection from the present text to `text`.
    pub(super) fn move_to(&mut self, text: &str) {
        let shift = Shift::between(&self.text, text);
        self.tape = cells(&self.tape, shift).into();
        self.findings = findings(&self.findings, shift).into();
        self.layer_lines = self
            .layer_lines
            .iter()
            .map(|line| line.and_then(|line| move_line(line, shift)))
            .collect();
        // The selected line stays selected while it is typed in.
        if let Some(moved) = self.selection.line.and_then(|line| move_line(line, shift)) {
            self.selection.line = Some(moved);
        }
    }

    /// The way from an older text to the present one; `None` if nothing changed.
    pub(super) fn since_text(&self, old: &str) -> Option<Shift> {
        (*old != *self.text).then(|| Shift::between(old, &self.text))
    }
}

/// Cells whose lines still stand.
pub(super) fn cells(cells: &[LineView], shift: Shift) -> Vec<LineView> {
    let moved = |cell: &LineView| {
        Some(LineView {
            lines: shift.lines(cell.lines)?,
            ..cell.clone()
        })
    };
    cells.iter().filter_map(moved).collect()
}

/// Findings whose text still stands; a mend that reaches into changed text is dropped.
pub(super) fn findings(findings: &[Problem], shift: Shift) -> Vec<Problem> {
    let moved = |problem: &Problem| {
        let edits = |(title, edits): &(String, Vec<(usize, usize, String)>)| {
            let moved = edits.iter().map(|(start, end, new)| {
                let (start, end) = shift.span((*start, *end))?;
                Some((start, end, new.clone()))
            });
            Some((title.clone(), moved.collect::<Option<Vec<_>>>()?))
        };
        Some(Problem {
            line: match problem.line {
                Some(line) => Some(move_line(line, shift)?),
                None => None,
            },
            span: match problem.span {
                Some(span) => Some(shift.span(span)?),
                None => None,
            },
            fix: problem.fix.as_ref().and_then(edits),
            ..problem.clone()
        })
    };
    findings.iter().filter_map(moved).collect()
}

/// One line, moved.
pub(super) fn move_line(line: usize, shift: Shift) -> Option<usize> {
    shift.lines((line, line)).map(|(line, _)| line)
}

/// Puts `cell` into `tape` in the order of lines, in the place of one for the same line.
pub(super) fn put_cell(tape: &Rc<[LineView]>, cell: LineView) -> Rc<[LineView]> {
    let mut cells = tape.to_vec();
    match cells.binary_search_by_key(&cell.lines.0, |old| old.lines.0) {
        Ok(at) => cells[at] = cell,
        Err(at) => cells.insert(at, cell),
    }
    cells.into()
}
