//! Commands that install, and the few files that they read.

use crate::command::{is_operand, last};

/// An installation that a RUN does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Install {
    /// The command in short: `npm ci`.
    pub(crate) what: String,
    /// Names of the files that it reads, `*` for anything; none for packages of the system.
    pub(crate) reads: Vec<String>,
}

const NPM: [&str; 9] = [
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
];

/// The installation that a simple command is; `None` if it is none, or may read more than a few files.
pub(crate) fn install(words: &[String]) -> Option<Install> {
    let program = words.first()?.as_str();
    let operands: Vec<&str> = words[1..]
        .iter()
        .map(String::as_str)
        .filter(|word| is_operand(word))
        .collect();
    let verb = operands.first().copied().unwrap_or("");
    let reads: Vec<String> = match (program, verb) {
        ("npm", "ci" | "install" | "i") | ("yarn" | "pnpm", "install" | "i") if operands.len() == 1 => owned(&NPM),
        ("yarn", "") if words.len() == 1 => owned(&NPM),
        ("pip" | "pip3", "install") => requirements(words)?,
        ("python" | "python3", "pip") if operands.get(1) == Some(&"install") => requirements(words)?,
        ("go", "mod") if operands.get(1) == Some(&"download") => owned(&["go.mod", "go.sum", "go.work", "go.work.sum"]),
        ("bundle", "install") => owned(&["Gemfile", "Gemfile.lock", ".ruby-version"]),
        ("composer", "install") => owned(&["composer.json", "composer.lock"]),
        ("poetry", "install") => owned(&["pyproject.toml", "poetry.lock"]),
        ("pipenv", "install" | "sync") => owned(&["Pipfile", "Pipfile.lock"]),
        ("uv", "sync") => owned(&["pyproject.toml", "uv.lock", ".python-version"]),
        ("apt-get" | "apt" | "dnf" | "yum" | "microdnf", "install") | ("apk", "add") => {
            // A package in a file, or a list that a command makes, may come from the context.
            let is_local = |word: &&str| word.contains(['/', '$', '`', '<', '*']) || ends(word, ".deb");
            if operands.len() < 2 || operands.iter().any(is_local) {
                return None;
            }
            Vec::new()
        }
        _ => return None,
    };
    let short = match program {
        "python" | "python3" => "pip install".to_owned(),
        "go" => "go mod download".to_owned(),
        _ if verb.is_empty() => program.to_owned(),
        _ => format!("{program} {verb}"),
    };
    Some(Install { what: short, reads })
}

/// The files of `pip install -r FILE`; `None` if it installs a folder, or a file that is not named plainly.
fn requirements(words: &[String]) -> Option<Vec<String>> {
    let mut files = Vec::new();
    let mut rest = words.iter().skip_while(|word| *word != "install").skip(1);
    while let Some(word) = rest.next() {
        match word.as_str() {
            "-r" | "--requirement" | "-c" | "--constraint" => files.push(last(rest.next()?).to_owned()),
            "-e" | "--editable" => return None,
            word if word.starts_with("-r") => files.push(last(&word[2..]).to_owned()),
            word if word == "." || word.starts_with(['.', '/', '$']) || ends(word, ".whl") => return None,
            _ => {}
        }
    }
    Some(files)
}

/// Names of packages are in lower case.
fn ends(word: &str, end: &str) -> bool {
    word.ends_with(end)
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str) -> Option<Vec<String>> {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        install(&words).map(|install| install.reads)
    }

    #[test]
    fn an_installation_reads_its_manifests() {
        assert!(reads("npm ci --omit=dev").unwrap().contains(&"package.json".to_owned()));
        assert_eq!(reads("pip install --no-cache-dir -r a/dev.txt").unwrap(), ["dev.txt"]);
        assert_eq!(reads("apt-get install -y curl").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_may_read_anything_is_not_judged() {
        for text in [
            "pip install .",
            "pip install -e .",
            "apt-get install ./a.deb",
            "make install",
            "npm run build",
        ] {
            assert_eq!(reads(text), None, "{text}");
        }
    }
}
