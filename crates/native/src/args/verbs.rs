//! Which words are commands of the `docker` command language, and which are read by clap.

use super::all::is_ours;
use cli::grammar;
use std::ffi::{OsStr, OsString};

/// A command of ours in a group of Docker's.
const FSCK: (&str, &str) = ("system", "fsck");

/// Whether the words after `layerlab` are read by the table of the `docker` command language: their command stands there, and clap
/// has none of this name.
pub fn is_docker(words: &[String]) -> bool {
    let named = |words: &[String]| -> bool {
        if let [group, word, ..] = words
            && (group.as_str(), word.as_str()) == FSCK
        {
            return false;
        }
        let word = words.first();
        word.is_some_and(|word| !is_ours(word) && (grammar::group(word).is_some() || grammar::find(word).is_some()))
    };
    let mut rest = words;
    loop {
        match rest.first().map(String::as_str) {
            Some("--root") => rest = rest.get(2..).unwrap_or_default(),
            Some(word) if word.starts_with("--root=") => rest = &rest[1..],
            Some("help") => return named(&rest[1..]),
            _ => return named(rest),
        }
    }
}

/// The arguments as clap reads them: a `--root` that stands before the command is put after it, and `system fsck` is one word.
pub fn for_clap(arguments: Vec<OsString>) -> Vec<OsString> {
    let mut words = arguments.into_iter();
    let mut ordered: Vec<OsString> = words.next().into_iter().collect();
    let mut root = Vec::new();
    let mut command = None;
    while let Some(word) = words.next() {
        if word == OsStr::new("--root") {
            root.push(word);
            root.extend(words.next());
        } else if word.as_encoded_bytes().starts_with(b"--root=") {
            root.push(word);
        } else {
            command = Some(word);
            break;
        }
    }
    let mut words = words.peekable();
    if command.as_deref() == Some(OsStr::new(FSCK.0)) && words.peek().is_some_and(|word| word == FSCK.1) {
        command = words.next();
    }
    ordered.extend(command);
    ordered.extend(root);
    ordered.extend(words);
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn commands_of_docker_are_told_from_our_own() {
        for line in [
            "images",
            "image ls",
            "--root x images",
            "--root=x rmi a",
            "help images",
            "system df",
        ] {
            assert!(is_docker(&words(line)), "{line}");
        }
        for line in [
            "",
            "preview .",
            "--root x preview",
            "help",
            "help preview",
            "--help",
            "-V",
            "registry serve",
            "system fsck",
            "nope",
        ] {
            assert!(!is_docker(&words(line)), "{line}");
        }
    }

    #[test]
    fn a_root_before_the_command_counts_for_it() {
        let ordered = |line: &str| -> Vec<String> {
            let words = line.split_whitespace().map(OsString::from).collect();
            for_clap(words)
                .into_iter()
                .map(|word| word.into_string().unwrap())
                .collect()
        };
        assert_eq!(
            ordered("layerlab --root d preview -q ."),
            words("layerlab preview --root d -q .")
        );
        assert_eq!(ordered("layerlab --root=d check"), words("layerlab check --root=d"));
        assert_eq!(ordered("layerlab preview --root d"), words("layerlab preview --root d"));
        assert_eq!(
            ordered("layerlab --root d system fsck --repair"),
            words("layerlab fsck --root d --repair")
        );
        assert_eq!(ordered("layerlab --help"), words("layerlab --help"));
    }
}
