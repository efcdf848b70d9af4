//! `cargo xtask bench native`: the companion beside what people use today, on this machine and in this run, as one table.
//!
//! Every figure is a median of samples that start from the same state: an empty one where nothing may come from a cache. The peers are
//! Debian's packages, started here and ended again; it takes root, as their daemons do.

mod builders;
mod http;
mod images;
mod nowhere;
mod registries;
mod servers;
mod table;
mod work;

use crate::failure::Failure;
use crate::{files, process, tools};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};
use table::Table;

/// Samples of a figure; the median counts.
const SAMPLES: usize = 5;
/// Programs that are compared with, and Debian's packages that bring them.
const PEERS: [(&str, &str); 6] = [
    ("dockerd", "docker.io"),
    ("buildah", "buildah"),
    ("skopeo", "skopeo"),
    ("docker-registry", "docker-registry"),
    ("busybox", "busybox-static"),
    ("openssl", "openssl"),
];
const GROUPS: [&str; 2] = ["build", "registry"];

/// What every measurement needs.
pub(crate) struct Bench {
    /// Our program, as released.
    program: PathBuf,
    /// A folder of its own, emptied at the start.
    folder: PathBuf,
    samples: usize,
}

/// Measures the named groups, or all, and prints the table.
pub(crate) fn run(words: &[&str]) -> Result<(), Failure> {
    let (groups, samples) = read(words)?;
    install()?;
    let bench = Bench {
        program: released()?,
        folder: files::target().join("bench/native"),
        samples,
    };
    files::remove_dir(&bench.folder)?;
    files::create_dir(&bench.folder)?;
    let mut table = Table::default();
    if groups.contains(&"build") {
        builders::measure(&bench, &mut table)?;
    }
    if groups.contains(&"registry") {
        registries::measure(&bench, &mut table)?;
    }
    println!("\n{}", table.text());
    files::remove_dir(&bench.folder)
}

/// The groups that are asked for, and how many samples.
fn read<'a>(words: &[&'a str]) -> Result<(Vec<&'a str>, usize), Failure> {
    let advice = "cargo xtask bench native [--samples N] [build] [registry]";
    let (mut groups, mut samples) = (Vec::new(), SAMPLES);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--samples" => {
                let count = words.next().and_then(|count| count.parse().ok());
                samples = count
                    .filter(|count| *count > 0)
                    .ok_or_else(|| Failure::new("expected a number after --samples", advice))?;
            }
            group if GROUPS.contains(&group) => groups.push(group),
            other => {
                return Err(Failure::new(
                    format!("expected build or registry, found {other:?}"),
                    advice,
                ));
            }
        }
    }
    if groups.is_empty() {
        groups = GROUPS.to_vec();
    }
    Ok((groups, samples))
}

fn install() -> Result<(), Failure> {
    if process::output(Command::new("id").arg("-u")).as_deref() != Some("0") {
        return Err(Failure::new(
            "expected to be root: the daemons that are measured need it",
            "run the same command as root",
        ));
    }
    tools::install(&PEERS)
}

fn released() -> Result<PathBuf, Failure> {
    process::run(
        Command::new("cargo")
            .args(["build", "--quiet", "--locked", "--release", "--package", "native"])
            .current_dir(files::root()),
        "see the compiler's message above",
    )?;
    Ok(files::target().join("release/layerlab"))
}

impl Bench {
    /// The median of samples of `work`, each after `before`, which does not count. What was written before is on the disk by then.
    fn median(
        &self,
        mut before: impl FnMut() -> Result<(), Failure>,
        mut work: impl FnMut() -> Result<(), Failure>,
    ) -> Result<Duration, Failure> {
        let mut taken = Vec::new();
        for _ in 0..self.samples {
            before()?;
            // Otherwise one pays for what another has written.
            process::run_quietly(&mut Command::new("sync"))?;
            let begun = Instant::now();
            work()?;
            taken.push(begun.elapsed());
        }
        taken.sort();
        Ok(taken[taken.len() / 2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_choose_groups_and_samples() {
        assert_eq!(read(&[]).unwrap(), (vec!["build", "registry"], SAMPLES));
        assert_eq!(read(&["--samples", "3", "build"]).unwrap(), (vec!["build"], 3));
        for wrong in [&["--samples"][..], &["--samples", "0"], &["speed"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
