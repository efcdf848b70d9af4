//! test and [: what a file is, how texts and numbers compare.

use crate::command::Call;
use crate::world::Result;
use store::{Follow, Node, Special};

/// How deep parentheses and negations may nest.
const MAX_DEPTH: usize = 100;

pub(crate) fn test(call: &mut Call<'_>) -> Result<i32> {
    let mut words = call.args;
    if call.name == "[" {
        match words.split_last() {
            Some((last, rest)) if last == "]" => words = rest,
            _ => {
                call.warn("[: missing ]");
                return Ok(2);
            }
        }
    }
    match (Parser { call, words, depth: 0 }).all() {
        Ok(true) => Ok(0),
        Ok(false) => Ok(1),
        Err(message) => {
            call.fail(message)?;
            Ok(2)
        }
    }
}

struct Parser<'a, 'b> {
    call: &'a Call<'b>,
    words: &'a [String],
    depth: usize,
}

type Answer = std::result::Result<bool, String>;

impl Parser<'_, '_> {
    /// Few words are read by their count, as POSIX has it: an operator may be a text.
    fn all(&mut self) -> Answer {
        match self.words {
            [] => Ok(false),
            [one] => Ok(!one.is_empty()),
            [not, one] if not == "!" => Ok(one.is_empty()),
            [a, op, b] if is_binary(op) => self.binary(a, op, b),
            _ => {
                let answer = self.either()?;
                match self.words.first() {
                    None => Ok(answer),
                    Some(word) => Err(format!("{word}: unexpected operator")),
                }
            }
        }
    }

    fn next_is(&mut self, word: &str) -> bool {
        let is = self.words.first().is_some_and(|first| first == word);
        if is {
            self.words = &self.words[1..];
        }
        is
    }

    fn either(&mut self) -> Answer {
        let mut answer = self.both()?;
        while self.next_is("-o") {
            answer |= self.both()?;
        }
        Ok(answer)
    }

    fn both(&mut self) -> Answer {
        let mut answer = self.one()?;
        while self.next_is("-a") {
            answer &= self.one()?;
        }
        Ok(answer)
    }

    fn one(&mut self) -> Answer {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("too many nested expressions".to_owned());
        }
        let words = self.words;
        let answer = match words {
            [a, op, b, ..] if is_binary(op) => {
                self.words = &words[3..];
                self.binary(a, op, b)
            }
            [not, ..] if not == "!" => {
                self.words = &words[1..];
                self.one().map(|answer| !answer)
            }
            [open, ..] if open == "(" => {
                self.words = &words[1..];
                let answer = self.either()?;
                if self.next_is(")") {
                    Ok(answer)
                } else {
                    Err("closing paren expected".to_owned())
                }
            }
            [op, operand, ..] if is_unary(op) => {
                self.words = &words[2..];
                Ok(self.unary(op, operand))
            }
            [word, ..] => {
                self.words = &words[1..];
                Ok(!word.is_empty())
            }
            [] => Err("argument expected".to_owned()),
        };
        self.depth -= 1;
        answer
    }

    fn binary(&self, a: &str, op: &str, b: &str) -> Answer {
        let number = |text: &str| text.trim().parse::<i64>().map_err(|_| format!("{text}: bad number"));
        let time = |path: &str| {
            let path = self.call.path(path);
            self.call
                .world
                .node(&path, Follow::Last)
                .ok()
                .map(|(_, node)| node.meta().mtime)
        };
        Ok(match op {
            "=" | "==" => a == b,
            "!=" => a != b,
            "<" => a < b,
            ">" => a > b,
            "-eq" => number(a)? == number(b)?,
            "-ne" => number(a)? != number(b)?,
            "-lt" => number(a)? < number(b)?,
            "-le" => number(a)? <= number(b)?,
            "-gt" => number(a)? > number(b)?,
            "-ge" => number(a)? >= number(b)?,
            "-nt" => time(a) > time(b),
            "-ot" => time(a) < time(b),
            _ => {
                let place = |path: &str| self.call.world.resolve(&self.call.path(path), Follow::Last).ok();
                place(a).is_some() && place(a) == place(b)
            }
        })
    }

    fn unary(&self, op: &str, operand: &str) -> bool {
        match op {
            "-n" => return !operand.is_empty(),
            "-z" => return operand.is_empty(),
            "-t" => return false,
            _ => {}
        }
        let world = &self.call.world;
        let follow = if matches!(op, "-L" | "-h") {
            Follow::AllButLast
        } else {
            Follow::Last
        };
        let Ok((_, node)) = world.node(&self.call.path(operand), follow) else {
            return false;
        };
        let meta = node.meta();
        match op {
            "-e" => true,
            "-f" => node.as_file().is_some(),
            "-d" => node.is_dir(),
            "-L" | "-h" => matches!(node, Node::Symlink { .. }),
            "-s" => node.is_dir() || node.as_file().is_some_and(|file| file.content.size() > 0),
            "-r" => world.may(meta, 4),
            "-w" => world.may(meta, 2),
            "-x" if node.is_dir() => world.may(meta, 1),
            "-x" => meta.mode & 0o111 != 0 && world.may(meta, 1),
            "-p" => matches!(
                node,
                Node::Special {
                    kind: Special::Fifo,
                    ..
                }
            ),
            "-c" => matches!(
                node,
                Node::Special {
                    kind: Special::Char(..),
                    ..
                }
            ),
            "-b" => matches!(
                node,
                Node::Special {
                    kind: Special::Block(..),
                    ..
                }
            ),
            "-u" => meta.mode & 0o4000 != 0,
            "-g" => meta.mode & 0o2000 != 0,
            "-k" => meta.mode & 0o1000 != 0,
            "-O" => meta.uid == world.who.uid,
            "-G" => meta.gid == world.who.gid,
            _ => false,
        }
    }
}

fn is_binary(op: &str) -> bool {
    matches!(
        op,
        "=" | "==" | "!=" | "<" | ">" | "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" | "-nt" | "-ot" | "-ef"
    )
}

fn is_unary(op: &str) -> bool {
    op.len() == 2 && op.starts_with('-') && op.bytes().all(|b| b"-nztefdLhsrwxpcbugkOGS".contains(&b))
}
