//! `layerlab system fsck`: whether everything in the store is what its name says, and everything that is named is there.

mod check;
mod machine;
mod repair;

pub use check::{Report, check};

use crate::args::FsckArgs;
use crate::disk::DiskBlobs;
use crate::failure::Failure;
use crate::session::{WAITING, root_of};
use crate::state::State;
use crate::terminal::Terminal;
use crate::units::size;
use std::fmt::Write as _;
use std::io;

/// Whether anything is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Soundness {
    /// Nothing, or nothing any more.
    Sound,
    /// Something.
    Broken,
}

/// Checks the store, repairs it if that is asked for, and says what was found.
///
/// # Errors
///
/// [`Failure`] if the store cannot be read at all.
pub fn fsck(args: &FsckArgs, terminal: &mut Terminal<'_>) -> Result<Soundness, Failure> {
    let root = root_of(args.root.as_deref(), terminal)?;
    let failed = |error: io::Error| Failure::new(format!("could not check {}: {error}", root.display()));
    if !root.is_dir() {
        return Err(Failure::new(format!(
            "could not check {}: no such folder",
            root.display()
        )));
    }
    let waiting = format!("waiting for another layerlab that cleans up {}", root.display());
    let state = State::open(&root, || terminal.remark(&waiting)).map_err(failed)?;
    let mut blobs = DiskBlobs::open(&state.layout()).map_err(failed)?;
    let mut report = check(&state, &blobs, || terminal.remark(WAITING)).map_err(failed)?;
    terminal.print(&lines(&report))?;
    if args.repair && !report.is_clean() {
        let waiting = format!("waiting for all others that use {}", root.display());
        state.wait_alone(|| terminal.remark(&waiting)).map_err(failed)?;
        let done = repair::repair(&state, &mut blobs).map_err(failed)?;
        for line in done {
            terminal.print(&format!("{line}\n"))?;
        }
        report = check(&state, &blobs, || {}).map_err(failed)?;
        terminal.print(&lines(&report))?;
    }
    let (n_blobs, bytes) = (report.n_blobs, size(report.bytes));
    let (n_images, n_records) = (report.n_entries, report.n_records);
    let containers = match report.n_containers {
        1 => "1 container".to_owned(),
        count => format!("{count} containers"),
    };
    let found = report.problems().len();
    let what = match found {
        0 => "nothing is wrong".to_owned(),
        1 => "1 problem".to_owned(),
        count => format!("{count} problems"),
    };
    terminal.print(&format!(
        "checked {n_blobs} blobs ({bytes}), {n_images} names of images, {n_records} layers of the build cache, {containers}: {what}\n"
    ))?;
    Ok(if found == 0 {
        Soundness::Sound
    } else {
        Soundness::Broken
    })
}

/// What was found, a line each.
fn lines(report: &Report) -> String {
    let mut text = String::new();
    for problem in report.problems() {
        text.push_str(&problem);
        text.push('\n');
    }
    for path in &report.leftovers {
        writeln!(text, "leftover: {}", path.display()).expect("a String takes all text");
    }
    if report.garbage.files > 0 {
        let (files, bytes) = (report.garbage.files, size(report.garbage.bytes));
        writeln!(
            text,
            "nobody needs {files} files ({bytes}): `layerlab system prune` removes them"
        )
        .expect("a String takes all text");
    }
    text
}
