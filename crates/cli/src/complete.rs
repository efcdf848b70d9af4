//! What may come next on a `docker` command line.

use crate::grammar::{self, Arguments, Flag, GLOBAL, Kind, Order, Spec, Takes};

/// What there is to name.
pub trait Lookups {
    /// Names of images with their tags.
    fn images(&self) -> Vec<String>;

    /// Names of containers: of all, or of those that run.
    fn containers(&self, only_running: bool) -> Vec<String>;

    /// Names of volumes.
    fn volumes(&self) -> Vec<String>;

    /// Names of registries that are known.
    fn registries(&self) -> Vec<String>;

    /// Paths on the machine that begin so; directories end with `/`.
    fn paths(&self, begin: &str) -> Vec<String>;
}

/// A word that may stand where the cursor is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// The whole word.
    pub text: String,
    /// What it is for; empty if its name says it.
    pub about: &'static str,
}

/// Networks that every machine has.
const NETWORKS: [&str; 3] = ["bridge", "host", "none"];

/// What may stand in the place of the last of `words`, which are those after `docker` up to the cursor; the last may be empty.
///
/// By text, each once. Nothing is offered where the words of a container's command begin.
pub fn complete(words: &[String], lookups: &dyn Lookups) -> Vec<Candidate> {
    let (last, before) = match words.split_last() {
        Some((last, before)) => (last.as_str(), before),
        None => ("", [].as_slice()),
    };
    let mut found = candidates(before, last, lookups);
    found.retain(|candidate| candidate.text.starts_with(last));
    found.sort_unstable();
    found.dedup();
    found
}

fn candidates(before: &[String], last: &str, lookups: &dyn Lookups) -> Vec<Candidate> {
    let Some(start) = before.iter().position(|word| !word.starts_with('-')) else {
        return if last.starts_with('-') {
            flags(GLOBAL.iter())
        } else {
            top()
        };
    };
    let word = before[start].as_str();
    if word == "help" {
        return if before.len() == start + 1 {
            top()
        } else {
            members(&before[start + 1])
        };
    }
    let (name, rest) = if grammar::group(word).is_some() {
        match before.get(start + 1) {
            None => return members(word),
            Some(second) => (format!("{word} {second}"), &before[start + 2..]),
        }
    } else {
        (word.to_owned(), &before[start + 1..])
    };
    match grammar::find(&name) {
        Some(spec) => inside(spec, rest, last, lookups),
        None => Vec::new(),
    }
}

fn top() -> Vec<Candidate> {
    let groups = grammar::GROUPS.iter().map(|(name, about)| candidate(name, about));
    groups.chain(members("")).collect()
}

fn members(group: &str) -> Vec<Candidate> {
    let found = grammar::members(group).into_iter();
    found
        .map(|(word, spec)| candidate(word, first_line(spec.about)))
        .collect()
}

fn first_line(text: &'static str) -> &'static str {
    text.lines().next().unwrap_or("")
}

fn candidate(text: &str, about: &'static str) -> Candidate {
    Candidate {
        text: text.to_owned(),
        about,
    }
}

fn plain(texts: impl IntoIterator<Item = String>) -> Vec<Candidate> {
    texts.into_iter().map(|text| Candidate { text, about: "" }).collect()
}

fn flags<'a>(all: impl Iterator<Item = &'a Flag>) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = all
        .map(|flag| candidate(&format!("--{}", flag.long), first_line(flag.about)))
        .collect();
    found.push(candidate("--help", "Print usage"));
    found
}

/// What may follow `rest`, the words after the command's name.
fn inside(spec: &'static Spec, rest: &[String], last: &str, lookups: &dyn Lookups) -> Vec<Candidate> {
    let (mut arguments, mut ended) = (0, false);
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        let is_flag =
            !ended && word.len() > 1 && word.starts_with('-') && !(spec.order == Order::FlagsFirst && arguments > 0);
        if !is_flag {
            arguments += 1;
        } else if word == "--" {
            ended = true;
        } else if let Some(flag) = waits_for_value(spec, word)
            && words.next().is_none()
        {
            return values(flag, last, lookups);
        }
    }
    let is_theirs = spec.order == Order::FlagsFirst && arguments > 0;
    if last.starts_with('-') && !ended && !is_theirs {
        return match last
            .split_once('=')
            .and_then(|(name, begin)| Some((name, spec.long(name.strip_prefix("--")?)?, begin)))
        {
            Some((name, flag, begin)) => values(flag, begin, lookups)
                .into_iter()
                .map(|value| candidate(&format!("{name}={}", value.text), value.about))
                .collect(),
            None => flags(spec.all_flags().into_iter()),
        };
    }
    let most = match spec.arguments {
        Arguments::None => 0,
        Arguments::Exactly(most) | Arguments::AtMost(most) | Arguments::Between(_, most) => most,
        Arguments::AtLeast(_) => usize::MAX,
    };
    if arguments >= most {
        return Vec::new();
    }
    named(spec, arguments, last, lookups)
}

/// The flag at the end of `word` if its value is the next word.
fn waits_for_value(spec: &'static Spec, word: &str) -> Option<&'static Flag> {
    if let Some(long) = word.strip_prefix("--") {
        return spec.long(long).filter(|flag| flag.kind != Kind::Switch);
    }
    let mut letters = word[1..].chars();
    let flag = letters.find_map(|letter| spec.short(letter).filter(|flag| flag.kind != Kind::Switch))?;
    // What follows the letter is its value.
    letters.as_str().is_empty().then_some(flag)
}

fn values(flag: &Flag, begin: &str, lookups: &dyn Lookups) -> Vec<Candidate> {
    let words = |words: &[&'static str]| words.iter().map(|word| candidate(word, "")).collect();
    match flag.long {
        "file" | "env-file" | "label-file" | "input" | "output" | "iidfile" | "cidfile" | "volume" => {
            plain(lookups.paths(begin))
        }
        "network" => words(&NETWORKS),
        "restart" => words(&["always", "no", "on-failure", "unless-stopped"]),
        "pull" => words(&["always", "missing", "never"]),
        "platform" => words(&["linux/amd64", "linux/arm64"]),
        "format" if flag.about.contains("'table'") => words(&["json", "table"]),
        "format" => words(&["json"]),
        "type" => words(&["container", "image", "network", "volume"]),
        "signal" | "stop-signal" => words(&["SIGHUP", "SIGINT", "SIGKILL", "SIGQUIT", "SIGTERM", "SIGUSR1"]),
        _ => Vec::new(),
    }
}

/// What the argument at `index` may name.
fn named(spec: &Spec, index: usize, begin: &str, lookups: &dyn Lookups) -> Vec<Candidate> {
    match spec.takes {
        Takes::Nothing => Vec::new(),
        Takes::ImageFirst if index > 0 => Vec::new(),
        Takes::Image | Takes::ImageFirst | Takes::Images => plain(lookups.images()),
        // `exec` and `top` take a command after the container.
        Takes::Containers | Takes::Running if spec.order == Order::FlagsFirst && index > 0 => Vec::new(),
        Takes::Containers => plain(lookups.containers(false)),
        Takes::Running => plain(lookups.containers(true)),
        Takes::ContainersAndPaths => {
            let names = lookups.containers(false).into_iter().map(|name| format!("{name}:"));
            plain(names.chain(lookups.paths(begin)))
        }
        Takes::Volumes => plain(lookups.volumes()),
        Takes::Networks => NETWORKS.iter().map(|name| candidate(name, "")).collect(),
        Takes::Registry => plain(lookups.registries()),
        Takes::Paths => plain(lookups.paths(begin)),
        Takes::Anything => {
            let images = lookups.images().into_iter();
            plain(images.chain(lookups.containers(false)).chain(lookups.volumes()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Machine;

    impl Lookups for Machine {
        fn images(&self) -> Vec<String> {
            ["nginx:latest", "alpine:3.9.3"].map(str::to_owned).to_vec()
        }

        fn containers(&self, only_running: bool) -> Vec<String> {
            let all = ["web", "old"];
            all.iter()
                .take(if only_running { 1 } else { 2 })
                .map(|name| (*name).to_owned())
                .collect()
        }

        fn volumes(&self) -> Vec<String> {
            vec!["data".to_owned()]
        }

        fn registries(&self) -> Vec<String> {
            vec!["localhost:5000".to_owned()]
        }

        fn paths(&self, _: &str) -> Vec<String> {
            ["Dockerfile", "src/"].map(str::to_owned).to_vec()
        }
    }

    /// What is offered at the end of a line, joined by blanks.
    fn offered(line: &str) -> String {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let found = complete(&words, &Machine);
        found.into_iter().map(|found| found.text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_line_is_completed_by_what_may_come_next() {
        let cases = [
            ("im", "image images import"),
            ("--ver", "--version"),
            ("image p", "prune pull push"),
            ("help imag", "image images"),
            ("nonsense ", ""),
            // Flags and their values.
            ("images --no", "--no-trunc"),
            ("run --rest", "--restart"),
            ("run --restart ", "always no on-failure unless-stopped"),
            ("run --restart=un", "--restart=unless-stopped"),
            ("run -d --network ", "bridge host none"),
            ("build -f ", "Dockerfile src/"),
            ("save -o ", "Dockerfile src/"),
            ("ps --format ", "json table"),
            ("run -it ", "alpine:3.9.3 nginx:latest"),
            ("run -ite ", ""),
            ("run -e A=b ", "alpine:3.9.3 nginx:latest"),
            // Arguments.
            ("run ", "alpine:3.9.3 nginx:latest"),
            ("run alpine:3.9.3 -", ""),
            ("run alpine:3.9.3 ", ""),
            ("rmi nginx:latest al", "alpine:3.9.3"),
            ("history alpine:3.9.3 ", ""),
            ("stop ", "web"),
            ("rm ", "old web"),
            ("exec w", "web"),
            ("exec web ", ""),
            ("cp ", "Dockerfile old: src/ web:"),
            ("volume rm ", "data"),
            ("network inspect ", "bridge host none"),
            ("login ", "localhost:5000"),
            ("build ", "Dockerfile src/"),
            ("inspect ", "alpine:3.9.3 data nginx:latest old web"),
            ("rm -- -", ""),
        ];
        for (line, expected) in cases {
            assert_eq!(offered(line), expected, "{line}");
        }
    }

    #[test]
    fn commands_say_what_they_are_for() {
        let found = complete(&["rena".to_owned()], &Machine);
        assert_eq!(found[0].about, "Rename a container");
    }

    #[test]
    fn a_dash_before_an_equals_sign_is_no_flag() {
        for last in ["-=x", "-\u{e9}=x", "--=x"] {
            let words = ["run".to_owned(), last.to_owned()];
            assert_eq!(complete(&words, &Machine), [], "{last}");
        }
    }
}
