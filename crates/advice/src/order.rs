//! `cache-order`: files copied before an installation that reads few of them, so that every edit installs again.

use crate::command::commands;
use crate::copied::{ContextFile, Takes, files};
use crate::figures::{bytes, list, seconds};
use crate::installs::{Install, install};
use crate::{Advice, Cost, Scene};
use dockerfile::{Fix, Instruction, Kind, Span};
use planner::{Action, Run, Step};

const CODE: &str = "cache-order";
/// No manifest that is read for signs of more inputs is longer.
const MAX_MANIFEST: u64 = 1 << 20;

pub(crate) fn advise(scene: &Scene<'_>) -> Vec<Advice> {
    let files = scene.context.map(files);
    let runs = scene.steps().filter_map(|(index, step)| match &step.action {
        Action::Run(run) => Some((index, step, run)),
        _ => None,
    });
    runs.filter_map(|(index, step, run)| {
        let waste = waste(scene, step, run, files.as_deref())?;
        Some(advice(scene, index, step, &waste))
    })
    .collect()
}

/// A COPY that stands before an installation without need.
struct Waste<'a> {
    install: Install,
    copy: &'a Step,
    /// Paths of what the installation reads; names, if the context is not known.
    reads: Vec<String>,
    /// How many other files are copied; `None` if the context is not known.
    n_others: Option<usize>,
}

fn waste<'a>(scene: &Scene<'a>, step: &Step, run: &Run, files: Option<&[ContextFile]>) -> Option<Waste<'a>> {
    let install = commands(run).iter().find_map(|words| install(words))?;
    let is_system = install.reads.is_empty();
    let mut found: Option<Waste<'a>> = None;
    let mut reads = Vec::new();
    for below in scene.below(step) {
        let copy = &scene.plan.steps[below];
        let Some(takes) = Takes::of(scene.plan, &copy.action) else {
            continue;
        };
        // Packages of the system may want the sources and keys that a narrow COPY brings.
        let is_judged = takes.is_all() || (files.is_some() && !is_system && !is_configuration(&copy.action));
        let n_others = files.map(|files| {
            let taken = files.iter().filter(|file| takes.has(&file.path));
            let (needed, others): (Vec<_>, Vec<_>) = taken.partition(|file| is_read(&install, file));
            reads.extend(needed.into_iter().cloned());
            others.len()
        });
        if is_judged && n_others != Some(0) && copy.instruction.is_some() {
            // The earliest one counts: it makes everything after it new.
            found = Some(Waste {
                install: install.clone(),
                copy,
                reads: Vec::new(),
                n_others,
            });
        }
    }
    let mut found = found?;
    if files.is_some() {
        if (reads.is_empty() && !is_system) || reads.iter().any(|file| reads_more(scene, file)) {
            return None;
        }
        found.reads = reads.into_iter().map(|file| file.path).collect();
        found.reads.sort();
        found.reads.dedup();
    }
    Some(found)
}

fn is_read(install: &Install, file: &ContextFile) -> bool {
    let is_installed = file
        .path
        .split('/')
        .any(|part| matches!(part, "node_modules" | "vendor"));
    !is_installed && install.reads.iter().any(|name| name == file.name())
}

/// Whether a COPY goes where programs look for their settings.
fn is_configuration(action: &Action) -> bool {
    matches!(action, Action::Copy(copy) if copy.dest.starts_with("/etc/") || copy.dest.starts_with("/root/."))
}

/// Whether a manifest asks for files of the project: then nothing can be said of what the installation reads.
fn reads_more(scene: &Scene<'_>, file: &ContextFile) -> bool {
    const SIGNS: [&str; 7] = [
        "\"preinstall\"",
        "\"postinstall\"",
        "\"prepare\"",
        "\"file:",
        "\"link:",
        "-e .",
        "path = \"",
    ];
    let store::Content::Blob { digest, size } = file.content else {
        return false;
    };
    let text = scene
        .blobs
        .filter(|_| size <= MAX_MANIFEST)
        .and_then(|blobs| blobs.get(&digest).ok());
    text.is_some_and(|text| {
        let text = String::from_utf8_lossy(&text);
        SIGNS.iter().any(|sign| text.contains(sign))
    })
}

fn advice(scene: &Scene<'_>, index: usize, step: &Step, waste: &Waste<'_>) -> Advice {
    let what = &waste.install.what;
    let needs = match (waste.install.reads.as_slice(), waste.reads.as_slice()) {
        ([], _) => "nothing of the context".to_owned(),
        (_, []) => "only a few files".to_owned(),
        (_, paths) => format!("only {}", list(paths)),
    };
    let others = match waste.n_others {
        None => "everything".to_owned(),
        Some(1) => "1 other file".to_owned(),
        Some(n) => format!("{n} other files"),
    };
    let cost = scene.cost(index).filter(|cost| cost.millis > 0 || cost.bytes > 0);
    let message = format!(
        "{what} reads {needs}, but line {} copies {others} before it: an edit of any of them runs it again{}.",
        waste.copy.lines.0,
        cost.map_or_else(String::new, price)
    );
    let hint = if waste.install.reads.is_empty() {
        format!("Put this RUN before line {}.", waste.copy.lines.0)
    } else {
        format!("Copy what {what} reads first, then run it, then copy the rest.")
    };
    Advice {
        bytes: cost.map(|cost| cost.bytes),
        millis: cost.map(|cost| cost.millis),
        fix: fix(scene, step, waste),
        ..Advice::of(CODE, step, message, hint)
    }
}

/// `, 12.3 s and 4.1 MB (simulated)`
fn price(cost: Cost) -> String {
    match cost.bytes {
        0 => format!(", {}", seconds(cost.millis, cost.simulated)),
        n => format!(", {} and {}", seconds(cost.millis, false), bytes(n, cost.simulated)),
    }
}

/// Manifests first, then the installation, then the COPY; where both are plain lines that follow each other.
fn fix(scene: &Scene<'_>, step: &Step, waste: &Waste<'_>) -> Option<Fix> {
    let (copy, run) = (scene.instruction(waste.copy)?, scene.instruction(step)?);
    let is_next = waste.copy.instruction? + 1 == step.instruction?;
    let Kind::Copy(transfer) = &copy.kind else { return None };
    let is_plain = |instruction: &Instruction| {
        instruction.lines.0 == instruction.lines.1 && instruction.flags.is_empty() && instruction.comments.is_empty()
    };
    let are_plain = copy.flags.is_empty() && copy.lines.0 == copy.lines.1 && is_plain(run);
    let is_word = |text: &str| !text.contains(|c: char| c.is_whitespace() || "/[]\"'*?\\$".contains(c));
    let dest = transfer.dest.value.trim_end_matches('/');
    if !is_next || !are_plain || dest.contains([' ', '"', '\'', ']']) || !waste.reads.iter().all(|path| is_word(path)) {
        return None;
    }
    let first = match waste.reads.as_slice() {
        [] if waste.install.reads.is_empty() => String::new(),
        [] => return None,
        paths => format!("COPY {} {dest}/\n", paths.join(" ")),
    };
    let at = copy.span.start;
    Some(Fix {
        title: format!("run {} before line {}", waste.install.what, copy.lines.0),
        edits: vec![
            (Span { start: at, end: at }, format!("{first}{}\n", run.original)),
            (
                Span {
                    start: copy.span.end,
                    end: run.span.end,
                },
                String::new(),
            ),
        ],
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{Bench, codes, fixed};

    const BAD: &str = "FROM scratch\nWORKDIR /app\nCOPY . .\nRUN npm ci\n";
    const FILES: &[(&str, &str)] = &[("package.json", "{}"), ("package-lock.json", "{}"), ("src/a.js", "1")];

    #[test]
    fn everything_copied_before_an_installation_is_reported_with_its_cost() {
        let bench = Bench::new(BAD, FILES).costing(4, 12_300, 41_200_000);
        let found = bench.advise();
        assert_eq!(
            found[0].message,
            "npm ci reads only package-lock.json and package.json, but line 3 copies 1 other file before it: an edit of any of \
             them runs it again, 12.3 s and 41.2 MB (simulated)."
        );
        assert_eq!(
            (found[0].line, found[0].millis, found[0].bytes),
            (4, Some(12_300), Some(41_200_000))
        );
    }

    #[test]
    fn the_mended_file_has_nothing_to_report() {
        let bench = Bench::new(BAD, FILES);
        let mended = fixed(BAD, &bench.advise()[0]);
        assert_eq!(
            mended,
            "FROM scratch\nWORKDIR /app\nCOPY package-lock.json package.json ./\nRUN npm ci\nCOPY . .\n"
        );
        assert_eq!(codes(&Bench::new(&mended, FILES).advise()), Vec::<&str>::new());
    }

    #[test]
    fn system_packages_read_nothing_of_the_context() {
        let text = "FROM scratch\nCOPY . /src\nRUN apk add --no-cache curl\n";
        let found = Bench::new(text, FILES).advise();
        assert_eq!(codes(&found), ["cache-order"]);
        assert_eq!(
            fixed(text, &found[0]),
            "FROM scratch\nRUN apk add --no-cache curl\nCOPY . /src\n"
        );
    }

    #[test]
    fn a_manifest_that_asks_for_more_is_not_judged() {
        let files = &[
            ("package.json", "{\"scripts\":{\"postinstall\":\"node a.js\"}}"),
            ("a.js", ""),
        ];
        assert_eq!(codes(&Bench::new(BAD, files).advise()), Vec::<&str>::new());
    }

    #[test]
    fn an_installation_before_the_rest_or_of_the_folder_itself_is_fine() {
        let good = [
            "FROM scratch\nCOPY package*.json ./\nRUN npm ci\nCOPY . .\n",
            "FROM scratch\nCOPY . .\nRUN pip install .\n",
            "FROM scratch\nCOPY keys.gpg /etc/apt/\nRUN apt-get install -y curl\n",
        ];
        for text in good {
            assert_eq!(codes(&Bench::new(text, FILES).advise()), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn without_a_context_only_a_copy_of_everything_is_judged() {
        assert_eq!(codes(&Bench::without_context(BAD).advise()), ["cache-order"]);
        let narrow = "FROM scratch\nCOPY package.json ./\nRUN npm ci\n";
        assert_eq!(codes(&Bench::without_context(narrow).advise()), Vec::<&str>::new());
    }
}
