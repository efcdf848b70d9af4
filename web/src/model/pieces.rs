//! The highlighted text of the plain editor: lines, each of pieces with a class and an underline.

use std::rc::Rc;

use messages::Problem;
use yew::AttrValue;

use super::reading::{CLASSES, Reading, token_class};

/// A stretch of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Class names: of the token, and `bad-error`, `bad-warning` or `bad-advice` where a problem is.
    pub(crate) class: AttrValue,
    /// Its text, without a line break.
    pub(crate) text: AttrValue,
}

/// Lines of pieces, as many as `text` has lines (an empty text has one).
pub(crate) fn lines(text: &str, reading: &Reading, problems: &[Problem]) -> Vec<Rc<[Piece]>> {
    let mut lines = Vec::new();
    let mut line: Vec<Piece> = Vec::new();
    let cuts = cuts(text, reading, problems);
    for cut in cuts.windows(2) {
        let (start, end) = (cut[0], cut[1]);
        let class = class_at(reading, problems, start);
        for (n, part) in text[start..end].split('\n').enumerate() {
            if n > 0 {
                lines.push(Rc::from(std::mem::take(&mut line)));
            }
            if !part.is_empty() {
                line.push(Piece {
                    class: class.clone(),
                    text: AttrValue::from(part.to_owned()),
                });
            }
        }
    }
    lines.push(Rc::from(line));
    lines
}

/// Every offset where a token or a problem begins or ends, each once, in order.
fn cuts(text: &str, reading: &Reading, problems: &[Problem]) -> Vec<usize> {
    let tokens = reading
        .tokens
        .iter()
        .flat_map(|token| [token.span.start, token.span.end]);
    let spans = problems
        .iter()
        .filter_map(|problem| problem.span)
        .flat_map(|(start, end)| [start, end]);
    let mut cuts: Vec<usize> = tokens
        .chain(spans)
        .chain([0, text.len()])
        .filter(|at| text.is_char_boundary(*at))
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

fn class_at(reading: &Reading, problems: &[Problem], at: usize) -> AttrValue {
    let token = reading.tokens.partition_point(|token| token.span.end <= at);
    let token = reading.tokens.get(token).filter(|token| token.span.start <= at);
    let class = token.map_or("", |token| CLASSES[token_class(token.kind)]);
    let covers = |problem: &&Problem| problem.span.is_some_and(|(start, end)| (start..end).contains(&at));
    match problems
        .iter()
        .filter(covers)
        .map(|problem| rank(&problem.severity))
        .max()
    {
        None => AttrValue::Static(class),
        Some(rank) => AttrValue::from(format!("{class} {}", BAD[rank])),
    }
}

const BAD: [&str; 3] = ["bad-advice", "bad-warning", "bad-error"];

fn rank(severity: &str) -> usize {
    match severity {
        "error" => 2,
        "warning" => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, problems: &[Problem]) -> Vec<String> {
        let lines = lines(text, &Reading::of(text), problems);
        lines
            .iter()
            .map(|line| line.iter().map(|piece| piece.text.as_str()).collect())
            .collect()
    }

    #[test]
    fn the_pieces_together_are_the_text() {
        for text in [
            "",
            "\n",
            "FROM a",
            "FROM a\nRUN <<E\nä 😀\nE\n",
            "# syntax=x\n\n  COPY a \\\n b\n",
        ] {
            assert_eq!(shown(text, &[]), text.split('\n').collect::<Vec<_>>(), "{text:?}");
        }
    }

    #[test]
    fn a_problem_underlines_its_bytes_only() {
        let text = "FROM a\nRUN x\n";
        let problem = Problem {
            severity: "error".to_owned(),
            span: Some((7, 10)),
            ..Problem::default()
        };
        let lines = lines(text, &Reading::of(text), &[problem]);
        let bad: Vec<&Piece> = lines
            .iter()
            .flat_map(|line| line.iter())
            .filter(|p| p.class.contains("bad-error"))
            .collect();
        assert_eq!(bad.len(), 1);
        assert_eq!(bad[0].text, "RUN");
    }

    #[test]
    fn a_span_beyond_the_text_does_no_harm() {
        let problem = Problem {
            severity: "warning".to_owned(),
            span: Some((2, 900)),
            ..Problem::default()
        };
        assert_eq!(shown("FROM a", &[problem]), ["FROM a"]);
    }
}
