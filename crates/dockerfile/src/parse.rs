//! The walk over a file's lines: directives, comments, continued lines, heredocs.

use std::ops::Range;

use crate::directives;
use crate::heredoc::Opener;
use crate::instruction::Node;
use crate::lines::{Line, Lines, Logical, MAX_LINE, continuation};
use crate::problem::Problem;
use crate::tokens::Tokens;
use crate::{Diagnostic, Dockerfile, Heredoc, Instruction, Kind, Parse, Phase, Severity, Span, Spanned, TokenKind};

/// Reads a Dockerfile. Never fails: what cannot be read is described by [`Parse::diagnostics`].
///
/// # Example
///
/// ```
/// let parse = dockerfile::parse("FROM scratch\nWORDDIR /app\n");
/// let error = dockerfile::first_error(&parse.diagnostics).expect("a mistake");
/// assert_eq!(error.message, "dockerfile parse error on line 2: unknown instruction: WORDDIR (did you mean WORKDIR?)");
/// assert_eq!(parse.dockerfile.instructions.len(), 2);
/// ```
///
/// Source: Dockerfile reference; where it is silent, what BuildKit's frontend 1.26 does.
pub fn parse(source: &str) -> Parse {
    Parser::new(source, Purpose::File).run()
}

/// Reads what an image's ONBUILD left: instructions without a FROM.
pub fn parse_trigger(text: &str) -> Parse {
    Parser::new(text, Purpose::Trigger).run()
}

/// Returns the error that BuildKit would report: of the earliest pass, the earliest in the text.
pub fn first_error(diagnostics: &[Diagnostic]) -> Option<&Diagnostic> {
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error);
    errors.min_by_key(|error| (error.phase, error.span.start))
}

/// How many findings of one pass are kept: nobody reads more, and a file may have one on every line.
const MAX_FINDINGS: usize = 1000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    File,
    Trigger,
}

struct Parser<'a> {
    source: &'a str,
    purpose: Purpose,
    lines: Lines<'a>,
    /// Whether directives may still come.
    at_top: bool,
    dockerfile: Dockerfile,
    diagnostics: Vec<Diagnostic>,
    /// How many findings there were of the parse and of later passes.
    found: [usize; 2],
    tokens: Tokens,
    comments: Vec<Spanned<String>>,
    /// Whether a FROM was seen, or something that cannot be read and may have been meant as one.
    in_stage: bool,
}

impl<'a> Parser<'a> {
    fn new(source: &'a str, purpose: Purpose) -> Parser<'a> {
        Parser {
            source,
            purpose,
            lines: Lines::new(source),
            at_top: true,
            dockerfile: Dockerfile {
                directives: Vec::new(),
                escape: '\\',
                instructions: Vec::new(),
            },
            diagnostics: Vec::new(),
            found: [0; 2],
            tokens: Tokens::default(),
            comments: Vec::new(),
            in_stage: purpose == Purpose::Trigger,
        }
    }

    fn run(mut self) -> Parse {
        self.dockerfile.directives = directives::behind_shebang(self.source);
        let mut logical = Logical::default();
        while let Some(line) = self.lines.next() {
            let text = line.text.trim_start();
            let start = line.start + line.text.len() - text.len();
            if self.directive(text, start) || self.comment(line, start) || text.is_empty() {
                continue;
            }
            logical.clear();
            self.instruction(&mut logical, text, start);
        }
        self.finish();
        let tokens = self.tokens.finish(self.source);
        Parse {
            dockerfile: self.dockerfile,
            diagnostics: self.diagnostics,
            tokens,
        }
    }

    /// Reads a line as a directive, if it may be one.
    fn directive(&mut self, text: &str, start: usize) -> bool {
        if !self.at_top {
            return false;
        }
        let Some(directive) = directives::read(text, start) else {
            self.at_top = false;
            return false;
        };
        let (name, value) = (directive.name.value.as_str(), directive.value.value.as_str());
        self.tokens.push(
            Span {
                start,
                end: start + text.len(),
            },
            TokenKind::Directive,
        );
        if self
            .dockerfile
            .directives
            .iter()
            .any(|earlier| earlier.name.value == name)
        {
            let message = format!("only one {name} parser directive can be used");
            self.top_error("repeated-directive", directive.name.span, message);
            return true;
        }
        match (name, value) {
            ("escape", "\\" | "`") => self.dockerfile.escape = if value == "`" { '`' } else { '\\' },
            ("escape", _) => {
                let message = format!("invalid escape token '{value}' does not match ` or \\");
                self.top_error("escape-directive", directive.value.span, message);
            }
            _ => {}
        }
        self.dockerfile.directives.push(directive);
        true
    }

    /// An error in a directive. BuildKit names the line before it.
    fn top_error(&mut self, code: &'static str, span: Span, message: String) {
        let line = Some(self.lines.number - 1).filter(|line| *line > 0);
        self.error(code, Phase::Parse, span, line, message);
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        let found = &mut self.found[usize::from(diagnostic.phase != Phase::Parse)];
        *found += 1;
        if *found <= MAX_FINDINGS {
            self.diagnostics.push(diagnostic);
        }
    }

    fn error(&mut self, code: &'static str, phase: Phase, span: Span, line: Option<usize>, message: String) {
        let severity = Severity::Error;
        self.push(Diagnostic {
            code,
            severity,
            phase,
            span,
            line,
            message,
            hints: Vec::new(),
            fix: None,
        });
    }

    /// Keeps a comment for the instruction below it; one without text ends the comments before it.
    fn comment(&mut self, line: Line<'_>, start: usize) -> bool {
        if !line.is_comment() {
            return false;
        }
        let end = line.start + line.text.len();
        self.tokens.push(Span { start, end }, TokenKind::Comment);
        // BuildKit drops the line's first character, which is `#` only where the line is not indented.
        let mut chars = line.text.chars();
        chars.next();
        let text = chars.as_str().trim();
        if text.is_empty() {
            self.comments.clear();
            return true;
        }
        let lead = chars.as_str().len() - chars.as_str().trim_start().len();
        let start = end - chars.as_str().len() + lead;
        self.comments.push(Spanned {
            value: text.to_owned(),
            span: Span {
                start,
                end: start + text.len(),
            },
        });
        true
    }

    /// Reads the instruction that begins with `text`, with the lines that continue it and its heredocs.
    fn instruction(&mut self, logical: &mut Logical, text: &str, start: usize) {
        let first_line = self.lines.number;
        let has_gap = self.join(logical, text, start);
        let last_line = self.lines.number;
        let node = Node::split(logical, self.dockerfile.escape, 0..logical.text.len());
        let mut end = logical.span(node.range()).end;
        let mut heredocs = Vec::new();
        let mut problem = None;
        if logical.text.contains("<<") && node.takes_heredocs() {
            problem = self.heredocs(&node, &mut heredocs, &mut end);
        }
        let kind = node.kind(&mut heredocs);
        let keyword = if kind.is_err() && node.is_unknown() {
            TokenKind::Invalid
        } else {
            TokenKind::Keyword
        };
        self.tokens.instruction(&node, keyword);
        // What is wrong with the words comes before what is wrong with the heredocs.
        let kind = match (kind, problem) {
            (Err(found), Some(heredoc)) if !found.is_parse() => Err(heredoc),
            (Ok(_), Some(heredoc)) => Err(heredoc),
            (kind, _) => kind,
        };
        let is_from = node.name() == "FROM";
        let mut kind = match kind {
            Ok(kind) => {
                self.stage(&kind, &node, first_line);
                kind
            }
            Err(problem) => {
                self.in_stage = true;
                self.push(problem.locate(logical, first_line));
                Kind::Unknown
            }
        };
        self.in_stage |= is_from;
        let lines = (first_line, self.lines.number);
        if let Kind::Onbuild(trigger) = &mut kind {
            if let (Kind::Unknown, Err(problem)) = (&trigger.kind, node.trigger().kind(&mut Vec::new())) {
                self.push(problem.locate_in_trigger(logical, first_line));
            }
            trigger.lines = lines;
            trigger.span.end = trigger.span.end.max(end);
        }
        let keyword = node.spanned_keyword();
        self.dockerfile.instructions.push(Instruction {
            span: Span {
                start: keyword.span.start,
                end,
            },
            lines,
            keyword,
            original: logical.text.trim().to_owned(),
            flags: node.flag_reader().all(),
            heredocs,
            comments: std::mem::take(&mut self.comments),
            empty_continuation: has_gap.then_some(last_line),
            kind,
        });
    }

    /// Joins continued lines; says whether an empty one stands among them.
    fn join(&mut self, logical: &mut Logical, text: &str, start: usize) -> bool {
        let escape = self.dockerfile.escape;
        let mut has_gap = false;
        let (mut text, mut start) = (text, start);
        let mut current: Line<'a>;
        loop {
            let Some((body, at)) = continuation(text, escape) else {
                logical.push(text, start);
                return has_gap;
            };
            logical.push(body, start);
            self.tokens.push(
                Span {
                    start: start + at,
                    end: start + at + escape.len_utf8(),
                },
                TokenKind::Continuation,
            );
            loop {
                let Some(line) = self.lines.next() else { return has_gap };
                if line.is_comment() {
                    let blanks = line.text.len() - line.text.trim_start().len();
                    let span = Span {
                        start: line.start + blanks,
                        end: line.start + line.text.len(),
                    };
                    self.tokens.push(span, TokenKind::Comment);
                } else if line.text.trim_start().is_empty() {
                    has_gap = true;
                } else {
                    current = line;
                    break;
                }
            }
            (text, start) = (current.text, current.start);
        }
    }

    /// Reads the bodies of a line's heredocs.
    fn heredocs(&mut self, node: &Node<'_>, heredocs: &mut Vec<Heredoc>, end: &mut usize) -> Option<Problem> {
        let text = node.logical.text.as_str();
        let mut from = 0;
        for (opener, word) in Opener::all(text) {
            let range: Range<usize> = match text[from..].find(&word) {
                Some(at) => from + at..from + at + word.len(),
                None => node.keyword.clone(),
            };
            from = from.max(range.end);
            self.tokens.range(node.logical, range.clone(), TokenKind::Heredoc);
            let name = opener.name.clone();
            let (body, ended) = opener.read_body(&mut self.lines);
            self.tokens.push(body.heredoc.span, TokenKind::HeredocBody);
            self.tokens.push(body.terminator, TokenKind::Heredoc);
            *end = (*end).max(body.heredoc.span.end).max(body.terminator.end);
            heredocs.push(body.heredoc);
            if ended.is_err() {
                return Some(
                    Problem::parse("unterminated-heredoc", range, "unterminated heredoc")
                        .hint(format!("end it with a line that is exactly {name}")),
                );
            }
        }
        None
    }

    /// Notices that an instruction stands before the first FROM.
    fn stage(&mut self, kind: &Kind, node: &Node<'_>, line: usize) {
        if self.in_stage || matches!(kind, Kind::From { .. } | Kind::Arg(_)) {
            return;
        }
        self.in_stage = true;
        let span = node.logical.span(node.keyword.clone());
        self.error(
            "no-stage",
            Phase::Instruction,
            span,
            Some(line),
            "no build stage in current context".to_owned(),
        );
        if let Some(error) = self.diagnostics.last_mut() {
            error
                .hints
                .push("begin with FROM; only ARG may stand before it".to_owned());
        }
    }

    /// What can only be said at the end.
    fn finish(&mut self) {
        let end = Span {
            start: self.source.len(),
            end: self.source.len(),
        };
        let line = Some(self.lines.number).filter(|line| *line > 0);
        if let Some(start) = self.lines.overlong {
            let span = Span {
                start,
                end: self.source.len(),
            };
            let message = format!("dockerfile line greater than max allowed size of {}", MAX_LINE - 1);
            self.error("line-too-long", Phase::Parse, span, line, message);
        }
        if self.purpose == Purpose::Trigger {
            return;
        }
        if self.source.is_empty() {
            self.error(
                "empty-file",
                Phase::Parse,
                end,
                None,
                "the Dockerfile cannot be empty".to_owned(),
            );
        } else if self.dockerfile.instructions.is_empty() {
            let start = Span::default();
            self.error(
                "no-instructions",
                Phase::Parse,
                start,
                line,
                "file with no instructions".to_owned(),
            );
        } else if !self.in_stage {
            let message = "dockerfile contains no stages to build".to_owned();
            self.error("no-stages", Phase::Instruction, end, None, message);
        }
    }
}
