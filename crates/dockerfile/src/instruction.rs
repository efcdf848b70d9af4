//! One logical line read as an instruction.

mod health;
mod mount;
mod pairs;
mod stage;
mod transfer;
mod trigger;

use std::ops::Range;

use crate::flags::Flags;
use crate::json::{self, Json};
use crate::language;
use crate::lines::Logical;
use crate::problem::Problem;
use crate::suggest::suggest_ignoring_case;
use crate::words::{self, Word, blank_separated};
use crate::{Command, Heredoc, Kind, Spanned, quote};

/// A logical line split into keyword, flags and the rest.
pub(crate) struct Node<'a> {
    pub(crate) logical: &'a Logical,
    pub(crate) escape: char,
    pub(crate) keyword: Range<usize>,
    pub(crate) flags: Vec<Word>,
    /// What follows the flags, without blanks around it.
    pub(crate) rest: Range<usize>,
}

impl<'a> Node<'a> {
    /// Splits a range of the joined text.
    pub(crate) fn split(logical: &'a Logical, escape: char, range: Range<usize>) -> Node<'a> {
        let text = logical.text.as_str();
        let range = words::trimmed(text, range);
        let (keyword, after) = words::split_first(text, range.clone());
        let after = after.unwrap_or(range.end..range.end);
        let (flags, flags_end) = words::flags(text, after.clone(), escape);
        let rest = words::trimmed(text, flags_end..after.end);
        Node {
            logical,
            escape,
            keyword,
            flags,
            rest,
        }
    }

    /// The keyword in upper case.
    pub(crate) fn name(&self) -> String {
        self.logical.text[self.keyword.clone()].to_uppercase()
    }

    /// What stands behind ONBUILD.
    pub(crate) fn trigger(&self) -> Node<'a> {
        Node::split(self.logical, self.escape, self.rest.clone())
    }

    /// Whether there is no such keyword.
    pub(crate) fn is_unknown(&self) -> bool {
        !language::keywords().any(|keyword| keyword == self.name())
    }

    /// Whether heredocs may stand in it. Those of a trigger belong to its ONBUILD.
    pub(crate) fn takes_heredocs(&self) -> bool {
        let trigger;
        let node = if self.name() == "ONBUILD" {
            trigger = self.trigger();
            &trigger
        } else {
            self
        };
        matches!(node.name().as_str(), "ADD" | "COPY" | "RUN")
            && !matches!(json::read(&node.logical.text, node.rest.clone()), Json::Strings(_))
    }

    /// What it says. Heredocs without a body, which only JSON words open, are added to `heredocs`.
    pub(crate) fn kind(&self, heredocs: &mut Vec<Heredoc>) -> Result<Kind, Problem> {
        let name = self.name();
        Ok(match name.as_str() {
            "ADD" | "COPY" => self.transfer(&name, heredocs)?,
            "ARG" => self.arg()?,
            "CMD" => Kind::Cmd(self.plain_command()?),
            "ENTRYPOINT" => Kind::Entrypoint(self.plain_command()?),
            "ENV" => Kind::Env(self.pairs("ENV")?),
            "EXPOSE" => Kind::Expose(self.expose()?),
            "FROM" => self.from()?,
            "HEALTHCHECK" => Kind::Healthcheck(self.health()?),
            "LABEL" => Kind::Label(self.pairs("LABEL")?),
            "MAINTAINER" => Kind::Maintainer(self.one_text(&name)?),
            "ONBUILD" => self.onbuild(heredocs)?,
            "RUN" => self.run()?,
            "SHELL" => self.shell()?,
            // BuildKit does not look at the flags of STOPSIGNAL and ARG.
            "STOPSIGNAL" => Kind::Stopsignal(self.one_argument(&name)?),
            "USER" => Kind::User(self.one_text(&name)?),
            "VOLUME" => Kind::Volume(self.volume()?),
            "WORKDIR" => Kind::Workdir(self.one_text(&name)?),
            _ => return Err(self.unknown()),
        })
    }

    pub(crate) fn text(&self) -> &'a str {
        &self.logical.text[self.rest.clone()]
    }

    pub(crate) fn flag_reader(&self) -> Flags<'_> {
        Flags::new(&self.flags, self.logical)
    }

    /// The flags, held against those that the instruction knows.
    pub(crate) fn check_flags(&self) -> Result<Flags<'_>, Problem> {
        let flags = self.flag_reader();
        flags.check(language::flags(&self.name()))?;
        Ok(flags)
    }

    /// Keyword to end.
    pub(crate) fn range(&self) -> Range<usize> {
        let last = self.flags.last().map_or(self.keyword.end, |flag| flag.range.end);
        self.keyword.start..if self.rest.is_empty() { last } else { self.rest.end }
    }

    fn spanned(&self, word: Word) -> Spanned<String> {
        Spanned {
            span: self.logical.span(word.range),
            value: word.value,
        }
    }

    fn count_problem(&self, message: String) -> Problem {
        Problem::instruction("argument-count", self.range(), message)
    }

    fn at_least_one(&self, name: &str) -> Problem {
        self.count_problem(format!("{name} requires at least one argument"))
    }

    fn unknown(&self) -> Problem {
        let written = &self.logical.text[self.keyword.clone()];
        let message = format!("unknown instruction: {written}");
        // BuildKit chooses at random among keywords equally near; one that begins alike is more likely meant.
        let first = written.chars().next().map(|c| c.to_ascii_uppercase());
        let len = written.chars().count();
        let (alike, other): (Vec<&str>, Vec<&str>) = language::keywords()
            .filter(|keyword| keyword.len().abs_diff(len) < 3)
            .partition(|keyword| keyword.chars().next() == first);
        match suggest_ignoring_case(written, alike.into_iter().chain(other)) {
            Some(near) => {
                let message = format!("{message} (did you mean {near}?)");
                let is_lower = written == written.to_lowercase();
                let keyword = if is_lower { near } else { near.to_uppercase() };
                Problem::instruction("unknown-instruction", self.keyword.clone(), message)
                    .hint(format!("write {keyword}"))
                    .fix(format!("write {keyword}"), self.keyword.clone(), keyword)
            }
            None => Problem::instruction("unknown-instruction", self.keyword.clone(), message)
                .hint("a line belongs to the one before it only if that ends in the escape character"),
        }
    }

    /// The JSON form, if it is one.
    fn json(&self) -> Result<Option<Vec<Word>>, Problem> {
        match json::read(&self.logical.text, self.rest.clone()) {
            Json::Strings(words) => Ok(Some(words)),
            Json::No => Ok(None),
            Json::Others => Err(Problem::parse(
                "json-not-strings",
                self.rest.clone(),
                "when using JSON array syntax, arrays must be comprised of strings only",
            )
            .hint("put double quotes around every element")),
        }
    }

    fn list(&self) -> Result<Vec<Word>, Problem> {
        Ok(self
            .json()?
            .unwrap_or_else(|| blank_separated(&self.logical.text, self.rest.clone())))
    }

    fn command(&self) -> Result<Command, Problem> {
        Ok(match self.json()? {
            Some(words) => Command::Exec(words.into_iter().map(|word| word.value).collect()),
            None => Command::Shell(self.text().to_owned()),
        })
    }

    fn plain_command(&self) -> Result<Command, Problem> {
        let command = self.command()?;
        self.check_flags()?;
        Ok(command)
    }

    fn one_argument(&self, name: &str) -> Result<Spanned<String>, Problem> {
        if self.rest.is_empty() {
            return Err(self.count_problem(format!("{name} requires exactly one argument")));
        }
        Ok(self.spanned(Word {
            range: self.rest.clone(),
            value: self.text().to_owned(),
        }))
    }

    fn one_text(&self, name: &str) -> Result<Spanned<String>, Problem> {
        let argument = self.one_argument(name)?;
        self.check_flags()?;
        Ok(argument)
    }

    fn expose(&self) -> Result<Vec<Spanned<String>>, Problem> {
        let ports = blank_separated(&self.logical.text, self.rest.clone());
        if ports.is_empty() {
            return Err(self.at_least_one("EXPOSE"));
        }
        self.check_flags()?;
        Ok(ports.into_iter().map(|word| self.spanned(word)).collect())
    }

    fn volume(&self) -> Result<Vec<Spanned<String>>, Problem> {
        let words = self.list()?;
        if words.is_empty() {
            return Err(self.at_least_one("VOLUME"));
        }
        self.check_flags()?;
        let mut paths = Vec::with_capacity(words.len());
        for word in words {
            let value = word.value.trim().to_owned();
            if value.is_empty() {
                let message = "VOLUME specified can not be an empty string";
                return Err(Problem::instruction("empty-volume", word.range, message));
            }
            paths.push(self.spanned(Word {
                value,
                range: word.range,
            }));
        }
        Ok(paths)
    }

    fn run(&self) -> Result<Kind, Problem> {
        let command = self.command()?;
        let flags = self.check_flags()?;
        let mut mounts = Vec::new();
        for flag in &self.flags {
            if let Some(mount) = self.mount(flag)? {
                mounts.push(mount);
            }
        }
        let network = flags.text("network");
        if let Some(mode) = network
            .as_ref()
            .filter(|mode| !matches!(mode.value.as_str(), "default" | "none" | "host"))
        {
            let message = format!("invalid network mode {}", quote(&mode.value));
            return Err(
                Problem::instruction("network-mode", flags.value_range("network"), message)
                    .hint("write default, none or host"),
            );
        }
        let security = flags.text("security");
        if let Some(mode) = security
            .as_ref()
            .filter(|mode| !matches!(mode.value.as_str(), "sandbox" | "insecure"))
        {
            let message = format!("security {} is not valid", quote(&mode.value));
            return Err(
                Problem::instruction("security-mode", flags.value_range("security"), message)
                    .hint("write sandbox or insecure"),
            );
        }
        Ok(Kind::Run {
            command,
            mounts,
            network,
            security,
        })
    }

    fn shell(&self) -> Result<Kind, Problem> {
        let command = self.command()?;
        self.check_flags()?;
        match command {
            Command::Exec(words) if !words.is_empty() => Ok(Kind::Shell(words)),
            Command::Shell(text) if !text.is_empty() => {
                let list: Vec<String> = text.split_whitespace().map(json::quoted).collect();
                let list = format!("[{}]", list.join(", "));
                Err(self
                    .count_problem("SHELL requires the arguments to be in JSON form".to_owned())
                    .hint(format!("write SHELL {list}"))
                    .fix("write a JSON list", self.rest.clone(), list))
            }
            _ => Err(self.at_least_one("SHELL")),
        }
    }

    pub(crate) fn spanned_keyword(&self) -> Spanned<String> {
        let value = self.logical.text[self.keyword.clone()].to_owned();
        self.spanned(Word {
            range: self.keyword.clone(),
            value,
        })
    }
}
