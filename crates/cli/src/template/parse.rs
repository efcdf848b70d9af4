//! Tokens into the parts of a template.
//!
//! Source: Go, `text/template/parse/parse.go`.

use super::constant::constant;
use super::lex::{Token, TokenKind, lex};
use super::node::{Branch, BranchKind, Command, Item, Kind, Operand, Pipeline};
use super::{TemplateError, functions};

/// How deep actions and parentheses may stand in each other.
const DEPTH: usize = 64;

/// Reads a whole template.
pub(super) fn parse(text: &str) -> Result<Vec<Item>, TemplateError> {
    let mut parser = Parser {
        tokens: lex(text),
        next: 0,
        variables: vec!["$".to_owned()],
        depth: 0,
        ranges: 0,
    };
    let (items, end) = parser.list()?;
    match end {
        Stop::Text => Ok(items),
        Stop::End => Err(parser.error("unexpected {{end}}")),
        Stop::Else => Err(parser.error("unexpected {{else}}")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    /// The variables that are known here, with `$`.
    variables: Vec<String>,
    depth: usize,
    ranges: usize,
}

/// What ended a list of items.
enum Stop {
    Text,
    End,
    Else,
}

impl Parser {
    fn list(&mut self) -> Result<(Vec<Item>, Stop), TemplateError> {
        let mut items = Vec::new();
        loop {
            let token = self.take();
            match token.kind {
                TokenKind::End => return Ok((items, Stop::Text)),
                TokenKind::Text => items.push(Item::Text(token.text)),
                TokenKind::Left => match self.action()? {
                    Ok(item) => items.push(item),
                    Err(end) => return Ok((items, end)),
                },
                _ => return Err(self.unexpected(&token, "input")),
            }
        }
    }

    /// What follows `{{`: an item, or the end of a list.
    fn action(&mut self) -> Result<Result<Item, Stop>, TemplateError> {
        let token = self.peek_word().clone();
        if token.kind != TokenKind::Keyword {
            return Ok(Ok(Item::Action(self.pipeline("command", TokenKind::Right)?)));
        }
        self.take_word();
        match token.text.as_str() {
            "if" => self.branch(BranchKind::If).map(Ok),
            "with" => self.branch(BranchKind::With).map(Ok),
            "range" => self.branch(BranchKind::Range).map(Ok),
            "end" => {
                self.expect_right("end")?;
                Ok(Err(Stop::End))
            }
            "else" => {
                // `{{else if}}`: the caller reads on from there.
                if !matches!(self.peek_word().text.as_str(), "if" | "with") {
                    self.expect_right("else")?;
                }
                Ok(Err(Stop::Else))
            }
            "break" | "continue" => {
                self.expect_right(&format!("{{{{{}}}}}", token.text))?;
                if self.ranges == 0 {
                    return Err(self.error(&format!("{{{{{}}}}} outside {{{{range}}}}", token.text)));
                }
                let is_break = token.text == "break";
                Ok(Ok(if is_break { Item::Break } else { Item::Continue }))
            }
            other => Err(self.error(&format!("{{{{{other}}}}} is not supported here"))),
        }
    }

    fn branch(&mut self, kind: BranchKind) -> Result<Item, TemplateError> {
        self.deeper()?;
        let known = self.variables.len();
        let pipeline = self.pipeline(kind.name(), TokenKind::Right)?;
        self.ranges += usize::from(kind == BranchKind::Range);
        let (then, end) = self.list()?;
        self.ranges -= usize::from(kind == BranchKind::Range);
        let otherwise = match end {
            Stop::End => Vec::new(),
            Stop::Text => return Err(self.error("unexpected EOF")),
            Stop::Else => self.otherwise(kind)?,
        };
        self.variables.truncate(known);
        self.depth -= 1;
        Ok(Item::Branch(Branch {
            kind,
            pipeline,
            then,
            otherwise,
        }))
    }

    fn otherwise(&mut self, kind: BranchKind) -> Result<Vec<Item>, TemplateError> {
        let again = self.peek_word().clone();
        if again.kind == TokenKind::Keyword && matches!(again.text.as_str(), "if" | "with") {
            if again.text != kind.name() {
                return Err(self.unexpected(&again, "else"));
            }
            self.take_word();
            // One `{{end}}` ends both.
            return Ok(vec![self.branch(kind)?]);
        }
        match self.list()? {
            (items, Stop::End) => Ok(items),
            (_, Stop::Text) => Err(self.error("unexpected EOF")),
            (_, Stop::Else) => Err(self.error("expected end; found {{else}}")),
        }
    }

    fn pipeline(&mut self, context: &str, end: TokenKind) -> Result<Pipeline, TemplateError> {
        let mut pipeline = Pipeline {
            variables: Vec::new(),
            assigns: false,
            commands: Vec::new(),
        };
        self.declarations(&mut pipeline, context)?;
        loop {
            let token = self.take_word();
            match token.kind {
                kind if kind == end => {
                    self.check(&pipeline, context)?;
                    self.variables.extend(pipeline.variables.iter().cloned());
                    return Ok(pipeline);
                }
                TokenKind::Bool
                | TokenKind::Letter
                | TokenKind::Dot
                | TokenKind::Field
                | TokenKind::Identifier
                | TokenKind::Number
                | TokenKind::Nil
                | TokenKind::Raw
                | TokenKind::Quoted
                | TokenKind::Variable
                | TokenKind::Open => {
                    self.next -= 1;
                    let command = self.command()?;
                    pipeline.commands.push(command);
                }
                _ => return Err(self.unexpected(&token, context)),
            }
        }
    }

    /// `$x :=`, `$i, $x :=`, `$x =`.
    fn declarations(&mut self, pipeline: &mut Pipeline, context: &str) -> Result<(), TemplateError> {
        while self.peek_word().kind == TokenKind::Variable {
            let before = self.next;
            let variable = self.take_word();
            let sign = self.peek_word().clone();
            match sign.kind {
                TokenKind::Assign | TokenKind::Declare => {
                    self.take_word();
                    pipeline.assigns = sign.kind == TokenKind::Assign;
                    if pipeline.assigns && !self.variables.contains(&variable.text) {
                        return Err(self.error(&format!("undefined variable {}", dockerfile::quote(&variable.text))));
                    }
                    pipeline.variables.push(variable.text);
                    return Ok(());
                }
                TokenKind::Char if sign.text == "," => {
                    self.take_word();
                    pipeline.variables.push(variable.text);
                    if context != "range" || pipeline.variables.len() >= 2 {
                        return Err(self.error(&format!("too many declarations in {context}")));
                    }
                    if self.peek_word().kind != TokenKind::Variable {
                        return Err(self.error("range can only initialize variables"));
                    }
                }
                _ => {
                    self.next = before;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn check(&self, pipeline: &Pipeline, context: &str) -> Result<(), TemplateError> {
        if pipeline.commands.is_empty() {
            return Err(self.error(&format!("missing value for {context}")));
        }
        for (index, command) in pipeline.commands.iter().enumerate().skip(1) {
            let first = command.operands.first().map(|operand| &operand.kind);
            if matches!(first, Some(Kind::Bool(_) | Kind::Dot | Kind::Nil | Kind::Constant(..))) {
                let stage = index + 1;
                return Err(self.error(&format!("non executable command in pipeline stage {stage}")));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Result<Command, TemplateError> {
        let mut operands = Vec::new();
        loop {
            if let Some(operand) = self.operand()? {
                operands.push(operand);
            }
            let token = self.take();
            match token.kind {
                TokenKind::Space => continue,
                TokenKind::Right | TokenKind::Close => self.next -= 1,
                TokenKind::Pipe => {}
                _ => return Err(self.unexpected(&token, "operand")),
            }
            if operands.is_empty() {
                return Err(self.error("empty command"));
            }
            return Ok(Command { operands });
        }
    }

    fn operand(&mut self) -> Result<Option<Operand>, TemplateError> {
        let Some(mut operand) = self.term()? else {
            return Ok(None);
        };
        if self.peek().kind != TokenKind::Field {
            return Ok(Some(operand));
        }
        let at = self.peek().at;
        let mut names = Vec::new();
        while self.peek().kind == TokenKind::Field {
            names.push(self.take().text[1..].to_owned());
        }
        operand = match operand.kind {
            Kind::Field(mut all) => {
                all.append(&mut names);
                Operand {
                    at,
                    kind: Kind::Field(all),
                }
            }
            Kind::Variable(name, mut all) => {
                all.append(&mut names);
                Operand {
                    at,
                    kind: Kind::Variable(name, all),
                }
            }
            Kind::Bool(_) | Kind::Constant(..) | Kind::Nil | Kind::Dot => {
                let term = dockerfile::quote(&operand.to_string());
                return Err(self.error(&format!("unexpected . after term {term}")));
            }
            _ => Operand {
                at,
                kind: Kind::Chain(Box::new(operand), names),
            },
        };
        Ok(Some(operand))
    }

    fn term(&mut self) -> Result<Option<Operand>, TemplateError> {
        let token = self.take_word();
        let kind = match token.kind {
            TokenKind::Identifier => {
                if !functions::exists(&token.text) {
                    let name = dockerfile::quote(&token.text);
                    return Err(self.error(&format!("function {name} not defined")));
                }
                Kind::Function(token.text)
            }
            TokenKind::Dot => Kind::Dot,
            TokenKind::Nil => Kind::Nil,
            TokenKind::Bool => Kind::Bool(token.text == "true"),
            TokenKind::Field => Kind::Field(vec![token.text[1..].to_owned()]),
            TokenKind::Variable => {
                if !self.variables.contains(&token.text) {
                    let name = dockerfile::quote(&token.text);
                    return Err(self.error(&format!("undefined variable {name}")));
                }
                Kind::Variable(token.text, Vec::new())
            }
            TokenKind::Number | TokenKind::Letter | TokenKind::Quoted | TokenKind::Raw => {
                let value = constant(&token).map_err(|message| self.error(&message))?;
                Kind::Constant(token.text, value)
            }
            TokenKind::Open => {
                self.deeper()?;
                let pipeline = self.pipeline("parenthesized pipeline", TokenKind::Close)?;
                self.depth -= 1;
                Kind::Pipeline(Box::new(pipeline))
            }
            _ => {
                self.next -= 1;
                return Ok(None);
            }
        };
        Ok(Some(Operand { at: token.at, kind }))
    }

    fn deeper(&mut self) -> Result<(), TemplateError> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.error(&format!("more than {DEPTH} actions and parentheses in each other")));
        }
        Ok(())
    }

    fn expect_right(&mut self, context: &str) -> Result<(), TemplateError> {
        let token = self.take_word();
        if token.kind == TokenKind::Right {
            Ok(())
        } else {
            Err(self.unexpected(&token, context))
        }
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn take(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn peek_word(&mut self) -> &Token {
        while self.peek().kind == TokenKind::Space {
            self.next += 1;
        }
        self.peek()
    }

    fn take_word(&mut self) -> Token {
        self.peek_word();
        self.take()
    }

    fn error(&self, message: &str) -> TemplateError {
        let last = self.next.saturating_sub(1).min(self.tokens.len() - 1);
        TemplateError(format!(":{}: {message}", self.tokens[last].at.line))
    }

    fn unexpected(&self, token: &Token, context: &str) -> TemplateError {
        let what = match token.kind {
            TokenKind::Error => return self.error(&token.text),
            TokenKind::End => "EOF".to_owned(),
            TokenKind::Keyword | TokenKind::Dot | TokenKind::Nil => format!("<{}>", token.text),
            _ if token.text.chars().count() > 10 => {
                let head: String = token.text.chars().take(10).collect();
                format!("{}...", dockerfile::quote(&head))
            }
            _ => dockerfile::quote(&token.text),
        };
        self.error(&format!("unexpected {what} in {context}"))
    }
}
