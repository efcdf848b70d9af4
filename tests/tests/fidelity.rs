//! Makes `docs/fidelity.md` by trying every instruction, flag and mount, and holds the file to it.
//!
//! `UPDATE=1 cargo test -p tests --test fidelity` writes it. What is tried stands in `fixtures/fidelity.txt`: a name, and below it a
//! Dockerfile whose lines with `+` are there only with the piece that is tried, those with `-` only without it.
#![cfg(not(target_arch = "wasm32"))]

#[path = "fidelity/probe.rs"]
mod probe;

use dockerfile::INSTRUCTIONS;
use planner::{MOUNT_FIELDS, MOUNT_TYPES};
use probe::{Bench, Trial, Verdict, Verdicts};
use std::fmt::Write;
use std::fs;
use std::path::Path;

const SAMPLES: &str = include_str!("../fixtures/fidelity.txt");
const HEAD: &str = include_str!("../fixtures/fidelity.head.md");
/// Fields that BuildKit takes and does not suggest.
const UNSUGGESTED: [&str; 2] = ["env", "readwrite"];

/// The samples, each with its name, in the order of the file.
fn samples() -> Vec<(&'static str, Trial)> {
    SAMPLES.split("\n\n").map(sample).collect()
}

fn sample(text: &'static str) -> (&'static str, Trial) {
    let (name, body) = text.trim().split_once('\n').expect("a name and a Dockerfile");
    let lines: Vec<(char, &str)> = body
        .lines()
        .map(|line| (line.chars().next().expect("no empty lines"), &line[1..]))
        .collect();
    let keep = |other: char| {
        let kept = lines.iter().filter(|(mark, _)| *mark != other);
        kept.fold(String::new(), |text, (_, line)| text + line + "\n")
    };
    let before = lines.iter().take_while(|(mark, _)| *mark != '+');
    let trial = Trial {
        with: keep('-'),
        without: keep('+'),
        line: before.filter(|(mark, _)| *mark == ' ').count() + 1,
    };
    (name, trial)
}

/// A mount with one field more, and what makes it visible.
fn field_trial(kind: &str, field: &str) -> Trial {
    let value = match field {
        "type" => kind,
        "from" => "seed",
        "source" | "src" | "id" if kind == "secret" => "token",
        "source" | "src" => "/sub",
        "target" | "dst" | "destination" => "/other",
        "id" => "other",
        "sharing" => "locked",
        "size" => "1m",
        "mode" => "0711",
        "uid" | "gid" => "7",
        "env" => "TOKEN",
        "rw" | "readwrite" | "readonly" | "ro" | "required" => "true",
        _ => panic!("expected a value for the field {field} here, found none"),
    };
    let others = match (kind, field) {
        ("secret", "source" | "src" | "id") => "",
        ("secret", "required") => ",id=absent",
        ("secret", _) => ",id=token",
        ("cache", "source" | "src") => ",from=seed",
        _ => "",
    };
    let place = if kind == "ssh" { "" } else { ",target=/m" };
    let base = format!("type={kind}{others}{place}");
    // What the mount of the line before leaves in a cache is there only under the same identity.
    let before = if field == "id" && kind == "cache" {
        "RUN --mount=type=cache,target=/m touch /m/kept\n"
    } else {
        ""
    };
    let file = |mount: &str| {
        format!(
            "FROM alpine:3.9.3 AS seed\nRUN mkdir /sub && touch /sub/below\nFROM alpine:3.9.3\n{before}\
             RUN --mount={mount} ls -lan /m /other; cat /m; touch /m/new; env; true\n"
        )
    };
    Trial {
        line: 4 + before.lines().count(),
        with: file(&format!("{base},{field}={value}")),
        without: file(&base),
    }
}

/// A verdict as the table has it.
fn cell(verdict: &Verdict, exact: &str) -> String {
    match verdict {
        Verdict::Exact => exact,
        Verdict::Model => "model",
        Verdict::Nothing => "no effect",
        Verdict::Refused(_) => "no",
    }
    .to_owned()
}

fn said(verdicts: &Verdicts) -> &str {
    match &verdicts.simulated {
        Verdict::Refused(message) => message,
        _ => "",
    }
}

fn page() -> String {
    let (mut page, mut bench) = (HEAD.to_owned(), Bench::default());
    write!(
        page,
        "\n## Where the code differs on purpose\n\nEach is marked `DIFFERENCE` where it is made.\n\n{}",
        differences()
    )
    .expect("a text");
    page += "\n## Instructions and flags\n\n| what | parsed | planned | simulated | what it says |\n|---|---|---|---|---|\n";
    let mut samples = samples();
    samples.sort_by_key(|(name, _)| keyword(name));
    for (name, trial) in samples {
        let verdicts = bench.try_out(&trial);
        let cells = [
            cell(&verdicts.parsed, "yes"),
            cell(&verdicts.planned, "yes"),
            cell(&verdicts.simulated, "exact"),
        ];
        let message = said(&verdicts).replace('|', "\\|");
        writeln!(page, "| `{name}` | {} | {message} |", cells.join(" | ")).expect("a text");
    }
    page += "\n## Fields of `RUN --mount`\n\nEach cell says what is planned, and what a preview shows.\n\n| field |";
    for kind in MOUNT_TYPES {
        write!(page, " {kind} |").expect("a text");
    }
    page += "\n|---|---|---|---|---|---|\n";
    let mut fields: Vec<&str> = MOUNT_FIELDS.into_iter().chain(UNSUGGESTED).collect();
    fields.retain(|field| *field != "type");
    fields.sort_unstable();
    for field in fields {
        write!(page, "| `{field}` |").expect("a text");
        for kind in MOUNT_TYPES {
            let verdicts = bench.try_out(&field_trial(kind, field));
            let text = match (&verdicts.planned, &verdicts.simulated) {
                (Verdict::Refused(_), _) => "refused".to_owned(),
                (Verdict::Nothing, Verdict::Nothing) => "no effect".to_owned(),
                (planned, simulated) => format!("{}, {}", cell(planned, "planned"), cell(simulated, "exact")),
            };
            write!(page, " {text} |").expect("a text");
        }
        page += "\n";
    }
    page
}

/// The paragraphs of comments that say `DIFFERENCE`, without that word.
fn marked(source: &str) -> Vec<String> {
    let words = |line: &str| {
        line.trim()
            .strip_prefix("//")
            .map(|rest| rest.trim_matches(['/', '!', ' ']).to_owned())
    };
    let lines: Vec<String> = source.lines().map(|line| words(line).unwrap_or_default()).collect();
    let paragraphs = lines.split(String::is_empty).map(|lines| lines.join(" "));
    paragraphs
        .filter(|text| text.contains("DIFFERENCE: "))
        .map(|text| text.replacen("DIFFERENCE: ", "", 1))
        .collect()
}

/// What the code itself marks as different from BuildKit, with the file that says so.
fn differences() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the workspace") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                let text = fs::read_to_string(&path).expect("sources are UTF-8");
                let file = path.strip_prefix(&root).expect("it lies below").display().to_string();
                found.extend(marked(&text).iter().map(|words| format!("- `{file}`: {words}\n")));
            }
        }
    }
    found.sort();
    found.concat()
}

/// The keyword that a sample's name begins with.
fn keyword(name: &str) -> &str {
    name.split(' ').next().expect("a text has a first word")
}

#[test]
fn every_instruction_flag_and_mount_is_tried() {
    let samples = samples();
    let is_tried = |keyword: &str, rest: &str| {
        samples
            .iter()
            .any(|(name, _)| self::keyword(name) == keyword && name.contains(rest))
    };
    let mut missing = Vec::new();
    for syntax in INSTRUCTIONS {
        let is_plain = |name: &&str| self::keyword(name) == syntax.keyword && !name.contains("--");
        if !samples.iter().any(|(name, _)| is_plain(name)) {
            missing.push(syntax.keyword.to_owned());
        }
        for (flag, _) in syntax.flags {
            if !is_tried(syntax.keyword, &format!(" --{flag}")) {
                missing.push(format!("{} --{flag}", syntax.keyword));
            }
        }
    }
    for kind in MOUNT_TYPES {
        if !is_tried("RUN", &format!("type={kind}")) {
            missing.push(format!("RUN --mount=type={kind}"));
        }
    }
    assert_eq!(missing, Vec::<String>::new(), "expected a sample for each");
}

#[test]
fn no_sample_is_made_void_by_a_mistake_of_its_own() {
    let mut bench = Bench::default();
    for (name, trial) in samples() {
        assert!(bench.is_planned(&trial.without), "{name}");
    }
}

#[test]
fn the_page_says_what_the_program_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/fidelity.md");
    let page = page();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &page).expect("the page can be written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let stale = page.lines().zip(kept.lines()).find(|(new, old)| new != old);
    assert!(
        kept == page,
        "docs/fidelity.md is stale: UPDATE=1 cargo test -p tests --test fidelity writes it\n{stale:#?}"
    );
}
