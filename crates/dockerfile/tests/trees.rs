//! Dockerfiles and what is read in them: each case is a text and its tree. `UPDATE=1` writes the trees anew.

#![allow(clippy::disallowed_methods, reason = "a test reads its fixtures")]

use std::fmt::Write as _;
use std::path::Path;

use dockerfile::{Command, Diagnostic, Health, Instruction, Kind, Parse, Severity, Spanned, Transfer, parse};

#[test]
fn every_case_has_the_tree_it_states() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/trees");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the fixtures are there")
        .map(|entry| entry.expect("a folder can be read").path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 12, "cases are missing");
    let mut wrong = Vec::new();
    for path in paths {
        let case = std::fs::read_to_string(&path).expect("a case is text");
        let (about, rest) = case.split_once("-- Dockerfile --\n").expect("a case has a Dockerfile");
        let (source, expected) = rest.split_once("-- tree --\n").expect("a case has a tree");
        let found = dump(source, &parse(source));
        if std::env::var_os("UPDATE").is_some() {
            let case = format!("{about}-- Dockerfile --\n{source}-- tree --\n{found}");
            std::fs::write(&path, case).expect("a case can be written");
        } else if found != expected {
            wrong.push(format!("{}\n{found}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn dump(source: &str, parse: &Parse) -> String {
    let mut out = String::new();
    for directive in &parse.dockerfile.directives {
        line(
            &mut out,
            0,
            &format!(
                "# {}={}",
                shown(source, &directive.name),
                shown(source, &directive.value)
            ),
        );
    }
    if parse.dockerfile.escape != '\\' {
        line(&mut out, 0, &format!("escape {}", parse.dockerfile.escape));
    }
    for instruction in &parse.dockerfile.instructions {
        dump_instruction(&mut out, source, instruction, 0);
    }
    for diagnostic in &parse.diagnostics {
        dump_diagnostic(&mut out, source, diagnostic);
    }
    out
}

fn dump_instruction(out: &mut String, source: &str, instruction: &Instruction, depth: usize) {
    let (first, last) = instruction.lines;
    line(
        out,
        depth,
        &format!(
            "{first}-{last} {}: {:?}",
            instruction.keyword.value, instruction.original
        ),
    );
    for comment in &instruction.comments {
        line(out, depth + 1, &format!("comment {}", shown(source, comment)));
    }
    if let Some(at) = instruction.empty_continuation {
        line(out, depth + 1, &format!("empty continuation, line {at}"));
    }
    for flag in &instruction.flags {
        let value = flag
            .value
            .as_ref()
            .map(|value| format!("={}", shown(source, value)))
            .unwrap_or_default();
        line(out, depth + 1, &format!("flag --{}{value}", shown(source, &flag.name)));
    }
    for heredoc in &instruction.heredocs {
        let marks = [(heredoc.expand, " expand"), (heredoc.chomp, " chomp")];
        let marks: String = marks.iter().filter(|(set, _)| *set).map(|(_, mark)| *mark).collect();
        line(
            out,
            depth + 1,
            &format!("heredoc {} fd={}{marks} {:?}", heredoc.name, heredoc.fd, heredoc.body),
        );
        assert_eq!(heredoc.raw, source[heredoc.span.start..heredoc.span.end]);
    }
    dump_kind(out, source, &instruction.kind, depth + 1);
}

fn dump_kind(out: &mut String, source: &str, kind: &Kind, depth: usize) {
    let say = |name: &str, text: &Spanned<String>| format!("{name} {}", shown(source, text));
    match kind {
        Kind::From {
            image,
            alias,
            as_keyword,
            written_alias,
            platform,
        } => {
            line(out, depth, &say("image", image));
            let all = [("platform", platform), ("as", as_keyword), ("alias", alias)];
            for (name, text) in all.iter().filter_map(|(name, text)| Some((name, text.as_ref()?))) {
                line(out, depth, &say(name, text));
            }
            assert_eq!(
                written_alias.as_ref().map(|name| name.to_lowercase()),
                alias.as_ref().map(|a| a.value.clone())
            );
        }
        Kind::Arg(names) => {
            for arg in names {
                let default = arg.default.as_ref().map(|text| format!(" = {}", shown(source, text)));
                line(
                    out,
                    depth,
                    &format!("{}{}", shown(source, &arg.name), default.unwrap_or_default()),
                );
            }
        }
        Kind::Env(pairs) | Kind::Label(pairs) => {
            for pair in pairs {
                let sign = if pair.equals { "=" } else { "(legacy)" };
                line(
                    out,
                    depth,
                    &format!("{} {sign} {}", shown(source, &pair.key), shown(source, &pair.value)),
                );
            }
        }
        Kind::Run { command, mounts, .. } => {
            for mount in mounts {
                line(out, depth, &format!("mount {:?}", mount.fields));
            }
            dump_command(out, command, depth);
        }
        Kind::Copy(transfer) | Kind::Add(transfer) => dump_transfer(out, source, transfer, depth),
        Kind::Workdir(text) | Kind::User(text) | Kind::Stopsignal(text) | Kind::Maintainer(text) => {
            line(out, depth, &say("text", text));
        }
        Kind::Cmd(command) | Kind::Entrypoint(command) => dump_command(out, command, depth),
        Kind::Expose(words) | Kind::Volume(words) => words.iter().for_each(|word| line(out, depth, &say("word", word))),
        Kind::Healthcheck(Health::None) => line(out, depth, "none"),
        Kind::Healthcheck(Health::Cmd {
            command,
            interval,
            timeout,
            start_period,
            start_interval,
            retries,
        }) => {
            dump_command(out, command, depth);
            line(
                out,
                depth,
                &format!("{interval} {timeout} {start_period} {start_interval} {retries}"),
            );
        }
        Kind::Shell(words) => line(out, depth, &format!("exec {words:?}")),
        Kind::Onbuild(trigger) => dump_instruction(out, source, trigger, depth),
        Kind::Unknown => line(out, depth, "unknown"),
    }
}

fn dump_command(out: &mut String, command: &Command, depth: usize) {
    match command {
        Command::Exec(words) => line(out, depth, &format!("exec {words:?}")),
        Command::Shell(text) => line(out, depth, &format!("shell {text:?}")),
    }
}

fn dump_transfer(out: &mut String, source: &str, transfer: &Transfer, depth: usize) {
    transfer
        .sources
        .iter()
        .for_each(|word| line(out, depth, &format!("source {}", shown(source, word))));
    transfer
        .inline
        .iter()
        .for_each(|(idx, word)| line(out, depth, &format!("inline {idx} {word}")));
    line(out, depth, &format!("dest {}", shown(source, &transfer.dest)));
    let texts = [
        ("from", &transfer.from),
        ("chown", &transfer.chown),
        ("chmod", &transfer.chmod),
        ("checksum", &transfer.checksum),
    ];
    for (name, text) in texts.iter().filter_map(|(name, text)| Some((name, text.as_ref()?))) {
        line(out, depth, &format!("{name} {}", shown(source, text)));
    }
    transfer
        .exclude
        .iter()
        .for_each(|word| line(out, depth, &format!("exclude {}", shown(source, word))));
    let switches = [
        ("link", Some(transfer.link).filter(|set| *set)),
        ("parents", Some(transfer.parents).filter(|set| *set)),
        ("keep-git-dir", transfer.keep_git_dir),
        ("unpack", transfer.unpack),
    ];
    for (name, set) in switches.iter().filter_map(|(name, set)| Some((name, (*set)?))) {
        line(out, depth, &format!("{name} {set}"));
    }
}

fn dump_diagnostic(out: &mut String, source: &str, diagnostic: &Diagnostic) {
    let severity = if diagnostic.severity == Severity::Error {
        "error"
    } else {
        "warning"
    };
    let span = &source[diagnostic.span.start..diagnostic.span.end];
    let at = diagnostic
        .line
        .map_or("no line".to_owned(), |line| format!("line {line}"));
    line(
        out,
        0,
        &format!(
            "{severity} {} {:?} {at} at {span:?}: {}",
            diagnostic.code, diagnostic.phase, diagnostic.message
        ),
    );
    diagnostic
        .hints
        .iter()
        .for_each(|hint| line(out, 1, &format!("hint: {hint}")));
    if let Some(fix) = &diagnostic.fix {
        let mut fixed = source.to_owned();
        for (span, text) in fix.edits.iter().rev() {
            fixed.replace_range(span.start..span.end, text);
        }
        let changed = fixed
            .lines()
            .zip(source.lines())
            .find(|(new, old)| new != old)
            .map_or("", |(new, _)| new);
        line(out, 1, &format!("fix: {}: {changed}", fix.title));
    }
}

/// The value, and the text it came from where that is another.
fn shown(source: &str, text: &Spanned<String>) -> String {
    let written = &source[text.span.start..text.span.end];
    if written == text.value {
        format!("`{written}`")
    } else {
        format!("`{}` from {written:?}", text.value)
    }
}

fn line(out: &mut String, depth: usize, text: &str) {
    writeln!(out, "{}{text}", "  ".repeat(depth)).expect("a String takes all text");
}
