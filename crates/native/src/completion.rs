//! Completing command lines: a script for each shell, which asks the program what may come next.

use crate::args::Shell;
use crate::disk::DiskBlobs;
use crate::session::root_of;
use crate::state::State;
use crate::terminal::Terminal;
use crate::{args, images, volumes};
use clap::Command;
use cli::complete::{Candidate, Lookups, complete};
use engine::Daemon;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The word before those that are to be completed.
pub const ASK: &str = "__complete";

/// The script of a shell.
pub fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => include_str!("completion/layerlab.bash"),
        Shell::Fish => include_str!("completion/layerlab.fish"),
        Shell::Zsh => include_str!("completion/layerlab.zsh"),
    }
}

/// What may stand in the place of the last word: a line each, the word and, after a tab, what it is for.
pub fn candidates(words: &[String], terminal: &Terminal<'_>) -> String {
    let (root, words) = take_root(words);
    let root = root_of(root.as_deref(), terminal).ok();
    let lookups = Here {
        daemon: root.and_then(|root| daemon(&root)).unwrap_or_default(),
    };
    let mut found: BTreeSet<(String, String)> = BTreeSet::new();
    let mut add = |candidates: Vec<Candidate>| {
        found.extend(candidates.into_iter().map(|one| (one.text, one.about.to_owned())));
    };
    let command = args::command();
    match &words[..] {
        [] => {}
        [begin] => {
            add(complete(&words, &lookups));
            let ours = command.get_subcommands().filter(|one| !one.is_hide_set());
            let ours = ours.map(|one| (one.get_name().to_owned(), about(one)));
            found.extend(ours.filter(|(name, _)| name.starts_with(begin)));
        }
        [first, rest @ ..] => match command.find_subcommand(first) {
            Some(own) => found.extend(of_clap(own, rest)),
            None => add(complete(&words, &lookups)),
        },
    }
    let lines: Vec<String> = found
        .into_iter()
        .map(|(text, about)| format!("{text}\t{about}\n"))
        .collect();
    lines.concat()
}

/// The words without `--root` and what it says.
fn take_root(words: &[String]) -> (Option<PathBuf>, Vec<String>) {
    let (mut root, mut rest) = (None, Vec::new());
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        match word.strip_prefix("--root") {
            // The last word is still being typed.
            Some("") if words.peek().is_some() => root = words.next().map(PathBuf::from),
            Some(value) if value.starts_with('=') && words.peek().is_some() => root = Some(PathBuf::from(&value[1..])),
            _ => rest.push(word.clone()),
        }
    }
    (root, rest)
}

/// What may follow a command that clap reads.
fn of_clap(command: &Command, words: &[String]) -> Vec<(String, String)> {
    let Some((last, before)) = words.split_last() else {
        return Vec::new();
    };
    if let Some(inner) = before.first().and_then(|word| command.find_subcommand(word)) {
        return of_clap(inner, &words[1..]);
    }
    if last.starts_with('-') {
        let flags = command.get_arguments().filter(|one| !one.is_hide_set());
        let flags = flags.filter_map(|one| {
            let help = one.get_help().map(ToString::to_string).unwrap_or_default();
            Some((format!("--{}", one.get_long()?), help))
        });
        return flags.filter(|(flag, _)| flag.starts_with(last.as_str())).collect();
    }
    let mut found: Vec<(String, String)> = command
        .get_subcommands()
        .map(|one| (one.get_name().to_owned(), about(one)))
        .collect();
    let values = command.get_positionals().flat_map(clap::Arg::get_possible_values);
    found.extend(values.map(|value| (value.get_name().to_owned(), String::new())));
    found.retain(|(text, _)| text.starts_with(last.as_str()));
    if found.is_empty() {
        found = paths(last).into_iter().map(|path| (path, String::new())).collect();
    }
    found
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

/// The images and volumes that there are. Whoever completes a line waits for nobody and makes no folder.
fn daemon(root: &Path) -> Option<Daemon> {
    if !root.is_dir() {
        return None;
    }
    let state = State::open(root, || {}).ok()?;
    let mut blobs = DiskBlobs::open(&state.layout()).ok()?;
    let mut daemon = images::load(&state, &mut blobs).ok()?.daemon;
    volumes::load(&state, &mut daemon).ok()?;
    Some(daemon)
}

struct Here {
    daemon: Daemon,
}

impl Lookups for Here {
    fn images(&self) -> Vec<String> {
        let names = self.daemon.names().filter(|(name, _)| name.digest().is_none());
        names.map(|(name, _)| name.familiar()).collect()
    }

    fn containers(&self, only_running: bool) -> Vec<String> {
        let all = self.daemon.containers();
        let wanted = all.filter(|container| !only_running || container.is_running());
        wanted.map(|container| container.name.clone()).collect()
    }

    fn volumes(&self) -> Vec<String> {
        self.daemon.volumes().map(|volume| volume.name.clone()).collect()
    }

    fn registries(&self) -> Vec<String> {
        Vec::new()
    }

    fn paths(&self, begin: &str) -> Vec<String> {
        paths(begin)
    }
}

/// Paths that begin so; folders end with `/`.
fn paths(begin: &str) -> Vec<String> {
    let (folder, name) = match begin.rfind('/') {
        Some(at) => begin.split_at(at + 1),
        None => ("", begin),
    };
    let place = if folder.is_empty() {
        Path::new(".")
    } else {
        Path::new(folder)
    };
    let Ok(entries) = fs::read_dir(place) else {
        return Vec::new();
    };
    let found = entries.flatten().filter_map(|entry| {
        let text = entry.file_name().into_string().ok()?;
        let is_wanted = text.starts_with(name) && (!text.starts_with('.') || name.starts_with('.'));
        let slash = if entry.path().is_dir() { "/" } else { "" };
        is_wanted.then(|| format!("{folder}{text}{slash}"))
    });
    found.collect()
}
