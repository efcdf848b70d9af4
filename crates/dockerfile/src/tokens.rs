//! What every stretch of the source is, for highlighting.

use std::ops::Range;

use crate::flags;
use crate::instruction::Node;
use crate::json::{self, Json};
use crate::lines::Logical;
use crate::words::{blank_separated, quoted};
use crate::{Span, Token, TokenKind};

/// Gathers tokens in any order; overlaps are settled in favour of the one that starts first, then of the earlier noted.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    tokens: Vec<Token>,
}

impl Tokens {
    pub(crate) fn push(&mut self, span: Span, kind: TokenKind) {
        if span.start < span.end {
            self.tokens.push(Token { span, kind });
        }
    }

    /// Notes a range of the joined text, which may be several stretches of the source.
    pub(crate) fn range(&mut self, logical: &Logical, range: Range<usize>, kind: TokenKind) {
        for span in logical.spans(range) {
            self.push(span, kind);
        }
    }

    /// Every byte of the source, once: what was noted, and text in between.
    pub(crate) fn finish(mut self, source: &str) -> Vec<Token> {
        self.tokens.sort_by_key(|token| token.span.start);
        let mut out = Vec::with_capacity(self.tokens.len() * 2 + 1);
        let mut at = 0;
        for token in self.tokens {
            let start = token.span.start.max(at);
            if start >= token.span.end {
                continue;
            }
            if at < start {
                out.push(Token {
                    span: Span { start: at, end: start },
                    kind: TokenKind::Text,
                });
            }
            at = token.span.end;
            out.push(Token {
                span: Span { start, end: at },
                kind: token.kind,
            });
        }
        if at < source.len() {
            out.push(Token {
                span: Span {
                    start: at,
                    end: source.len(),
                },
                kind: TokenKind::Text,
            });
        }
        out
    }

    /// Notes the keyword, the flags and the words of an instruction.
    pub(crate) fn instruction(&mut self, node: &Node<'_>, keyword: TokenKind) {
        let logical = node.logical;
        let text = logical.text.as_str();
        self.range(logical, node.keyword.clone(), keyword);
        for flag in &node.flags {
            let (name, value) = flags::ranges(text, flag);
            let name_end = if value.start > name.end { name.end + 1 } else { name.end };
            self.range(logical, flag.range.start..name_end, TokenKind::Flag);
            self.scan(node, value);
        }
        match node.name().as_str() {
            "FROM" => self.from(node),
            "ENV" | "LABEL" | "ARG" => self.pairs(node),
            "ONBUILD" => {
                let trigger = node.trigger();
                let known = !trigger.is_unknown() && trigger.name() != "ONBUILD";
                if known {
                    self.instruction(&trigger, TokenKind::Keyword);
                } else {
                    self.range(logical, trigger.keyword, TokenKind::Invalid);
                }
            }
            "HEALTHCHECK" => {
                let (kind, command) = crate::words::split_first(text, node.rest.clone());
                self.range(logical, kind, TokenKind::Keyword);
                if let Some(command) = command {
                    self.words(node, command);
                }
            }
            _ => self.words(node, node.rest.clone()),
        }
    }

    fn from(&mut self, node: &Node<'_>) {
        for (i, word) in blank_separated(&node.logical.text, node.rest.clone())
            .into_iter()
            .enumerate()
        {
            match i {
                1 => self.range(node.logical, word.range, TokenKind::Keyword),
                _ if word.value.contains('$') => self.scan(node, word.range),
                _ => self.range(node.logical, word.range, TokenKind::Name),
            }
        }
    }

    fn pairs(&mut self, node: &Node<'_>) {
        let text = node.logical.text.as_str();
        let words = quoted(text, node.rest.clone(), node.escape);
        let legacy = node.name() != "ARG" && words.first().is_some_and(|word| !word.value.contains('='));
        if legacy {
            let (key, value) = crate::words::split_first(text, node.rest.clone());
            self.range(node.logical, key, TokenKind::Name);
            if let Some(value) = value {
                self.scan(node, value);
            }
            return;
        }
        for word in words {
            let equals = word.value.find('=').map_or(word.range.end, |at| word.range.start + at);
            self.range(node.logical, word.range.start..equals, TokenKind::Name);
            self.scan(node, equals..word.range.end);
        }
    }

    /// Words in JSON or shell form.
    fn words(&mut self, node: &Node<'_>, range: Range<usize>) {
        if let Json::Strings(words) = json::read(&node.logical.text, range.clone()) {
            for word in words {
                self.range(node.logical, word.range, TokenKind::String);
            }
        } else {
            self.scan(node, range);
        }
    }

    /// Notes the quoted texts and variables of a range.
    fn scan(&mut self, node: &Node<'_>, range: Range<usize>) {
        let (text, mut at) = (&node.logical.text[..range.end], range.start);
        // What was once found to have no end is not looked for again: a line is walked a few times at most.
        let (mut single, mut double, mut brace) = (true, true, true);
        while let Some(skip) = text[at..].find(['\'', '"', '$', node.escape]) {
            at += skip;
            let rest = &text[at..];
            let len = match rest.as_bytes()[0] {
                b'\'' if single => {
                    let len = rest[1..].find('\'').map(|end| end + 2);
                    single = len.is_some();
                    self.noted(node, at, len, TokenKind::String)
                }
                b'"' if double => {
                    let len = double_quoted_len(rest, node.escape);
                    double = len.is_some();
                    match len {
                        Some(len) => {
                            self.quoted(node, at..at + len);
                            len
                        }
                        None => 1,
                    }
                }
                b'$' => {
                    let len = variable_len(rest, &mut brace);
                    self.noted(node, at, len, TokenKind::Variable)
                }
                b if char::from(b) == node.escape => rest.chars().take(2).map(char::len_utf8).sum(),
                _ => 1,
            };
            at += len;
        }
    }

    fn noted(&mut self, node: &Node<'_>, at: usize, len: Option<usize>, kind: TokenKind) -> usize {
        if let Some(len) = len {
            self.range(node.logical, at..at + len, kind);
        }
        len.unwrap_or(1)
    }

    /// A text in double quotes with the variables in it.
    fn quoted(&mut self, node: &Node<'_>, range: Range<usize>) {
        let text = &node.logical.text[..range.end];
        let (mut from, mut at, mut brace) = (range.start, range.start, true);
        while let Some(skip) = text[at..].find(['$', node.escape]) {
            at += skip;
            let rest = &text[at..];
            if rest.starts_with(node.escape) {
                at += rest.chars().take(2).map(char::len_utf8).sum::<usize>();
                continue;
            }
            let Some(len) = variable_len(rest, &mut brace).filter(|len| at + len < range.end) else {
                at += 1;
                continue;
            };
            self.range(node.logical, from..at, TokenKind::String);
            self.range(node.logical, at..at + len, TokenKind::Variable);
            at += len;
            from = at;
        }
        self.range(node.logical, from..range.end, TokenKind::String);
    }
}

/// How long the text in double quotes is that `text` starts with.
fn double_quoted_len(text: &str, escape: char) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == escape {
            chars.next();
        } else if c == '"' {
            return Some(at + 1);
        }
    }
    None
}

/// How long the variable is that `text` starts with. `brace` is cleared when a brace has no end.
fn variable_len(text: &str, brace: &mut bool) -> Option<usize> {
    if !text.starts_with("${") {
        let name = &text[1..];
        let len = name
            .find(|c: char| !(c == '_' || c.is_alphanumeric()))
            .unwrap_or(name.len());
        return (len > 0).then_some(len + 1);
    }
    if !*brace {
        return None;
    }
    let mut depth = 0_usize;
    for (at, b) in text.bytes().enumerate() {
        match b {
            b'{' => depth += 1,
            b'}' if depth == 1 => return Some(at + 1),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    *brace = false;
    None
}
