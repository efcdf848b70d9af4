//! What is typed after `docker`, read by the table of commands.
//!
//! [`parse`] gives the [`Call`] to execute, or the [`Answer`] that is all there is to say: help, the version, or what is wrong in the
//! words and with the exit code of Docker's own command line.

mod answer;
mod lexer;
mod values;

pub use answer::Answer;

use crate::grammar::{self, Flag, Kind, Order, Spec};
use crate::help;
use crate::program::{DOCKER, Program};
use lexer::{Lexer, Token};
use std::collections::BTreeMap;

/// A command with its flags and arguments, each of a form that its table allows.
#[derive(Debug, Clone)]
pub struct Call {
    /// The command.
    pub spec: &'static Spec,
    /// The name it was called by, without `docker`: `images`.
    pub name: String,
    /// Its arguments, in order.
    pub arguments: Vec<String>,
    values: Values,
}

impl Call {
    /// Whether a switch is on; its default if it was not given.
    pub fn on(&self, flag: &str) -> bool {
        match self.values.get(flag) {
            Some(values) => values.last().is_some_and(|value| value == "true"),
            None => self.spec.long(flag).is_some_and(|flag| flag.default == "true"),
        }
    }

    /// The value of a flag, if it was given.
    pub fn text(&self, flag: &str) -> Option<&str> {
        self.values.get(flag)?.last().map(String::as_str)
    }

    /// The value of a flag, or its default.
    pub fn text_or_default(&self, flag: &str) -> &str {
        let default = || self.spec.long(flag).map_or("", |flag| flag.default);
        self.text(flag).unwrap_or_else(default)
    }

    /// The whole number that was given.
    pub fn number(&self, flag: &str) -> Option<i64> {
        self.text(flag)?.parse().ok()
    }

    /// Every value of a flag that may be given more than once.
    pub fn list(&self, flag: &str) -> &[String] {
        self.values.get(flag).map_or(&[], Vec::as_slice)
    }

    /// Whether the flag was given.
    pub fn given(&self, flag: &str) -> bool {
        self.values.contains_key(flag)
    }

    /// The long names of the flags that were given, by name.
    pub fn flags(&self) -> impl Iterator<Item = &'static str> {
        self.values.keys().copied()
    }
}

/// Reads the words after `docker`.
///
/// # Errors
///
/// The [`Answer`] if there is nothing to execute: help is one, with exit code 0.
///
/// # Example
///
/// ```
/// let words: Vec<String> = ["run", "-dp", "80:80", "nginx", "-v"].map(str::to_owned).to_vec();
/// let call = cli::words::parse(&words).expect("a command");
/// assert!(call.on("detach"));
/// assert_eq!(call.list("publish"), ["80:80"]);
/// assert_eq!(call.arguments, ["nginx", "-v"]);
/// ```
///
/// Source: docker/cli, `cli/cobra.go`, `cli/required.go`; spf13/pflag, `flag.go`.
pub fn parse(words: &[String]) -> Result<Call, Answer> {
    parse_for(&DOCKER, words)
}

/// The same for the words after the name of another program. A flag that stands before the command counts as one of the command, if it
/// may stand everywhere.
///
/// # Errors
///
/// As [`parse`].
pub fn parse_for(program: &Program, words: &[String]) -> Result<Call, Answer> {
    let mut lexer = Lexer::new(words);
    let top = Place { program, at: At::Top };
    let mut values = BTreeMap::new();
    loop {
        match lexer.next() {
            Some(Token::Word(word)) => {
                values.retain(|name, _| program.everywhere.iter().any(|flag| flag.long == *name));
                return command(program, &word, lexer.rest(), values);
            }
            Some(Token::Long(name)) if name == "help" => return Err(Answer::help(help::top(program))),
            Some(Token::Short('h')) => return Err(Answer::deprecated_help(help::top(program))),
            Some(token) => flag(&mut lexer, &token, top, &mut values)?,
            None if values.contains_key("version") => {
                return Err(Answer::help(format!(
                    "Docker version {}, build layerlab\n",
                    grammar::VERSION
                )));
            }
            None => return Err(Answer::help(help::top(program))),
        }
    }
}

/// The values of flags, by long name.
type Values = BTreeMap<&'static str, Vec<String>>;

/// Where a flag stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    program: &'a Program,
    at: At<'a>,
}

#[derive(Clone, Copy)]
enum At<'a> {
    Top,
    Group(&'a str),
    Command(&'static Spec, &'a str),
}

fn command(program: &Program, word: &str, rest: Vec<String>, values: Values) -> Result<Call, Answer> {
    if word == "help" {
        return Err(help_on(program, &rest));
    }
    if grammar::group(word).is_some() {
        return member(program, word, rest, values);
    }
    match grammar::find(word) {
        Some(spec) => call(program, (spec, word), &rest, values),
        None => Err(Answer::unknown_command(program.name, "", word)),
    }
}

fn member(program: &Program, group: &str, rest: Vec<String>, mut values: Values) -> Result<Call, Answer> {
    let mut lexer = Lexer::new(&rest);
    let mut unknown = None;
    while let Some(token) = lexer.next() {
        match token {
            Token::Long(name) if name == "help" => return Err(Answer::help(help::group(program, group))),
            Token::Short('h') => return Err(Answer::deprecated_help(help::group(program, group))),
            Token::Word(word) => {
                let name = format!("{group} {word}");
                if let Some(spec) = grammar::find(&name).filter(|_| unknown.is_none()) {
                    return call(program, (spec, &name), &lexer.rest(), values);
                }
                unknown.get_or_insert(word);
            }
            token => {
                let place = Place {
                    program,
                    at: At::Group(group),
                };
                flag(&mut lexer, &token, place, &mut values)?;
            }
        }
    }
    Err(match unknown {
        Some(word) => Answer::unknown_command(program.name, group, &word),
        None => Answer::help(help::group(program, group)),
    })
}

fn help_on(program: &Program, words: &[String]) -> Answer {
    let name = words.join(" ");
    if name.is_empty() {
        Answer::help(help::top(program))
    } else if grammar::group(&name).is_some() {
        Answer::help(help::group(program, &name))
    } else if let Some(spec) = grammar::find(&name) {
        Answer::help(help::command(program, spec, &name))
    } else {
        Answer::error(1, format!("unknown help topic: {name}\n"))
    }
}

fn call(
    program: &Program,
    (spec, name): (&'static Spec, &str),
    words: &[String],
    mut values: Values,
) -> Result<Call, Answer> {
    let mut lexer = Lexer::new(words);
    let mut arguments = Vec::new();
    let (mut help, mut letter) = (false, false);
    let place = Place {
        program,
        at: At::Command(spec, name),
    };
    while let Some(token) = lexer.next() {
        match token {
            Token::Word(word) => {
                arguments.push(word);
                if spec.order == Order::FlagsFirst {
                    arguments.extend(lexer.rest());
                }
            }
            Token::Long(name) if name == "help" => help = lexer.attached().as_deref() != Some("false"),
            Token::Short('h') if spec.short('h').is_none() => letter = true,
            token => flag(&mut lexer, &token, place, &mut values)?,
        }
    }
    if letter {
        return Err(Answer::deprecated_help(help::command(program, spec, name)));
    }
    if help {
        return Err(Answer::help(help::command(program, spec, name)));
    }
    if let Some(message) = answer::miscount(spec.arguments, arguments.len()) {
        return Err(Answer::arguments(program.name, spec, name, &message));
    }
    Ok(Call {
        spec,
        name: name.to_owned(),
        arguments,
        values,
    })
}

/// Reads one flag and its value.
fn flag(lexer: &mut Lexer, token: &Token, place: Place<'_>, values: &mut Values) -> Result<(), Answer> {
    let wrong = |message: String| Answer::flag(place, &message);
    let Some(found) = lookup(token, place) else {
        return Err(wrong(lexer.unknown(token)));
    };
    let value = if found.kind == Kind::Switch {
        lexer.attached().unwrap_or_else(|| "true".to_owned())
    } else {
        lexer.value().ok_or_else(|| wrong(lexer.needs_argument(token)))?
    };
    let checked = values::check(found, &value).map_err(|reason| {
        let short = if found.short.is_empty() {
            String::new()
        } else {
            format!("-{}, ", found.short)
        };
        let quoted = dockerfile::quote(&value);
        wrong(format!(
            "invalid argument {quoted} for \"{short}--{}\" flag: {reason}",
            found.long
        ))
    })?;
    let entry = values.entry(found.long).or_default();
    if !found.kind.repeats() {
        entry.clear();
    }
    entry.extend(checked);
    Ok(())
}

fn lookup(token: &Token, place: Place<'_>) -> Option<&'static Flag> {
    let is = |flag: &&Flag| match token {
        Token::Long(name) => flag.long == name,
        Token::Short(letter) => flag.short.chars().eq([*letter]),
        Token::Word(_) => false,
    };
    let own = match place.at {
        At::Top => place.program.global.iter().find(is),
        At::Group(_) => None,
        At::Command(spec, _) => spec.flags.iter().copied().flatten().find(is),
    };
    own.or_else(|| place.program.everywhere.iter().find(is))
}

#[cfg(test)]
mod tests;
