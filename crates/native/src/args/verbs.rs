//! Which words are commands of the `docker` command language, and which are read by clap.

use super::Cli;
use clap::CommandFactory;
use cli::grammar;
use std::ffi::{OsStr, OsString};

/// Whether the words after `layerlab` are read by the table of the `docker` command language: their command stands there, and clap
/// has none of this name.
pub fn is_docker(words: &[String]) -> bool {
    let named = |word: Option<&String>| -> bool {
        word.is_some_and(|word| !is_ours(word) && (grammar::group(word).is_some() || grammar::find(word).is_some()))
    };
    let mut rest = words;
    loop {
        match rest.first().map(String::as_str) {
            Some("--root") => rest = rest.get(2..).unwrap_or_default(),
            Some(word) if word.starts_with("--root=") => rest = &rest[1..],
            Some("help") => return named(rest.get(1)),
            _ => return named(rest.first()),
        }
    }
}

fn is_ours(word: &str) -> bool {
    Cli::command()
        .get_subcommands()
        .any(|command| command.get_name() == word)
}

/// The arguments with a `--root` that stands before the command put after it, where clap reads it.
pub fn root_last(arguments: Vec<OsString>) -> Vec<OsString> {
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
            "nope",
        ] {
            assert!(!is_docker(&words(line)), "{line}");
        }
    }

    #[test]
    fn a_root_before_the_command_counts_for_it() {
        let ordered = |line: &str| -> Vec<String> {
            let words = line.split_whitespace().map(OsString::from).collect();
            root_last(words)
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
        assert_eq!(ordered("layerlab --help"), words("layerlab --help"));
    }
}
