//! Where the output of each command of a line goes, as far as its text tells.

use bashkit::parser::{Command, CompoundCommand, Redirect, RedirectKind, SimpleCommand, Word, WordPart};
use builder::Sink;

/// The commands of a line, each with the place its standard output goes to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sinks {
    /// Name and arguments, `None` for what only shows when it runs.
    commands: Vec<(Vec<Option<String>>, Sink)>,
}

impl Sinks {
    pub(crate) fn of(commands: &[Command]) -> Sinks {
        let mut sinks = Sinks::default();
        sinks.list(commands, Sink::Terminal);
        sinks
    }

    /// Where the output of `name` with `args` goes. Commands that the text does not show, those of functions and aliases of before,
    /// write to the terminal.
    pub(crate) fn of_call(&self, name: &str, args: &[String]) -> Sink {
        let called: Vec<&str> = std::iter::once(name).chain(args.iter().map(String::as_str)).collect();
        let exact = self.commands.iter().find(|(words, _)| ends_with(words, &called));
        let named = || {
            let is_name = |word: &Option<String>| {
                word.as_deref()
                    .is_some_and(|word| word.rsplit('/').next() == Some(name))
            };
            self.commands.iter().find(|(words, _)| words.iter().any(is_name))
        };
        exact.or_else(named).map_or(Sink::Terminal, |(_, sink)| *sink)
    }

    fn list(&mut self, commands: &[Command], sink: Sink) {
        for command in commands {
            self.command(command, sink);
        }
    }

    fn command(&mut self, command: &Command, sink: Sink) {
        match command {
            Command::Simple(simple) => self.simple(simple, sink),
            Command::Pipeline(pipeline) => {
                if let Some((last, before)) = pipeline.commands.split_last() {
                    self.list(before, Sink::Other);
                    self.command(last, sink);
                }
            }
            Command::List(list) => {
                self.command(&list.first, sink);
                for (_, command) in &list.rest {
                    self.command(command, sink);
                }
            }
            Command::Compound(compound, redirects) => self.compound(compound, redirected(redirects, sink)),
            Command::Function(function) => self.command(&function.body, sink),
        }
    }

    fn simple(&mut self, simple: &SimpleCommand, sink: Sink) {
        let words = std::iter::once(&simple.name).chain(&simple.args);
        for word in words.clone() {
            self.word(word);
        }
        for assignment in &simple.assignments {
            if let bashkit::parser::AssignmentValue::Scalar(word) = &assignment.value {
                self.word(word);
            }
        }
        self.commands
            .push((words.map(literal).collect(), redirected(&simple.redirects, sink)));
    }

    fn word(&mut self, word: &Word) {
        for part in &word.parts {
            if let WordPart::CommandSubstitution(commands) | WordPart::ProcessSubstitution { commands, .. } = part {
                self.list(commands, Sink::Other);
            }
        }
    }

    fn compound(&mut self, compound: &CompoundCommand, sink: Sink) {
        match compound {
            CompoundCommand::If(command) => {
                self.list(&command.condition, sink);
                self.list(&command.then_branch, sink);
                for (condition, branch) in &command.elif_branches {
                    self.list(condition, sink);
                    self.list(branch, sink);
                }
                self.list(command.else_branch.as_deref().unwrap_or_default(), sink);
            }
            CompoundCommand::For(command) => {
                for word in command.words.iter().flatten() {
                    self.word(word);
                }
                self.list(&command.body, sink);
            }
            CompoundCommand::ArithmeticFor(command) => self.list(&command.body, sink),
            CompoundCommand::While(command) => {
                self.list(&command.condition, sink);
                self.list(&command.body, sink);
            }
            CompoundCommand::Until(command) => {
                self.list(&command.condition, sink);
                self.list(&command.body, sink);
            }
            CompoundCommand::Case(command) => {
                for case in &command.cases {
                    self.list(&case.commands, sink);
                }
            }
            CompoundCommand::Select(command) => self.list(&command.body, sink),
            CompoundCommand::Subshell(commands) | CompoundCommand::BraceGroup(commands) => self.list(commands, sink),
            CompoundCommand::Time(command) => {
                if let Some(command) = &command.command {
                    self.command(command, sink);
                }
            }
            CompoundCommand::Coproc(_) | CompoundCommand::Arithmetic(_) | CompoundCommand::Conditional(_) => {}
        }
    }
}

/// Whether the last words are those called; what is not known may be any one word.
fn ends_with(words: &[Option<String>], called: &[&str]) -> bool {
    words.len() >= called.len()
        && words[words.len() - called.len()..]
            .iter()
            .zip(called)
            .all(|(word, called)| word.as_deref().is_none_or(|word| word == *called))
}

fn literal(word: &Word) -> Option<String> {
    word.parts
        .iter()
        .map(|part| match part {
            WordPart::Literal(text) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// Where standard output goes after `redirects`.
fn redirected(redirects: &[Redirect], mut sink: Sink) -> Sink {
    for redirect in redirects {
        let is_stdout = redirect.fd.unwrap_or(1) == 1;
        match redirect.kind {
            RedirectKind::Output | RedirectKind::Clobber | RedirectKind::Append if is_stdout => sink = Sink::Other,
            RedirectKind::OutputBoth => sink = Sink::Other,
            _ => {}
        }
    }
    sink
}

#[cfg(test)]
mod tests {
    use super::Sinks;
    use bashkit::parser::Parser;
    use builder::Sink;

    /// Where `docker ps` writes to in `line`.
    fn sink(line: &str) -> Sink {
        let script = Parser::new(line).parse().unwrap();
        Sinks::of(&script.commands).of_call("docker", &["ps".to_owned()])
    }

    #[test]
    fn a_command_writes_to_the_terminal_unless_its_output_is_taken() {
        for line in [
            "docker ps",
            "sudo docker ps",
            "docker ps 2>/dev/null",
            "docker ps < file && echo x > y",
            "x=$(date); docker ps",
            "echo x | docker ps",
            "for i in 1 2; do docker $cmd; done",
            "time docker ps",
            "if true; then docker ps; fi",
        ] {
            assert_eq!(sink(line), Sink::Terminal, "{line}");
        }
        for line in [
            "docker ps | cat",
            "docker ps > file",
            "sudo docker ps >> file",
            "docker ps &> file",
            "x=$(docker ps)",
            "docker images; docker rm $(docker ps)",
            "{ docker ps; } > file",
            "(docker ps) | cat",
            "while docker ps; do :; done > file",
            "diff <(docker ps) file",
        ] {
            assert_eq!(sink(line), Sink::Other, "{line}");
        }
    }
}
