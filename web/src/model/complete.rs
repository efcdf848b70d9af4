//! Words that could stand where the cursor is.

/// An offer: what is written, and a word about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    /// The text to write.
    pub(crate) label: String,
    /// What it is for.
    pub(crate) detail: String,
}

/// What a completion may draw on besides the line itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    /// Names of the stages.
    pub(crate) stages: &'a [String],
    /// Base images of the catalogue.
    pub(crate) images: &'a [(String, u64)],
    /// Paths of the context.
    pub(crate) paths: &'a [String],
}

const INSTRUCTIONS: [(&str, &str); 17] = [
    ("FROM", "begin a stage on a base image"),
    ("RUN", "run a command, keep what it changed"),
    ("COPY", "copy files from the context or a stage"),
    ("ADD", "copy files, fetch a URL, unpack an archive"),
    ("WORKDIR", "directory for what follows"),
    ("ENV", "environment variable, in the image too"),
    ("ARG", "variable of the build only"),
    ("CMD", "what a container runs by default"),
    ("ENTRYPOINT", "what a container always runs"),
    ("EXPOSE", "say which port it listens on"),
    ("LABEL", "a key and a value about the image"),
    ("USER", "who runs what follows"),
    ("VOLUME", "directory that outlives a container"),
    ("STOPSIGNAL", "signal that stops a container"),
    ("HEALTHCHECK", "command that tells if it still works"),
    ("SHELL", "shell for RUN, CMD and ENTRYPOINT"),
    ("ONBUILD", "instruction for images built on this one"),
];

const FLAGS: [(&str, &[(&str, &str)]); 4] = [
    ("FROM", &[("--platform=", "such as linux/amd64")]),
    (
        "RUN",
        &[
            ("--mount=type=bind,", "files of the context or a stage, not kept"),
            ("--mount=type=cache,target=", "a directory kept between builds"),
            ("--mount=type=secret,id=", "a secret, not kept in the image"),
            ("--network=none", "no network"),
        ],
    ),
    (
        "COPY",
        &[
            ("--from=", "a stage or an image instead of the context"),
            ("--chown=", "owner, such as 1000:1000"),
            ("--chmod=", "mode, such as 0755"),
            ("--link", "a layer of its own, whatever is below"),
            ("--parents", "keep the directories of the source"),
            ("--exclude=", "leave out what this pattern matches"),
        ],
    ),
    (
        "ADD",
        &[
            ("--checksum=", "sha256 of what a URL gives"),
            ("--chown=", "owner, such as 1000:1000"),
            ("--chmod=", "mode, such as 0755"),
            ("--unpack=true", "unpack an archive"),
        ],
    ),
];

/// Offers for the end of `before`, the text from the line's start to the cursor, and how many bytes of it they replace.
pub(crate) fn offers(before: &str, known: &Known) -> (usize, Vec<Offer>) {
    let word = before.rsplit(char::is_whitespace).next().unwrap_or("");
    let keyword = before.split_whitespace().next().unwrap_or("").to_uppercase();
    if before.trim_start() == word {
        return (word.len(), table(&INSTRUCTIONS, word));
    }
    if let Some(stage) = word.strip_prefix("--from=") {
        let stages = known.stages.iter().filter(|name| !name.is_empty());
        return (
            stage.len(),
            pick(stages.map(|name| (name.clone(), "stage".to_owned())), stage),
        );
    }
    if word.starts_with("--") {
        let flags = FLAGS
            .iter()
            .find(|(name, _)| *name == keyword)
            .map_or(&[][..], |(_, flags)| flags);
        return (word.len(), table(flags, word));
    }
    let offers = match keyword.as_str() {
        "FROM" => {
            let stages = known
                .stages
                .iter()
                .filter(|name| !name.is_empty())
                .map(|name| (name.clone(), "stage".to_owned()));
            let images = known
                .images
                .iter()
                .map(|(name, bytes)| (name.clone(), crate::words::bytes(*bytes)));
            pick(stages.chain(images), word)
        }
        "COPY" | "ADD" if !word.is_empty() => pick(
            known
                .paths
                .iter()
                .map(|path| (path.clone(), "file of the context".to_owned())),
            word,
        ),
        _ => Vec::new(),
    };
    (word.len(), offers)
}

fn table(words: &[(&str, &str)], typed: &str) -> Vec<Offer> {
    pick(
        words
            .iter()
            .map(|(label, detail)| ((*label).to_owned(), (*detail).to_owned())),
        typed,
    )
}

fn pick(words: impl Iterator<Item = (String, String)>, typed: &str) -> Vec<Offer> {
    let typed = typed.to_lowercase();
    let fits = words.filter(|(label, _)| label.to_lowercase().starts_with(&typed));
    fits.take(50).map(|(label, detail)| Offer { label, detail }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(before: &str) -> (usize, Vec<String>) {
        let known = Known {
            stages: &["build".to_owned(), String::new()],
            images: &[("alpine:3.9.3".to_owned(), 5_000_000)],
            paths: &["src/main.go".to_owned()],
        };
        let (n, offers) = offers(before, &known);
        (n, offers.into_iter().map(|offer| offer.label).collect())
    }

    #[test]
    fn a_line_begins_with_an_instruction() {
        assert_eq!(labels("wo"), (2, vec!["WORKDIR".to_owned()]));
        assert_eq!(labels("").1.len(), INSTRUCTIONS.len());
    }

    #[test]
    fn from_takes_stages_and_images() {
        assert_eq!(labels("FROM ").1, ["build", "alpine:3.9.3"]);
        assert_eq!(labels("COPY --from=b"), (1, vec!["build".to_owned()]));
    }

    #[test]
    fn flags_are_those_of_the_instruction() {
        assert_eq!(labels("copy --ch").1, ["--chown=", "--chmod="]);
        assert_eq!(labels("ENV --").1, Vec::<String>::new());
    }

    #[test]
    fn sources_are_files_of_the_context() {
        assert_eq!(labels("COPY src/").1, ["src/main.go"]);
    }
}
