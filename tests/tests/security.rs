//! `docs/security.md` against the workspace: the tests that it names are there.
// Reading the sources is what this test is for.
#![allow(clippy::disallowed_methods)]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

/// The sources below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_test_that_the_page_names_exists() {
    let page = fs::read_to_string(root().join("docs/security.md")).expect("the page");
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let cells = rows.filter_map(|row| row.trim_end_matches('|').rsplit('|').next());
    let named: Vec<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert!(named.len() > 80, "the page is read: {}", named.len());
    let mut files = Vec::new();
    for folder in ["crates", "tests/tests"] {
        sources(&root().join(folder), &mut files);
    }
    let texts: Vec<String> = files
        .iter()
        .map(|file| fs::read_to_string(file).expect("a text"))
        .collect();
    let missing: Vec<&&str> = named
        .iter()
        .filter(|name| !texts.iter().any(|text| text.contains(&format!("fn {name}("))))
        .collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}
