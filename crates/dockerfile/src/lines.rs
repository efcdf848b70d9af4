//! Physical lines, and the logical line that several of them join to.

use std::ops::Range;

use crate::Span;

/// A physical line has fewer bytes than this, its line break not counted.
pub(crate) const MAX_LINE: usize = 64 * 1024;

/// A physical line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    /// Without its line break.
    pub(crate) text: &'a str,
    /// With its line break.
    pub(crate) whole: &'a str,
    /// Where it starts.
    pub(crate) start: usize,
}

impl Line<'_> {
    /// Whether its first character that is not blank is `#`.
    pub(crate) fn is_comment(&self) -> bool {
        self.text.trim_start().starts_with('#')
    }
}

/// The lines of a source, up to one that is too long.
pub(crate) struct Lines<'a> {
    source: &'a str,
    at: usize,
    /// How many lines were read.
    pub(crate) number: usize,
    /// Where a line starts that is too long to be read.
    pub(crate) overlong: Option<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(source: &'a str) -> Lines<'a> {
        // The byte-order mark belongs to no line.
        let at = if source.starts_with('\u{feff}') {
            '\u{feff}'.len_utf8()
        } else {
            0
        };
        Lines {
            source,
            at,
            number: 0,
            overlong: None,
        }
    }

    pub(crate) fn next(&mut self) -> Option<Line<'a>> {
        let rest = &self.source[self.at..];
        if rest.is_empty() || self.overlong.is_some() {
            return None;
        }
        let end = rest.find('\n').map_or(rest.len(), |at| at + 1);
        let whole = &rest[..end];
        if whole.strip_suffix('\n').unwrap_or(whole).len() >= MAX_LINE {
            self.overlong = Some(self.at);
            return None;
        }
        let start = self.at;
        self.at += end;
        self.number += 1;
        Some(Line {
            text: whole.trim_end_matches(['\r', '\n']),
            whole,
            start,
        })
    }
}

/// Splits the escape character off that continues a line: what stands before it, and its place in `text`.
pub(crate) fn continuation(text: &str, escape: char) -> Option<(&str, usize)> {
    let body = text.trim_end_matches([' ', '\t']).strip_suffix(escape)?;
    // An escaped escape character does not continue; nor do three of them, which is BuildKit's rule.
    (!body.ends_with(escape)).then_some((body, body.len()))
}

/// Continued lines joined, with the way back to the source.
#[derive(Debug, Default)]
pub(crate) struct Logical {
    /// The joined text.
    pub(crate) text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    /// Where it starts in the joined text.
    at: usize,
    /// Where it starts in the source.
    source: usize,
    len: usize,
}

impl Logical {
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.pieces.clear();
    }

    pub(crate) fn push(&mut self, text: &str, source: usize) {
        self.pieces.push(Piece {
            at: self.text.len(),
            source,
            len: text.len(),
        });
        self.text.push_str(text);
    }

    /// The stretch of the source from the first to the last byte of a range of the joined text.
    pub(crate) fn span(&self, range: Range<usize>) -> Span {
        let start = self.source(range.start);
        if range.is_empty() {
            return Span { start, end: start };
        }
        Span {
            start,
            end: self.source(range.end - 1) + 1,
        }
    }

    /// The stretches of the source that a range of the joined text is made of.
    pub(crate) fn spans(&self, range: Range<usize>) -> impl Iterator<Item = Span> {
        let first = self.pieces.partition_point(|piece| piece.at + piece.len <= range.start);
        self.pieces[first..]
            .iter()
            .take_while(move |piece| piece.at < range.end)
            .filter_map(move |piece| {
                let start = range.start.max(piece.at) - piece.at + piece.source;
                let end = range.end.min(piece.at + piece.len) - piece.at + piece.source;
                (start < end).then_some(Span { start, end })
            })
    }

    fn source(&self, at: usize) -> usize {
        let after = self.pieces.partition_point(|piece| piece.at + piece.len <= at);
        match self.pieces.get(after).or(self.pieces.last()) {
            Some(piece) => piece.source + (at - piece.at).min(piece.len),
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, Logical, MAX_LINE, continuation};
    use crate::Span;

    #[test]
    fn a_line_continues_unless_its_escape_is_escaped() {
        assert_eq!(continuation("a \\ \t", '\\'), Some(("a ", 2)));
        assert_eq!(continuation("\\", '\\'), Some(("", 0)));
        assert_eq!(continuation("a\\\\", '\\'), None);
        assert_eq!(continuation("a\\\\\\", '\\'), None);
        assert_eq!(continuation("a\\", '`'), None);
    }

    #[test]
    fn a_line_of_64_kib_is_too_long_and_one_byte_less_is_not() {
        let fits = "x".repeat(MAX_LINE - 1) + "\n";
        assert!(Lines::new(&fits).next().is_some());
        let long = "x".repeat(MAX_LINE);
        let mut lines = Lines::new(&long);
        assert!(lines.next().is_none());
        assert_eq!(lines.overlong, Some(0));
    }

    #[test]
    fn joined_text_knows_where_it_came_from() {
        let mut logical = Logical::default();
        logical.push("RUN a ", 10);
        logical.push(" b", 20);
        assert_eq!(logical.text, "RUN a  b");
        assert_eq!(logical.span(4..8), Span { start: 14, end: 22 });
        assert_eq!(logical.span(8..8), Span { start: 22, end: 22 });
        let spans: Vec<Span> = logical.spans(4..8).collect();
        assert_eq!(spans, [Span { start: 14, end: 16 }, Span { start: 20, end: 22 }]);
    }
}
