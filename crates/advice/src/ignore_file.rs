//! `ignore-file`: folders that are most of what a COPY takes, and that the image makes itself or never needs.

use crate::command::commands;
use crate::copied::{ContextFile, Takes, files};
use crate::{Advice, Scene, figures};
use planner::{Action, Step};
use std::collections::BTreeMap;

const CODE: &str = "ignore-file";

/// A folder that need not be in a context, and the programs that make it in the image; without one of them it may be wanted.
struct Folder {
    name: &'static str,
    made_by: &'static [&'static str],
}

const PYTHON: &[&str] = &["pip", "pip3", "python", "python3", "poetry", "pipenv", "uv"];
const NODE: &[&str] = &["npm", "yarn", "pnpm", "bun"];
const FOLDERS: [Folder; 16] = [
    Folder {
        name: ".git",
        made_by: &[],
    },
    Folder {
        name: ".svn",
        made_by: &[],
    },
    Folder {
        name: ".hg",
        made_by: &[],
    },
    Folder {
        name: ".idea",
        made_by: &[],
    },
    Folder {
        name: ".vscode",
        made_by: &[],
    },
    Folder {
        name: ".terraform",
        made_by: &[],
    },
    Folder {
        name: "__pycache__",
        made_by: &[],
    },
    Folder {
        name: ".pytest_cache",
        made_by: &[],
    },
    Folder {
        name: ".mypy_cache",
        made_by: &[],
    },
    Folder {
        name: ".tox",
        made_by: &[],
    },
    Folder {
        name: "node_modules",
        made_by: NODE,
    },
    Folder {
        name: ".next",
        made_by: NODE,
    },
    Folder {
        name: "target",
        made_by: &["cargo", "mvn", "mvnw", "sbt"],
    },
    Folder {
        name: ".gradle",
        made_by: &["gradle", "gradlew"],
    },
    Folder {
        name: ".venv",
        made_by: PYTHON,
    },
    Folder {
        name: "venv",
        made_by: PYTHON,
    },
];

pub(crate) fn advise(scene: &Scene<'_>) -> Vec<Advice> {
    let Some(context) = scene.context else {
        return Vec::new();
    };
    let folders = needless(scene);
    let within = |file: ContextFile| {
        let (above, _) = file.path.rsplit_once('/').unwrap_or_default();
        let folder = above
            .split('/')
            .find_map(|part| folders.iter().find(|name| **name == part).copied());
        (file, folder)
    };
    let files: Vec<Placed> = files(context).into_iter().map(within).collect();
    if files.iter().all(|(_, folder)| folder.is_none()) {
        return Vec::new();
    }
    // The first COPY that takes most of it counts; an ignore file helps all of them.
    let found = scene.steps().find_map(|(_, step)| judge(scene, step, &files));
    found.into_iter().collect()
}

/// The names of the folders that the image needs no copy of.
fn needless(scene: &Scene<'_>) -> Vec<&'static str> {
    let runs = scene.steps().filter_map(|(_, step)| match &step.action {
        Action::Run(run) => Some(run),
        _ => None,
    });
    let programs: Vec<String> = runs
        .flat_map(commands)
        .filter_map(|words| words.into_iter().next())
        .collect();
    let is_made = |folder: &&Folder| {
        folder.made_by.is_empty()
            || programs
                .iter()
                .any(|program| folder.made_by.contains(&program.as_str()))
    };
    FOLDERS.iter().filter(is_made).map(|folder| folder.name).collect()
}

/// A file, and the needless folder it lies in, if it does.
type Placed = (ContextFile, Option<&'static str>);

fn judge(scene: &Scene<'_>, step: &Step, files: &[Placed]) -> Option<Advice> {
    let takes = Takes::of(scene.plan, &step.action)?;
    let mut all = 0;
    let mut needless: BTreeMap<&'static str, u64> = BTreeMap::new();
    for (file, folder) in files.iter().filter(|(file, _)| takes.has(&file.path)) {
        all += file.size();
        if let Some(folder) = folder {
            *needless.entry(folder).or_default() += file.size();
        }
    }
    let bytes: u64 = needless.values().sum();
    if bytes == 0 || bytes * 2 < all {
        return None;
    }
    let mut names: Vec<(&str, u64)> = needless.into_iter().filter(|(_, bytes)| *bytes > 0).collect();
    names.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let names: Vec<String> = names.into_iter().map(|(name, _)| name.to_owned()).collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    let message = format!(
        "{} {verb} {} of the {} that line {} sends to the builder and copies: an ignore file keeps them out.",
        figures::list(&names),
        figures::bytes(bytes, false),
        figures::bytes(all, false),
        step.lines.0
    );
    let rules: Vec<String> = names.iter().map(|name| format!("`**/{name}`")).collect();
    Some(Advice {
        bytes: Some(bytes),
        ..Advice::of(
            CODE,
            step,
            message,
            format!("Write {} into .dockerignore, each on a line.", rules.join(", ")),
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{Bench, codes};

    const TEXT: &str = "FROM scratch\nCOPY package.json ./\nRUN npm ci\nCOPY . .\n";

    #[test]
    fn folders_that_are_most_of_the_context_are_weighed() {
        let much = "x".repeat(1500);
        let files = [
            ("package.json", "{}"),
            ("node_modules/a/index.js", much.as_str()),
            (".git/HEAD", "ref"),
        ];
        let found = Bench::new(TEXT, &files).advise();
        assert_eq!(
            found[0].message,
            "node_modules and .git are 1.5 kB of the 1.5 kB that line 4 sends to the builder and copies: an ignore file keeps \
             them out."
        );
        assert_eq!((codes(&found), found[0].bytes), (vec!["ignore-file"], Some(1503)));
        assert!(
            found[0].hint.contains("`**/node_modules`, `**/.git`"),
            "{}",
            found[0].hint
        );
    }

    #[test]
    fn a_folder_that_the_image_does_not_make_may_be_wanted() {
        let files = &[("node_modules/a.js", "1234567890")];
        assert_eq!(
            codes(&Bench::new("FROM scratch\nCOPY . /app\n", files).advise()),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn what_is_left_out_or_small_is_fine() {
        let files = &[("a.js", "1234567890"), (".git/HEAD", "ref")];
        assert_eq!(codes(&Bench::new(TEXT, files).advise()), Vec::<&str>::new());
        let most = &[("a.js", "1"), (".git/HEAD", "ref")];
        let narrow = "FROM scratch\nCOPY a.js /\n";
        assert_eq!(codes(&Bench::new(narrow, most).advise()), Vec::<&str>::new());
    }
}
