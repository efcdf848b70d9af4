//! Text into tokens.
//!
//! Source: Go, `text/template/parse/lex.go`.

use super::node::At;

/// A token, where it begins, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: TokenKind,
    pub at: At,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Outside of actions.
    Text,
    /// `{{`
    Left,
    /// `}}`
    Right,
    Space,
    /// `=`
    Assign,
    /// `:=`
    Declare,
    Pipe,
    Open,
    Close,
    Number,
    Quoted,
    Raw,
    Letter,
    Bool,
    /// `.name`; the text has the dot.
    Field,
    Identifier,
    Variable,
    /// Another character.
    Char,
    Dot,
    Nil,
    /// `if`, `range`, `end`, …
    Keyword,
    /// What is wrong; nothing follows.
    Error,
    End,
}

const KEYWORDS: [&str; 10] = [
    "block", "break", "continue", "define", "else", "end", "if", "range", "template", "with",
];

/// All tokens; the last is an error or the end.
pub(super) fn lex(text: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        text,
        start: 0,
        pos: 0,
        depth: 0,
        line: Line::default(),
        tokens: Vec::new(),
    };
    let (kind, message) = match lexer.run() {
        Ok(()) => (TokenKind::End, String::new()),
        Err(message) => (TokenKind::Error, message),
    };
    let at = lexer.line.at(text, lexer.start);
    lexer.tokens.push(Token {
        kind,
        at,
        text: message,
    });
    lexer.tokens
}

/// Where the line begins that has been reached.
#[derive(Default)]
struct Line {
    /// Lines before it.
    before: usize,
    start: usize,
    /// The text is read up to here.
    read: usize,
}

impl Line {
    /// Where `pos` is; positions are asked for in order.
    fn at(&mut self, text: &str, pos: usize) -> At {
        for (offset, byte) in text.as_bytes()[self.read..pos].iter().enumerate() {
            if *byte == b'\n' {
                self.before += 1;
                self.start = self.read + offset + 1;
            }
        }
        self.read = pos;
        At {
            line: self.before + 1,
            column: pos - self.start,
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    start: usize,
    pos: usize,
    depth: usize,
    line: Line,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn run(&mut self) -> Result<(), String> {
        loop {
            self.start = self.pos;
            let rest = &self.text[self.pos..];
            let Some(open) = rest.find("{{") else {
                self.pos = self.text.len();
                self.emit_text(self.text.len());
                return Ok(());
            };
            let trims = trims_left(&rest[open + 2..]);
            let literal = self.pos + open;
            let kept = if trims {
                self.start + self.text[self.start..literal].trim_end_matches(blank).len()
            } else {
                literal
            };
            self.emit_text(kept);
            self.start = literal;
            self.pos = literal + 2 + if trims { 2 } else { 0 };
            if self.text[self.pos..].starts_with("/*") {
                self.comment()?;
            } else {
                self.emit(TokenKind::Left);
                self.depth = 0;
                self.action()?;
            }
        }
    }

    fn emit_text(&mut self, end: usize) {
        if end > self.start {
            let at = self.line.at(self.text, self.start);
            self.tokens.push(Token {
                kind: TokenKind::Text,
                at,
                text: self.text[self.start..end].to_owned(),
            });
        }
    }

    fn emit(&mut self, kind: TokenKind) {
        let at = self.line.at(self.text, self.start);
        self.tokens.push(Token {
            kind,
            at,
            text: self.text[self.start..self.pos].to_owned(),
        });
        self.start = self.pos;
    }

    fn comment(&mut self) -> Result<(), String> {
        let rest = &self.text[self.pos..];
        let end = rest.find("*/").ok_or("unclosed comment")? + 2;
        self.pos += end;
        let Some((length, trims)) = self.right() else {
            return Err("comment ends before closing delimiter".to_owned());
        };
        self.pos += length;
        self.trim_after(trims);
        Ok(())
    }

    /// The length of the right delimiter that stands here, and whether it trims.
    fn right(&self) -> Option<(usize, bool)> {
        let rest = &self.text[self.pos..];
        if rest.starts_with(blank) && rest[1..].starts_with("-}}") {
            return Some((4, true));
        }
        rest.starts_with("}}").then_some((2, false))
    }

    fn trim_after(&mut self, trims: bool) {
        if trims {
            let rest = &self.text[self.pos..];
            self.pos += rest.len() - rest.trim_start_matches(blank).len();
        }
    }

    fn action(&mut self) -> Result<(), String> {
        loop {
            self.start = self.pos;
            if let Some((length, trims)) = self.right() {
                if self.depth > 0 {
                    return Err("unclosed left paren".to_owned());
                }
                self.pos += length;
                self.emit(TokenKind::Right);
                self.trim_after(trims);
                return Ok(());
            }
            self.inside()?;
        }
    }

    fn inside(&mut self) -> Result<(), String> {
        let next = self.peek().ok_or("unclosed action")?;
        self.pos += next.len_utf8();
        match next {
            c if blank(c) => {
                while self.peek().is_some_and(blank) && self.right().is_none() {
                    self.pos += 1;
                }
                self.emit(TokenKind::Space);
            }
            '=' => self.emit(TokenKind::Assign),
            ':' if self.peek() == Some('=') => {
                self.pos += 1;
                self.emit(TokenKind::Declare);
            }
            ':' => return Err("expected :=".to_owned()),
            '|' => self.emit(TokenKind::Pipe),
            '"' => self.quoted('"', TokenKind::Quoted, "unterminated quoted string")?,
            '\'' => self.quoted('\'', TokenKind::Letter, "unterminated character constant")?,
            '`' => {
                let rest = &self.text[self.pos..];
                self.pos += rest.find('`').ok_or("unterminated raw quoted string")? + 1;
                self.emit(TokenKind::Raw);
            }
            '$' => self.name(TokenKind::Variable)?,
            '.' if !self.peek().is_some_and(|c| c.is_ascii_digit()) => {
                if self.ends() {
                    self.emit(TokenKind::Dot);
                } else {
                    self.name(TokenKind::Field)?;
                }
            }
            '.' | '+' | '-' | '0'..='9' => {
                self.pos = self.start;
                self.number()?;
            }
            c if word(c) => self.name(TokenKind::Identifier)?,
            '(' => {
                self.depth += 1;
                self.emit(TokenKind::Open);
            }
            ')' if self.depth == 0 => return Err("unexpected right paren".to_owned()),
            ')' => {
                self.depth -= 1;
                self.emit(TokenKind::Close);
            }
            c if c.is_ascii_graphic() => self.emit(TokenKind::Char),
            c => return Err(format!("unrecognized character in action: {}", code(c))),
        }
        Ok(())
    }

    fn peek(&self) -> Option<char> {
        self.text[self.pos..].chars().next()
    }

    /// Whether a name can end here.
    fn ends(&self) -> bool {
        let mark = |c| blank(c) || matches!(c, '.' | ',' | '|' | ':' | ')' | '(');
        self.peek().is_none_or(mark) || self.text[self.pos..].starts_with("}}")
    }

    fn name(&mut self, kind: TokenKind) -> Result<(), String> {
        while let Some(c) = self.peek().filter(|c| word(*c)) {
            self.pos += c.len_utf8();
        }
        if let Some(c) = self.peek().filter(|_| !self.ends()) {
            return Err(format!("bad character {}", code(c)));
        }
        let text = &self.text[self.start..self.pos];
        let kind = match text {
            _ if kind != TokenKind::Identifier => kind,
            "true" | "false" => TokenKind::Bool,
            "nil" => TokenKind::Nil,
            name if KEYWORDS.contains(&name) => TokenKind::Keyword,
            _ => kind,
        };
        self.emit(kind);
        Ok(())
    }

    fn quoted(&mut self, mark: char, kind: TokenKind, unterminated: &str) -> Result<(), String> {
        loop {
            match self.peek() {
                None | Some('\n') => return Err(unterminated.to_owned()),
                Some('\\') => {
                    self.pos += 1;
                    match self.peek() {
                        None | Some('\n') => return Err(unterminated.to_owned()),
                        Some(c) => self.pos += c.len_utf8(),
                    }
                }
                Some(c) => {
                    self.pos += c.len_utf8();
                    if c == mark {
                        self.emit(kind);
                        return Ok(());
                    }
                }
            }
        }
    }

    fn number(&mut self) -> Result<(), String> {
        self.accept_one("+-");
        let mut digits = "0123456789_";
        if self.accept_one("0") {
            if self.accept_one("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept_one("oO") {
                digits = "01234567_";
            } else if self.accept_one("bB") {
                digits = "01_";
            }
        }
        self.accept(digits);
        if self.accept_one(".") {
            self.accept(digits);
        }
        if digits.len() == 11 && self.accept_one("eE") {
            self.accept_one("+-");
            self.accept("0123456789_");
        }
        if let Some(c) = self.peek().filter(|c| word(*c)) {
            self.pos += c.len_utf8();
            let text = dockerfile::quote(&self.text[self.start..self.pos]);
            return Err(format!("bad number syntax: {text}"));
        }
        self.emit(TokenKind::Number);
        Ok(())
    }

    fn accept_one(&mut self, any: &str) -> bool {
        let found = self.peek().is_some_and(|c| any.contains(c));
        if found {
            self.pos += 1;
        }
        found
    }

    fn accept(&mut self, any: &str) {
        while self.accept_one(any) {}
    }
}

fn blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// `- ` after the left delimiter trims what is before it.
fn trims_left(rest: &str) -> bool {
    rest.strip_prefix('-').is_some_and(|after| after.starts_with(blank))
}

/// Go's `%#U`: `U+007D '}'`.
fn code(c: char) -> String {
    if c.is_control() {
        format!("U+{:04X}", c as u32)
    } else {
        format!("U+{:04X} '{c}'", c as u32)
    }
}
