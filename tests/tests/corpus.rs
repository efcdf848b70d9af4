//! What fuzzing found worth keeping, fed to the checks of the fuzz targets again.
#![cfg(not(target_arch = "wasm32"))]

#[allow(unreachable_pub)] // a library where the fuzz targets use it
#[path = "../fuzz/src/lib.rs"]
mod checks;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Runs `check` on every file of a corpus; what fails is named.
fn feed(corpus: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(corpus);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut failed = Vec::new();
    let mut n_files = 0;
    for entry in entries {
        let path = entry.expect("an entry").path();
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        n_files += 1;
        if catch_unwind(AssertUnwindSafe(|| check(&bytes))).is_err() {
            failed.push(path);
        }
    }
    assert!(n_files > 0, "{}: a corpus has files", folder.display());
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn any_dockerfile_is_read_planned_and_checked() {
    feed("dockerfile", checks::dockerfile);
}

#[test]
fn any_layer_is_refused_or_comes_back_as_it_went_out() {
    feed("layer_tar", checks::layer_tar);
}

#[test]
fn any_ignore_file_decides_as_the_plain_matcher_does() {
    feed("ignore", checks::ignore);
}

#[test]
fn any_reference_is_refused_or_prints_as_itself() {
    feed("reference", checks::reference);
}

#[test]
fn any_document_is_refused_or_written_as_it_was_read() {
    feed("json", checks::json);
}
