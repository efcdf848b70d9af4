//! Manual pages: one for the program, and one for each command.

use crate::args;
use crate::atomic::write_file;
use crate::docker::PROGRAM;
use crate::failure::Failure;
use clap::Command;
use cli::grammar::{self, Kind, Spec};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Writes all pages into a folder, which is made if it is missing.
///
/// # Errors
///
/// [`Failure`] if it cannot be written.
pub fn write(folder: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("could not write {}: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(failed)?;
    for (name, text) in pages() {
        write_file(&folder.join(format!("{name}.1")), text.as_bytes()).map_err(failed)?;
    }
    Ok(())
}

/// Every page by its name: `layerlab`, `layerlab-image-ls`.
pub fn pages() -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    let mut command = args::command();
    command.build();
    let help = command.render_help().to_string();
    let mut top = head("layerlab", "builds, keeps and serves container images");
    section(&mut top, "DESCRIPTION");
    block(&mut top, &help);
    pages.insert("layerlab".to_owned(), top);
    for own in command.get_subcommands().filter(|own| own.get_name() != "help") {
        of_clap(own, &format!("layerlab-{}", own.get_name()), &mut pages);
    }
    for spec in grammar::commands() {
        let name = format!("layerlab-{}", spec.names[0].replace(' ', "-"));
        pages.entry(name.clone()).or_insert_with(|| of_docker(spec, &name));
    }
    pages
}

fn of_clap(command: &Command, name: &str, pages: &mut BTreeMap<String, String>) {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut page = head(name, &about);
    section(&mut page, "SYNOPSIS");
    let usage = command.clone().render_usage().to_string();
    block(&mut page, usage.trim_start_matches("Usage: "));
    section(&mut page, "OPTIONS");
    for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
        let value = argument.get_value_names().unwrap_or_default().join(" ");
        let words = match (argument.get_short(), argument.get_long()) {
            (Some(short), Some(long)) => format!("-{short}, --{long} {value}"),
            (None, Some(long)) => format!("--{long} {value}"),
            (Some(short), None) => format!("-{short} {value}"),
            (None, None) => value,
        };
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        option(&mut page, words.trim(), &help);
    }
    if let Some(more) = command.get_after_help() {
        section(&mut page, "MORE");
        block(&mut page, &more.to_string());
    }
    pages.insert(name.to_owned(), page);
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        of_clap(inner, &format!("{name}-{}", inner.get_name()), pages);
    }
}

fn of_docker(spec: &Spec, name: &str) -> String {
    let about = spec.about.lines().next().unwrap_or_default();
    let mut page = head(name, about);
    section(&mut page, "SYNOPSIS");
    let called: Vec<String> = spec
        .names
        .iter()
        .map(|name| format!("{} {name} {}", PROGRAM.name, spec.usage))
        .collect();
    block(&mut page, &called.join("\n"));
    section(&mut page, "DESCRIPTION");
    text(&mut page, spec.about);
    section(&mut page, "OPTIONS");
    for flag in spec.all_flags().into_iter().chain(PROGRAM.everywhere) {
        let mut words = if flag.short.is_empty() {
            format!("--{}", flag.long)
        } else {
            format!("-{}, --{}", flag.short, flag.long)
        };
        if flag.kind != Kind::Switch {
            words.push(' ');
            words.push_str(flag.kind.name());
        }
        option(&mut page, &words, flag.about);
    }
    page
}

fn head(name: &str, about: &str) -> String {
    let title = name.to_uppercase();
    format!(
        ".TH {title} 1 \"\" \"layerlab {}\"\n.SH NAME\n{} \\- {}\n",
        env!("CARGO_PKG_VERSION"),
        escaped(name),
        escaped(about)
    )
}

fn section(page: &mut String, title: &str) {
    writeln!(page, ".SH {title}").expect("a String takes all text");
}

/// A flag and what it is for.
fn option(page: &mut String, words: &str, help: &str) {
    writeln!(page, ".TP\n\\fB{}\\fR", escaped(words)).expect("a String takes all text");
    text(page, help);
}

/// Text that is filled.
fn text(page: &mut String, text: &str) {
    for line in text.lines() {
        writeln!(page, "{}", escaped(line)).expect("a String takes all text");
    }
}

/// Text whose lines stay as they are.
fn block(page: &mut String, lines: &str) {
    page.push_str(".nf\n");
    text(page, lines);
    page.push_str(".fi\n");
}

/// As roff prints it: a backslash, a dash that is to be searched for, and a line that would be a request.
fn escaped(line: &str) -> String {
    let escaped = line.replace('\\', "\\e").replace('-', "\\-");
    if escaped.starts_with(['.', '\'']) {
        format!("\\&{escaped}")
    } else {
        escaped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let pages = pages();
        for name in [
            "layerlab",
            "layerlab-preview",
            "layerlab-registry-serve",
            "layerlab-image-ls",
            "layerlab-fsck",
        ] {
            assert!(pages.contains_key(name), "{name}");
        }
        let list = &pages["layerlab-image-ls"];
        assert!(list.contains("\nlayerlab images [OPTIONS]"), "{list}");
        assert!(list.contains(".TP\n\\fB\\-q, \\-\\-quiet\\fR\n"), "{list}");
        assert!(list.contains("\\-\\-root string"), "{list}");
    }

    #[test]
    fn no_line_of_a_text_is_a_request() {
        assert_eq!(escaped(".TH x"), "\\&.TH x");
        assert_eq!(escaped("a\\b --c"), "a\\eb \\-\\-c");
    }
}
