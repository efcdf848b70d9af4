//! RUN: the command line, its environment and its mounts.

use crate::assemble::{Assembly, Made};
use crate::definition;
use crate::env::Env;
use crate::plan::{Action, Input, Mount, MountKind, Network, Run, Source};
use crate::print::first_line;
use crate::scope::Scope;
use crate::states::Command;
use dockerfile::{Instruction, Kind};

const PIPES: &str = "/dev/pipes/";

/// What a RUN executes.
struct Line {
    argv: Vec<String>,
    /// A heredoc that is a script of its own: name and text.
    script: Option<(String, String)>,
    /// What progress adds to the instruction's text.
    remark: String,
}

impl Assembly<'_> {
    /// Plans a RUN; `sources` are the filesystems its mounts name, one each.
    pub(crate) fn run(&mut self, scope: &mut Scope, command: &Command, sources: &[Input]) -> Result<(), String> {
        let instruction = &command.instruction;
        let Kind::Run {
            command: words,
            mounts,
            network,
            security,
        } = &instruction.kind
        else {
            unreachable!("callers pass a RUN");
        };
        let line = read_line(scope, instruction, words);
        let mut planned = Vec::new();
        if let Some((name, text)) = line.script {
            let from = self.source(Source::Inline {
                name,
                mode: 0o755,
                text,
            });
            planned.push(Mount {
                target: PIPES.to_owned(),
                name: PIPES.to_owned(),
                kind: MountKind::Bind {
                    from,
                    source: "/".to_owned(),
                },
                read_only: true,
            });
        }
        for (mount, source) in mounts.iter().zip(sources) {
            planned.push(self.mount(scope, mount, *source)?);
        }
        let run = Run {
            argv: line.argv,
            env: scope.env.pairs().to_vec(),
            proxy: self.proxy(),
            cwd: scope.cwd.clone(),
            user: scope.user.clone(),
            network: match network.as_ref().map(|n| n.value.as_str()) {
                Some("none") => Network::None,
                Some("host") => Network::Host,
                Some(_) => Network::Default,
                None => self.options.network,
            },
            insecure: security.as_ref().is_some_and(|mode| mode.value == "insecure"),
            mounts: planned,
            platform: scope.platform.clone(),
        };
        let definition = definition::of_run(&run);
        let shown = format!("{}{}", instruction.original, line.remark);
        let text = self.words.shown(&shown, &masked(&scope.env, &run.mounts));
        let created_by = created_by(scope, &run.argv);
        self.step(
            scope,
            command,
            Made {
                action: Action::Run(run),
                definition,
                text,
            },
        );
        self.note_step(scope, created_by);
        Ok(())
    }

    /// The proxy settings among the build arguments, by upper and lower case name.
    fn proxy(&self) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"] {
            let mut given: Vec<&(String, String)> = self
                .options
                .build_args
                .iter()
                .filter(|(key, _)| key.eq_ignore_ascii_case(name))
                .collect();
            given.sort();
            if let Some((_, value)) = given.last()
                && !value.is_empty()
            {
                pairs.push((name.to_owned(), value.clone()));
                pairs.push((name.to_lowercase(), value.clone()));
            }
        }
        pairs
    }
}

fn read_line(scope: &Scope, instruction: &Instruction, words: &dockerfile::Command) -> Line {
    let text = match words {
        dockerfile::Command::Exec(argv) => {
            return Line {
                argv: argv.clone(),
                script: None,
                remark: String::new(),
            };
        }
        dockerfile::Command::Shell(text) => text,
    };
    let (text, script, remark) = match instruction.heredocs.as_slice() {
        [] => (text.clone(), None, String::new()),
        [heredoc, ..] if is_lone_heredoc(text) => {
            let remark = format!(" ({})", first_line(&heredoc.body));
            if heredoc.body.starts_with("#!") && scope.image.platform.os != "windows" {
                let script = (heredoc.name.clone(), heredoc.body.clone());
                (format!("{PIPES}{}", heredoc.name), Some(script), remark)
            } else {
                (heredoc.body.clone(), None, remark)
            }
        }
        heredocs => {
            let mut whole = text.clone();
            for heredoc in heredocs {
                whole.push('\n');
                whole.push_str(&heredoc.raw);
                whole.push_str(&heredoc.name);
            }
            (whole, None, String::new())
        }
    };
    Line {
        argv: scope.with_shell(text),
        script,
        remark,
    }
}

/// Whether a command is nothing but the opener of a heredoc.
fn is_lone_heredoc(text: &str) -> bool {
    let Some(word) = text.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<") else {
        return false;
    };
    let word = word.strip_prefix('-').unwrap_or(word).trim();
    let mut quote = None;
    for c in word.chars() {
        match (quote, c) {
            (None, '<') => return false,
            (None, c) if c.is_whitespace() => return false,
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    !word.is_empty()
}

/// `RUN |2 a=1 b= /bin/sh -c …`: the ARGs with the values they have now, each once.
fn created_by(scope: &Scope, argv: &[String]) -> String {
    let mut args: Vec<(&str, &str)> = Vec::new();
    for (name, value) in &scope.args {
        let value = scope.env.get(name).or(value.as_deref()).unwrap_or_default();
        match args.iter_mut().find(|(known, _)| known == name) {
            Some(known) => known.1 = value,
            None => args.push((name, value)),
        }
    }
    let mut words = Vec::new();
    if !args.is_empty() {
        words.push(format!("|{}", args.len()));
        words.extend(args.iter().map(|(name, value)| format!("{name}={value}")));
    }
    words.extend(argv.iter().cloned());
    format!("RUN {} # buildkit", words.join(" "))
}

/// The variables as progress may show them.
fn masked(env: &Env, mounts: &[Mount]) -> Env {
    let mut env = env.clone();
    for mount in mounts {
        if let MountKind::Secret { env: Some(name), .. } = &mount.kind {
            env.set(name.clone(), "****");
        }
    }
    env
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_opener_that_stands_alone_is_the_whole_command() {
        for text in ["<<EOF", "<<-EOF", "3<<EOF", "<< 'E O F'"] {
            assert!(is_lone_heredoc(text), "{text}");
        }
        for text in ["cat <<EOF", "<<EOF bash", "<<A <<B", "<<<word", "<<"] {
            assert!(!is_lone_heredoc(text), "{text}");
        }
    }
}
