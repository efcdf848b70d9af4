//! `--help`, in the layout of Docker's own command line, 80 columns wide.

use crate::grammar::{self, COMMON, Flag, GROUPS, Kind, Spec};
use crate::program::Program;
use std::fmt::Write as _;

/// Columns of a line: one less than a terminal has that does not say how wide it is.
const WIDTH: usize = 79;
/// Columns of a command's name in a list.
const NAME: usize = 11;

/// What `docker` alone prints.
pub fn top(program: &Program) -> String {
    let name = program.name;
    let mut text =
        format!("Usage:  {name} [OPTIONS] COMMAND\n\nA self-sufficient runtime for containers\n\nCommon Commands:\n");
    for name in COMMON {
        row(&mut text, name, grammar::find(name).map_or("", |spec| spec.about));
    }
    text.push_str(&commands());
    let globals: Vec<&Flag> = program.global.iter().chain(program.everywhere).collect();
    write!(
        text,
        "\nGlobal Options:\n{}\nRun '{name} COMMAND --help' for more information on a command.\n",
        flags(&globals)
    )
    .expect("a String takes all text");
    text
}

/// The groups of commands, and the commands that are not common ones.
fn commands() -> String {
    let mut text = "\nManagement Commands:\n".to_owned();
    for (name, about) in GROUPS {
        row(&mut text, name, about);
    }
    text.push_str("\nCommands:\n");
    for (name, spec) in grammar::members("") {
        if !COMMON.contains(&name) {
            row(&mut text, name, spec.about);
        }
    }
    text
}

/// What `docker image` alone prints.
pub fn group(program: &Program, name: &str) -> String {
    let program = program.name;
    let about = grammar::group(name).unwrap_or("");
    let mut text = format!("Usage:  {program} {name} COMMAND\n\n{about}\n\nCommands:\n");
    for (word, spec) in grammar::members(name) {
        row(&mut text, word, spec.about);
    }
    writeln!(
        text,
        "\nRun '{program} {name} COMMAND --help' for more information on a command."
    )
    .expect("a String takes all text");
    text
}

/// What `docker NAME --help` prints.
pub fn command(program: &Program, spec: &Spec, name: &str) -> String {
    let program = program.name;
    let usage = format!("{program} {name} {}", spec.usage);
    let mut text = format!("Usage:  {}\n\n{}\n", usage.trim_end(), spec.about);
    if spec.names.len() > 1 {
        let names: Vec<String> = spec.names.iter().map(|name| format!("{program} {name}")).collect();
        write!(text, "\nAliases:\n  {}\n", names.join(", ")).expect("a String takes all text");
    }
    let mut all = spec.all_flags();
    if spec.short('h').is_some() {
        let at = all.partition_point(|flag| flag.long < HELP.long);
        all.insert(at, HELP);
    }
    if !all.is_empty() {
        write!(text, "\nOptions:\n{}", flags(&all)).expect("a String takes all text");
    }
    text
}

/// The flag that every command has. Docker lists it only where its letter means something else.
const HELP: &Flag = &Flag {
    short: "",
    long: "help",
    kind: Kind::Switch,
    default: "",
    about: "Print usage",
    effect: grammar::Effect::Has,
};

fn row(text: &mut String, name: &str, about: &str) {
    let first = about.lines().next().unwrap_or("");
    let first = first.split(". ").next().unwrap_or("").trim_end_matches('.');
    writeln!(text, "  {name:NAME$} {first}").expect("a String takes all text");
}

/// The flags, one below the other.
///
/// Source: spf13/pflag, `FlagSet.FlagUsagesWrapped`.
fn flags(all: &[&Flag]) -> String {
    let lines: Vec<(String, String)> = all.iter().map(|flag| (left(flag), right(flag))).collect();
    let longest = lines.iter().map(|(left, _)| left.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (left, right) in lines {
        let gap = " ".repeat(longest - left.len());
        writeln!(text, "{left}{gap}   {}", wrap(longest + 3, &right)).expect("a String takes all text");
    }
    text
}

fn left(flag: &Flag) -> String {
    let mut text = if flag.short.is_empty() {
        format!("      --{}", flag.long)
    } else {
        format!("  -{}, --{}", flag.short, flag.long)
    };
    if flag.kind != Kind::Switch {
        write!(text, " {}", flag.kind.name()).expect("a String takes all text");
    }
    text
}

fn right(flag: &Flag) -> String {
    match flag.default {
        "" => flag.about.to_owned(),
        default if flag.kind == Kind::Text => format!("{} (default {default:?})", flag.about),
        default => format!("{} (default {default})", flag.about),
    }
}

/// `text` in lines, each but the first indented by `indent`.
fn wrap(indent: usize, text: &str) -> String {
    /// A short last word may stand out this far.
    const SLOP: usize = 5;
    /// A column narrower than this goes below the flag instead.
    const NARROWEST: usize = 24;
    let (indent, mut out) = if WIDTH.saturating_sub(indent) < NARROWEST {
        (16, format!("\n{}", " ".repeat(16)))
    } else {
        (indent, String::new())
    };
    let pad = format!("\n{}", " ".repeat(indent));
    let width = WIDTH - indent - SLOP;
    let mut rest = text;
    loop {
        let (line, after) = cut(rest, width, SLOP);
        out.push_str(&line.replace('\n', &pad));
        if after.is_empty() {
            return out;
        }
        out.push_str(&pad);
        rest = after;
    }
}

/// The first line of `text` and the rest. The texts of the table are ASCII.
fn cut(text: &str, width: usize, slop: usize) -> (&str, &str) {
    if width + slop > text.len() {
        return (text, "");
    }
    let head = &text[..width];
    match head.rfind([' ', '\t', '\n']) {
        None | Some(0) => (text, ""),
        Some(blank) => {
            let at = head
                .rfind('\n')
                .filter(|line| *line > 0 && *line < blank)
                .unwrap_or(blank);
            (&text[..at], &text[at + 1..])
        }
    }
}
