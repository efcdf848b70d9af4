//! `update-alone`: package lists fetched by a RUN that installs nothing.

use crate::command::{commands, is_operand};
use crate::{Advice, Scene, figures, lists};
use dockerfile::{Fix, Instruction, Kind, Span};
use planner::{Action, Run, Step};

const CODE: &str = "update-alone";

pub(crate) fn advise(scene: &Scene<'_>) -> Vec<Advice> {
    let found = scene.steps().filter_map(|(index, step)| match &step.action {
        Action::Run(run) => Some(advice(scene, index, step, alone(run)?)),
        _ => None,
    });
    found.collect()
}

/// The package manager whose lists a RUN fetches for nobody.
pub(crate) fn alone(run: &Run) -> Option<&'static str> {
    let commands = commands(run);
    let (at, manager) = commands.iter().enumerate().find_map(|(at, words)| {
        let manager = manager(words)?;
        (verb(words) == "update").then_some((at, manager))
    })?;
    // Anything that may use the lists: an installation, or a script that may hold one.
    let uses = |words: &Vec<String>| match self::manager(words) {
        Some(_) => !matches!(verb(words), "update" | "clean" | "autoclean"),
        None => !matches!(
            words[0].as_str(),
            "rm" | "echo" | "mkdir" | "touch" | "true" | "ls" | "cd" | "set"
        ),
    };
    (!commands[at + 1..].iter().any(uses)).then_some(manager)
}

fn manager(words: &[String]) -> Option<&'static str> {
    match words.first().map(String::as_str) {
        Some("apt-get" | "apt" | "aptitude") => Some("apt-get"),
        Some("apk") => Some("apk"),
        _ => None,
    }
}

/// The first word that is no flag: what a package manager is to do.
pub(crate) fn verb(words: &[String]) -> &str {
    words[1..]
        .iter()
        .find(|word| is_operand(word))
        .map_or("", String::as_str)
}

fn advice(scene: &Scene<'_>, index: usize, step: &Step, manager: &str) -> Advice {
    let line = step.lines.0;
    let (bytes, simulated) = lists::bytes_of(scene, index);
    let bytes = Some(bytes)
        .filter(|bytes| *bytes > 0)
        .or_else(|| Some(scene.cost(index)?.bytes));
    let size = bytes.map_or_else(String::new, |bytes| {
        format!(
            " They weigh {}.",
            figures::bytes(bytes, simulated || scene.is_simulated(index))
        )
    });
    let message = format!(
        "Line {line} fetches the package lists in a layer of their own: the cache keeps it while the packages move on, and a later \
         install finds old lists.{size}"
    );
    Advice {
        bytes,
        millis: scene.cost(index).map(|cost| cost.millis),
        fix: fix(scene, step),
        ..Advice::of(
            CODE,
            step,
            message,
            format!("Put {manager} update and the installation into one RUN."),
        )
    }
}

/// Joins the RUN with the installation on the next line.
fn fix(scene: &Scene<'_>, step: &Step) -> Option<Fix> {
    let first = scene.instruction(step)?;
    let next = scene.file.instructions.get(step.instruction? + 1)?;
    let is_plain = |instruction: &Instruction| {
        let is_shell = matches!(&instruction.kind, Kind::Run { command: dockerfile::Command::Shell(text), .. } if !text.contains('#'));
        is_shell && instruction.flags.is_empty() && instruction.heredocs.is_empty()
    };
    let next_run = scene.steps().find_map(|(_, other)| match &other.action {
        Action::Run(run) if other.instruction == Some(step.instruction? + 1) => Some(run),
        _ => None,
    })?;
    let installs = commands(next_run).first().is_some_and(|words| manager(words).is_some());
    if !is_plain(first) || !is_plain(next) || !next.comments.is_empty() || !installs {
        return None;
    }
    let join = Span {
        start: first.span.end,
        end: next.keyword.span.end,
    };
    Some(Fix {
        title: format!("join lines {} and {}", first.lines.0, next.lines.0),
        edits: vec![(join, format!(" && {}\n   ", scene.file.escape))],
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{Bench, codes, fixed};

    const BAD: &str = "FROM scratch\nRUN apt-get update\nRUN apt-get install -y curl && rm -rf /var/lib/apt/lists/*\n";

    #[test]
    fn an_update_alone_is_reported_and_joined() {
        let found = Bench::new(BAD, &[]).advise();
        assert_eq!(codes(&found), ["update-alone"]);
        let mended = fixed(BAD, &found[0]);
        assert_eq!(
            mended,
            "FROM scratch\nRUN apt-get update && \\\n    apt-get install -y curl && rm -rf /var/lib/apt/lists/*\n"
        );
        assert_eq!(codes(&Bench::new(&mended, &[]).advise()), Vec::<&str>::new());
    }

    #[test]
    fn its_lists_are_weighed() {
        let bench = Bench::new(BAD, &[]).layers(&[&[("var/lib/apt/lists/a", 35_400_000)], &[("usr/bin/curl", 5)]]);
        let found = bench.advise();
        assert_eq!(codes(&found), ["update-alone"]);
        assert!(
            found[0].message.ends_with("They weigh 35.4 MB (simulated)."),
            "{}",
            found[0].message
        );
    }

    #[test]
    fn an_update_for_an_installation_or_a_script_is_fine() {
        let good = [
            "FROM scratch\nRUN apk update && apk add curl\n",
            "FROM scratch\nRUN apt-get update && ./install.sh\n",
            "FROM scratch\nRUN apt-get install -y update\n",
        ];
        for text in good {
            assert_eq!(codes(&Bench::new(text, &[]).advise()), Vec::<&str>::new(), "{text}");
        }
    }
}
