//! `lists-left-behind`: package lists and caches of package managers that stay in a layer.

use crate::command::commands;
use crate::scene::WORTH_BYTES;
use crate::{Advice, Scene, figures, update};
use dockerfile::{Command, Fix, Kind as Says, Span};
use planner::{Action, MountKind, Run, Step};
use std::collections::BTreeMap;
use store::Content;

const CODE: &str = "lists-left-behind";

/// Something that a package manager leaves.
struct Kind {
    what: &'static str,
    /// Its folder; one that begins with `.` stands in any home.
    folder: &'static str,
    /// How not to leave it.
    hint: &'static str,
    /// What deletes it at the end of a RUN.
    clean: Option<&'static str>,
}

const APT: &str = "var/lib/apt/lists";
const KINDS: [Kind; 9] = [
    Kind {
        what: "apt's package lists",
        folder: APT,
        hint: "End the RUN that fetches them with `&& rm -rf /var/lib/apt/lists/*`.",
        clean: Some("rm -rf /var/lib/apt/lists/*"),
    },
    Kind {
        what: "apt's downloads",
        folder: "var/cache/apt",
        hint: "End the RUN with `&& apt-get clean`.",
        clean: Some("apt-get clean"),
    },
    Kind {
        what: "apk's index",
        folder: "var/cache/apk",
        hint: "Write `apk add --no-cache` and leave out `apk update`.",
        clean: Some("rm -rf /var/cache/apk/*"),
    },
    Kind {
        what: "the cache of dnf",
        folder: "var/cache/dnf",
        hint: "End the RUN with `&& dnf clean all`.",
        clean: Some("dnf clean all"),
    },
    Kind {
        what: "the cache of yum",
        folder: "var/cache/yum",
        hint: "End the RUN with `&& yum clean all`.",
        clean: Some("yum clean all"),
    },
    Kind {
        what: "pip's cache",
        folder: ".cache/pip",
        hint: "Write `pip install --no-cache-dir`, or mount a cache: `RUN --mount=type=cache,target=/root/.cache/pip`.",
        clean: None,
    },
    Kind {
        what: "npm's cache",
        folder: ".npm/_cacache",
        hint: "End the RUN with `&& npm cache clean --force`, or mount a cache: `RUN --mount=type=cache,target=/root/.npm`.",
        clean: Some("npm cache clean --force"),
    },
    Kind {
        what: "yarn's cache",
        folder: ".cache/yarn",
        hint: "End the RUN with `&& yarn cache clean`, or mount a cache: `RUN --mount=type=cache,target=/usr/local/share/.cache`.",
        clean: Some("yarn cache clean"),
    },
    Kind {
        what: "uv's cache",
        folder: ".cache/uv",
        hint: "Mount a cache: `RUN --mount=type=cache,target=/root/.cache/uv`.",
        clean: None,
    },
];

impl Kind {
    fn has(&self, path: &str) -> bool {
        let begins = |path: &str| path.strip_prefix(self.folder).is_some_and(|rest| rest.starts_with('/'));
        if self.folder.starts_with('.') {
            path.match_indices('/').any(|(at, _)| begins(&path[at + 1..])) || begins(path)
        } else {
            begins(path)
        }
    }
}

/// Whether a file is part of a cache that no image needs.
pub(crate) fn is_cache(path: &str) -> bool {
    KINDS.iter().any(|kind| kind.has(path))
}

/// Bytes of such files that a step shipped, and whether any is simulated.
pub(crate) fn bytes_of(scene: &Scene<'_>, step: usize) -> (u64, bool) {
    let files = scene.shipped.iter().flat_map(|shipped| &shipped.usage.files);
    let left = files.filter(|file| scene.maker(file.layer) == Some(step) && is_cache(file.path.as_str()));
    left.fold((0, false), |(bytes, simulated), file| {
        let is_absent = matches!(file.content, Content::Absent { .. });
        (bytes + file.content.size(), simulated || is_absent)
    })
}

pub(crate) fn advise(scene: &Scene<'_>) -> Vec<Advice> {
    match scene.shipped {
        Some(_) => shipped(scene),
        None => written(scene),
    }
}

/// What an image holds.
fn shipped(scene: &Scene<'_>) -> Vec<Advice> {
    let mut sums: BTreeMap<usize, BTreeMap<usize, u64>> = BTreeMap::new();
    for file in scene.shipped.iter().flat_map(|shipped| &shipped.usage.files) {
        let Some(maker) = scene.maker(file.layer) else { continue };
        let Action::Run(run) = &scene.plan.steps[maker].action else {
            continue;
        };
        let kind = KINDS.iter().position(|kind| kind.has(file.path.as_str()));
        // An update alone has advice of its own.
        if let Some(kind) = kind.filter(|_| update::alone(run).is_none()) {
            *sums.entry(kind).or_default().entry(maker).or_default() += file.content.size();
        }
    }
    let mut found = Vec::new();
    for (kind, steps) in sums {
        let bytes = steps.values().sum();
        if bytes >= WORTH_BYTES {
            let steps: Vec<usize> = steps
                .into_iter()
                .filter(|(_, bytes)| *bytes > 0)
                .map(|(step, _)| step)
                .collect();
            found.push(advice(scene, &KINDS[kind], &steps, Some(bytes)));
        }
    }
    found
}

/// What the commands will leave, as far as that is certain: the lists that `apt-get update` fetches.
fn written(scene: &Scene<'_>) -> Vec<Advice> {
    let leaves = |run: &Run| {
        let commands = commands(run);
        let fetches =
            |words: &Vec<String>| matches!(words[0].as_str(), "apt-get" | "apt") && update::verb(words) == "update";
        let Some(at) = commands.iter().position(fetches) else {
            return false;
        };
        // A script may hold anything, the deletion too.
        let is_script = |words: &Vec<String>| words[0].ends_with("sh");
        let deletes = |words: &Vec<String>| words.iter().any(|word| word.contains("/apt/lists")) || is_script(words);
        !commands[at..].iter().any(deletes) && !is_mounted(run) && update::alone(run).is_none()
    };
    let in_image = scene.in_image();
    let steps = scene
        .steps()
        .filter(|(index, step)| in_image.contains(index) && matches!(&step.action, Action::Run(run) if leaves(run)));
    let steps: Vec<usize> = steps.map(|(index, _)| index).collect();
    if steps.is_empty() {
        return Vec::new();
    }
    vec![advice(scene, &KINDS[0], &steps, None)]
}

/// Whether the lists go where no layer sees them.
fn is_mounted(run: &Run) -> bool {
    run.mounts.iter().any(|mount| {
        let is_aside = matches!(mount.kind, MountKind::Cache { .. } | MountKind::Tmpfs { .. });
        is_aside && "/var/lib/apt/lists".starts_with(mount.target.trim_end_matches('/'))
    })
}

fn advice(scene: &Scene<'_>, kind: &Kind, steps: &[usize], bytes: Option<u64>) -> Advice {
    let simulated = steps.iter().any(|step| scene.is_simulated(*step));
    let lines: Vec<usize> = steps.iter().map(|step| scene.plan.steps[*step].lines.0).collect();
    let subject = figures::lines(&lines);
    let both = match (lines.len(), kind.folder == APT) {
        (1, _) => format!("{subject} leaves {} in its layer", kind.what),
        (2, true) => format!("{subject} both fetch {}", kind.what),
        (_, true) => format!("{subject} all fetch {}", kind.what),
        _ => format!("{subject} leave {} in their layers", kind.what),
    };
    let size = bytes.map_or_else(
        || ": a later line cannot take them back".to_owned(),
        |bytes| {
            format!(
                ": {} that a later line cannot take back",
                figures::bytes(bytes, simulated)
            )
        },
    );
    let one = if lines.len() > 1 {
        " One RUN for all of it fetches them once."
    } else {
        ""
    };
    Advice {
        bytes,
        fix: fix(scene, kind, steps),
        ..Advice::of(
            CODE,
            &scene.plan.steps[steps[0]],
            format!("{both}{size}.{one}"),
            kind.hint.to_owned(),
        )
    }
}

/// Lets each RUN end with what deletes them.
fn fix(scene: &Scene<'_>, kind: &Kind, steps: &[usize]) -> Option<Fix> {
    let clean = kind.clean?;
    let edit = |step: &usize| {
        let step: &Step = &scene.plan.steps[*step];
        let instruction = scene.instruction(step)?;
        let is_shell =
            matches!(&instruction.kind, Says::Run { command: Command::Shell(text), .. } if !text.contains('#'));
        let end = Span {
            start: instruction.span.end,
            end: instruction.span.end,
        };
        let text = format!(" && {}\n    {clean}", scene.file.escape);
        (is_shell && instruction.heredocs.is_empty()).then_some((end, text))
    };
    let edits: Option<Vec<(Span, String)>> = steps.iter().map(edit).collect();
    Some(Fix {
        title: format!("add {clean}"),
        edits: edits?,
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{Bench, codes, fixed};

    const TWICE: &str =
        "FROM scratch\nRUN apt-get update && apt-get install -y a\nRUN apt-get update && apt-get install -y b\n";

    #[test]
    fn lists_that_two_lines_fetch_are_summed() {
        let lists: &[(&str, u64)] = &[("var/lib/apt/lists/main", 17_700_000)];
        let bench = Bench::new(TWICE, &[])
            .layers(&[lists, lists])
            .costing(2, 1, 1)
            .costing(3, 1, 1);
        let found = bench.advise();
        assert_eq!(
            found[0].message,
            "Lines 2 and 3 both fetch apt's package lists: 35.4 MB (simulated) that a later line cannot take back. One RUN for all \
             of it fetches them once."
        );
        assert_eq!(
            (codes(&found), found[0].bytes),
            (vec!["lists-left-behind"], Some(35_400_000))
        );
    }

    #[test]
    fn the_mended_file_has_nothing_to_report() {
        let found = Bench::new(TWICE, &[]).advise();
        let mended = fixed(TWICE, &found[0]);
        assert_eq!(mended.matches("rm -rf /var/lib/apt/lists/*").count(), 2, "{mended}");
        assert_eq!(codes(&Bench::new(&mended, &[]).advise()), Vec::<&str>::new());
    }

    #[test]
    fn caches_in_any_home_count() {
        let text = "FROM scratch\nRUN pip install flask\n";
        for path in ["root/.cache/pip/a", "home/me/.cache/pip/a"] {
            let bench = Bench::new(text, &[]).layers(&[&[(path, 3_000_000)]]);
            assert_eq!(codes(&bench.advise()), ["lists-left-behind"]);
        }
        let none = Bench::new(text, &[]).layers(&[&[("root/.cache/piper/a", 3_000_000)]]);
        assert_eq!(codes(&none.advise()), Vec::<&str>::new());
    }

    #[test]
    fn lists_that_are_deleted_or_mounted_are_fine() {
        let good = [
            "FROM scratch\nRUN apt-get update && apt-get install -y a && rm -rf /var/lib/apt/lists/*\n",
            "FROM scratch\nRUN --mount=type=cache,target=/var/lib/apt apt-get update && apt-get install -y a\n",
        ];
        for text in good {
            assert_eq!(codes(&Bench::new(text, &[]).advise()), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn a_stage_that_is_not_shipped_may_keep_its_lists() {
        let text =
            "FROM scratch AS a\nRUN apt-get update && apt-get install -y b\nFROM scratch\nCOPY --from=a /usr/bin/b /\n";
        assert_eq!(codes(&Bench::new(text, &[]).advise()), Vec::<&str>::new());
    }
}
