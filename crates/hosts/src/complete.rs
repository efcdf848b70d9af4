//! What may stand at the cursor: commands, images, containers, paths.

use crate::lab::Lab;
use crate::names::PLACES;
use crate::terminal::{Frame, Where};
use cli::complete::{Lookups, complete};
use engine::Daemon;
use store::{Follow, Node};

/// So many words are offered.
const MAX_WORDS: usize = 200;
/// Commands of a shell on a machine that are worth offering.
const COMMANDS: [&str; 40] = [
    "cat",
    "cd",
    "chmod",
    "chown",
    "clear",
    "cp",
    "curl",
    "date",
    "df",
    "docker",
    "echo",
    "env",
    "exit",
    "export",
    "find",
    "grep",
    "gzip",
    "head",
    "history",
    "hostname",
    "id",
    "less",
    "ls",
    "mkdir",
    "mv",
    "nano",
    "openssl",
    "ping",
    "printf",
    "pwd",
    "rm",
    "scp",
    "sed",
    "sort",
    "ssh",
    "sudo",
    "systemctl",
    "tail",
    "tar",
    "vi",
];

/// The byte of `text` at which the last word begins, and what it may become.
pub(crate) fn words(lab: &Lab, frame: &Frame, text: &str) -> (usize, Vec<String>) {
    let start = text
        .rfind([' ', '\t', '|', ';', '&', '>', '<', '('])
        .map_or(0, |at| at + 1);
    let word = &text[start..];
    let before = command_words(&text[..start]);
    let mut found = match (before.as_slice(), &frame.place) {
        ([], _) => COMMANDS
            .iter()
            .filter(|name| name.starts_with(word))
            .map(|&name| name.to_owned())
            .collect(),
        (["docker", rest @ ..], Where::Machine(_)) => docker(lab, frame, rest, word),
        _ => Vec::new(),
    };
    if found.is_empty() {
        found = paths(lab, frame, word);
    }
    found.truncate(MAX_WORDS);
    for word in &mut found {
        // Nothing goes on after a word that is whole.
        if !word.ends_with(['/', '=']) {
            word.push(' ');
        }
    }
    (start, found)
}

/// The words of the last command before the cursor, `sudo` left out.
fn command_words(text: &str) -> Vec<&str> {
    let command = text.rsplit(['|', ';', '&', '(']).next().unwrap_or_default();
    let mut words: Vec<&str> = command.split_whitespace().collect();
    if words.first() == Some(&"sudo") {
        words.remove(0);
    }
    words
}

fn docker(lab: &Lab, frame: &Frame, before: &[&str], word: &str) -> Vec<String> {
    let words: Vec<String> = before.iter().chain([&word]).map(|&word| word.to_owned()).collect();
    let candidates = complete(&words, &Names { lab, frame });
    candidates.into_iter().map(|candidate| candidate.text).collect()
}

/// What a machine has names for.
struct Names<'a> {
    lab: &'a Lab,
    frame: &'a Frame,
}

impl Names<'_> {
    fn daemon(&self) -> &Daemon {
        &self.lab.machines[self.frame.place.machine()].daemon
    }
}

impl Lookups for Names<'_> {
    fn images(&self) -> Vec<String> {
        let daemon = self.daemon();
        daemon.images().flat_map(|image| daemon.repo_tags(image.id)).collect()
    }

    fn containers(&self, only_running: bool) -> Vec<String> {
        let wanted = self
            .daemon()
            .containers()
            .filter(|container| !only_running || container.is_running());
        wanted.map(|container| container.name.clone()).collect()
    }

    fn volumes(&self) -> Vec<String> {
        self.daemon().volumes().map(|volume| volume.name.clone()).collect()
    }

    fn registries(&self) -> Vec<String> {
        PLACES.iter().map(|place| place.domain.to_owned()).collect()
    }

    fn paths(&self, begin: &str) -> Vec<String> {
        paths(self.lab, self.frame, begin)
    }
}

/// Paths below the directory that the word names so far.
fn paths(lab: &Lab, frame: &Frame, word: &str) -> Vec<String> {
    let machine = &lab.machines[frame.place.machine()];
    let tree = match &frame.place {
        Where::Machine(_) => &machine.tree,
        Where::Container(_, id) => match machine.daemon.container(id) {
            Ok(container) => &container.tree,
            Err(_) => return Vec::new(),
        },
    };
    let (shown, name) = word
        .rsplit_once('/')
        .map_or(("", word), |(dir, name)| (&word[..=dir.len()], name));
    let home = format!("/home/{}/", frame.user);
    let dir = match shown.strip_prefix("~/") {
        Some(rest) => format!("{home}{rest}"),
        None if shown.starts_with('/') => shown.to_owned(),
        None => format!("{}/{shown}", frame.cwd),
    };
    let place = tree.resolve(&dir, Follow::Last).ok();
    let node = place.and_then(|place| if place.is_root() { None } else { tree.get(&place) });
    let entries = match node {
        Some(Node::Dir(dir)) => &dir.entries,
        None if dir.trim_matches('/').is_empty() => &tree.root().entries,
        _ => return Vec::new(),
    };
    entries
        .iter()
        .filter(|(entry, _)| entry.starts_with(name) && (!name.is_empty() || !entry.starts_with('.')))
        .map(|(entry, node)| format!("{shown}{entry}{}", if node.is_dir() { "/" } else { "" }))
        .collect()
}
