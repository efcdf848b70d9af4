//! Holds the repository against what ARCHITECTURE.md and the house style say of it.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Longest source file, without its tests.
const MAX_LINES: usize = 400;
/// The edges: they do I/O, so they do not deny it.
const EDGES: [&str; 8] = ["native", "probe", "sandbox", "shell", "tests", "wasm", "web", "xtask"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package lies one folder below the top")
        .to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every crate of the workspace: its folder and the crates of the workspace that its product uses.
fn crates() -> BTreeMap<String, (PathBuf, BTreeSet<String>)> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let name = |value: &Value| value["name"].as_str().expect("a name").to_owned();
    let all: BTreeSet<String> = packages.iter().map(name).collect();
    let uses = |package: &Value| {
        let dependencies = package["dependencies"].as_array().expect("a list of dependencies");
        let of_product = dependencies.iter().filter(|dependency| dependency["kind"].is_null());
        of_product.map(name).filter(|name| all.contains(name)).collect()
    };
    let folder = |package: &Value| {
        let manifest = package["manifest_path"].as_str().expect("a path");
        Path::new(manifest)
            .parent()
            .expect("a manifest lies in a folder")
            .to_owned()
    };
    packages
        .iter()
        .map(|package| (name(package), (folder(package), uses(package))))
        .collect()
}

/// The table of ARCHITECTURE.md: crate and what it may use.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let names = |cell: &str| {
        cell.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let text = read(&root().join("ARCHITECTURE.md"));
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| crate | may use |"))
        .skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').collect();
            let name = names(cells[1]).pop().expect("the first cell names a crate");
            (name, names(cells[2]).into_iter().collect())
        })
        .collect()
}

/// Every Rust file of a folder, in order.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Fails with all complaints at once.
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn the_table_of_the_architecture_page_is_the_workspace() {
    let actual: BTreeMap<_, _> = crates().into_iter().map(|(name, (_, uses))| (name, uses)).collect();
    let stated = table();
    let mut complaints = Vec::new();
    for name in actual.keys().chain(stated.keys()).collect::<BTreeSet<_>>() {
        match (stated.get(name), actual.get(name)) {
            (Some(stated), Some(actual)) if stated != actual => {
                complaints.push(format!(
                    "{name}: ARCHITECTURE.md says {stated:?}, Cargo.toml says {actual:?}"
                ));
            }
            (None, _) => complaints.push(format!("{name}: not in the table of ARCHITECTURE.md")),
            (_, None) => complaints.push(format!("{name}: in the table of ARCHITECTURE.md, not in the workspace")),
            _ => {}
        }
    }
    none(&complaints);
}

#[test]
fn every_file_opens_with_a_sentence() {
    let mut complaints = Vec::new();
    for (_, (folder, _)) in crates() {
        for file in rust_files(&folder) {
            let text = read(&file);
            let first = text.lines().next().unwrap_or_default();
            let is_sentence = first.strip_prefix("//! ").is_some_and(|text| text.len() > 3);
            if !is_sentence {
                complaints.push(format!(
                    "{}: expected a sentence after //!, found {first:?}",
                    file.display()
                ));
            }
        }
    }
    none(&complaints);
}

#[test]
fn no_file_is_too_long() {
    let mut complaints = Vec::new();
    for (_, (folder, _)) in crates() {
        for file in rust_files(&folder.join("src"))
            .into_iter()
            .filter(|file| !file.ends_with("tests.rs"))
        {
            let text = read(&file);
            let lines = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
            if lines > MAX_LINES {
                complaints.push(format!(
                    "{}: expected at most {MAX_LINES} lines, found {lines}",
                    file.display()
                ));
            }
        }
    }
    none(&complaints);
}

#[test]
fn the_pure_crates_deny_clocks_files_processes_and_unordered_maps() {
    const NEEDED: [&str; 2] = [
        "#![forbid(unsafe_code)]",
        "#![deny(clippy::disallowed_methods, clippy::disallowed_types)]",
    ];
    let mut complaints = Vec::new();
    for (name, (folder, _)) in crates().into_iter().filter(|(name, _)| !EDGES.contains(&name.as_str())) {
        let text = read(&folder.join("src/lib.rs"));
        let missing = NEEDED
            .iter()
            .filter(|needed| !text.lines().any(|line| line == **needed));
        complaints.extend(missing.map(|needed| format!("{name}: expected {needed} in lib.rs")));
    }
    none(&complaints);
}

#[test]
fn pure_crates_depend_on_no_edge() {
    let mut complaints = Vec::new();
    for (name, (_, uses)) in crates().into_iter().filter(|(name, _)| !EDGES.contains(&name.as_str())) {
        let edges = uses.iter().filter(|used| EDGES.contains(&used.as_str()));
        complaints.extend(edges.map(|edge| format!("{name} uses {edge}")));
    }
    none(&complaints);
}

#[test]
fn every_dependency_is_chosen_once_for_the_whole_workspace() {
    let mut complaints = Vec::new();
    for (name, (folder, _)) in crates() {
        let manifest = read(&folder.join("Cargo.toml"));
        let mut in_dependencies = false;
        for line in manifest.lines() {
            if line.starts_with('[') {
                in_dependencies = line.trim_end_matches(']').ends_with("dependencies");
            } else if in_dependencies && line.contains("path =") {
                complaints.push(format!("{name}: expected `NAME.workspace = true`, found {line:?}"));
            }
        }
    }
    none(&complaints);
}
