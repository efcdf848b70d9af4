//! What the page itself reads out of the Dockerfile at every keystroke, without the worker.

use std::rc::Rc;

use dockerfile::{Diagnostic, Kind, Parse, Severity, Token, TokenKind};
use messages::Problem;

use super::Utf16Map;

/// One text, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Reading {
    /// A token for every byte, for highlighting.
    pub(crate) tokens: Vec<Token>,
    /// What is wrong, in the form in which the worker says it.
    pub(crate) problems: Vec<Problem>,
    /// First and last line of every instruction.
    pub(crate) instructions: Vec<(usize, usize)>,
    /// Names of the stages, in order; empty where none is given.
    pub(crate) stages: Vec<String>,
    /// Names of the build arguments that the text declares, each once.
    pub(crate) args: Vec<String>,
    /// From bytes to the browser's offsets.
    pub(crate) utf16: Utf16Map,
}

impl Reading {
    /// Parses a text. Any text can be read.
    pub(crate) fn of(text: &str) -> Reading {
        let Parse {
            dockerfile,
            diagnostics,
            tokens,
        } = dockerfile::parse(text);
        let mut reading = Reading {
            tokens,
            problems: diagnostics.into_iter().map(|found| problem(text, found)).collect(),
            instructions: dockerfile
                .instructions
                .iter()
                .map(|instruction| instruction.lines)
                .collect(),
            utf16: Utf16Map::of(text),
            ..Reading::default()
        };
        for instruction in &dockerfile.instructions {
            match &instruction.kind {
                Kind::From { alias, .. } => {
                    reading
                        .stages
                        .push(alias.as_ref().map(|name| name.value.clone()).unwrap_or_default());
                }
                Kind::Arg(names) => {
                    for name in names {
                        if !reading.args.contains(&name.name.value) {
                            reading.args.push(name.name.value.clone());
                        }
                    }
                }
                _ => {}
            }
        }
        reading
    }

    /// The first line of the instruction that `line` belongs to.
    pub(crate) fn instruction_at(&self, line: usize) -> Option<usize> {
        self.instructions
            .iter()
            .find(|(first, last)| (*first..=*last).contains(&line))
            .map(|(first, _)| *first)
    }

    /// Tokens as triples (start, end, index of the class in [`CLASSES`]) in UTF-16 offsets, plain text left out.
    pub(crate) fn flat_tokens(&self) -> Vec<u32> {
        let marked = self
            .tokens
            .iter()
            .filter(|token| token.kind != TokenKind::Text && token.span.start < token.span.end);
        marked
            .flat_map(|token| {
                [
                    self.utf16.utf16(token.span.start),
                    self.utf16.utf16(token.span.end),
                    token_class(token.kind),
                ]
            })
            .map(|n| n as u32)
            .collect()
    }
}

/// Reads a file that is no Dockerfile: nothing is known of it but its offsets.
pub(crate) fn plain(text: &str) -> Rc<Reading> {
    Rc::new(Reading {
        utf16: Utf16Map::of(text),
        ..Reading::default()
    })
}

/// The class names of tokens, by number.
pub(crate) const CLASSES: [&str; 12] = [
    "",
    "tk-keyword",
    "tk-comment",
    "tk-directive",
    "tk-flag",
    "tk-string",
    "tk-variable",
    "tk-heredoc",
    "tk-body",
    "tk-name",
    "tk-escape",
    "tk-invalid",
];

/// The number of a token's class in [`CLASSES`].
pub(crate) fn token_class(kind: TokenKind) -> usize {
    match kind {
        TokenKind::Text => 0,
        TokenKind::Keyword => 1,
        TokenKind::Comment => 2,
        TokenKind::Directive => 3,
        TokenKind::Flag => 4,
        TokenKind::String => 5,
        TokenKind::Variable => 6,
        TokenKind::Heredoc => 7,
        TokenKind::HeredocBody => 8,
        TokenKind::Name => 9,
        TokenKind::Continuation => 10,
        TokenKind::Invalid => 11,
    }
}

fn problem(text: &str, found: Diagnostic) -> Problem {
    let severity = match found.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let edits = |fix: dockerfile::Fix| {
        let edits = fix.edits.into_iter().map(|(span, new)| (span.start, span.end, new));
        (fix.title, edits.collect())
    };
    Problem {
        severity: severity.to_owned(),
        code: found.code.to_owned(),
        line: Some(line_at(text, found.span.start)),
        span: Some((found.span.start, found.span.end)),
        message: found.message,
        hints: found.hints,
        fix: found.fix.map(edits),
    }
}

/// The line, from 1, that a byte stands in.
pub(crate) fn line_at(text: &str, byte: usize) -> usize {
    1 + text.as_bytes().iter().take(byte).filter(|b| **b == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_and_arguments_are_known_without_the_worker() {
        let reading = Reading::of("ARG V=1\nFROM a:$V AS build\nARG V\nARG W\nFROM b\n");
        assert_eq!(reading.stages, ["build", ""]);
        assert_eq!(reading.args, ["V", "W"]);
        assert_eq!(reading.instruction_at(2), Some(2));
    }

    #[test]
    fn a_continued_line_belongs_to_its_instruction() {
        let reading = Reading::of("FROM a\n\nRUN b \\\n  && c\n");
        assert_eq!(reading.instruction_at(4), Some(3));
        assert_eq!(reading.instruction_at(2), None);
    }

    #[test]
    fn tokens_count_as_the_browser_does() {
        let reading = Reading::of("# 😀\nFROM a\n");
        let flat = reading.flat_tokens();
        let keyword = flat.chunks(3).find(|token| token[2] == 1).expect("FROM is a keyword");
        assert_eq!(keyword[..2], [5, 9]);
    }

    #[test]
    fn an_unknown_instruction_is_underlined_where_it_stands() {
        let text = "FROM scratch\nWORDDIR /var\n";
        let problems = Reading::of(text).problems;
        let found = problems
            .iter()
            .find(|problem| problem.line == Some(2))
            .expect("it is found");
        let (start, end) = found.span.expect("it has a place");
        assert!(text[start..end].starts_with("WORDDIR"));
    }
}
