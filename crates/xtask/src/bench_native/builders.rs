//! Builds: ours, Docker's BuildKit, buildah.

use super::Bench;
use super::servers::Docker;
use super::table::{Aim, Table};
use super::work::{self, N_RUNS, Work};
use crate::failure::Failure;
use crate::{files, process};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Something that builds, and can be made to forget all it knows.
trait Builder {
    fn name(&self) -> &'static str;
    fn forget(&mut self) -> Result<(), Failure>;
    fn build(&self, context: &Path) -> Result<(), Failure>;
}

/// Times without a cache and with one, by builder; ours first.
struct Times {
    fresh: Vec<(&'static str, Duration)>,
    cached: Vec<(&'static str, Duration)>,
}

pub(super) fn measure(bench: &Bench, table: &mut Table) -> Result<(), Failure> {
    let works = work::lay_out(bench)?;
    let once = once(bench, &works[2].folder.join("large"))?;
    for work in &works {
        println!("{}:", work.title);
        let times = times(bench, work)?;
        rows(work, &times, once, table);
    }
    Ok(())
}

fn times(bench: &Bench, work: &Work) -> Result<Times, Failure> {
    let mut times = Times {
        fresh: Vec::new(),
        cached: Vec::new(),
    };
    let mut builders: [Box<dyn Builder>; 3] = [
        Box::new(Ours {
            program: bench.program.clone(),
            root: bench.folder.join("layerlab"),
        }),
        Box::new(Docker::new(bench.folder.join("docker"))),
        Box::new(Buildah {
            root: bench.folder.join("buildah"),
        }),
    ];
    for builder in &mut builders {
        let cell = std::cell::RefCell::new(builder);
        let fresh = bench.median(|| cell.borrow_mut().forget(), || cell.borrow().build(&work.folder))?;
        let cached = bench.median(|| Ok(()), || cell.borrow().build(&work.folder))?;
        let builder = cell.into_inner();
        println!(
            "  {}: {} without a cache, {} with one",
            builder.name(),
            super::table::seconds(fresh),
            super::table::seconds(cached)
        );
        times.fresh.push((builder.name(), fresh));
        times.cached.push((builder.name(), cached));
        builder.forget()?;
    }
    Ok(times)
}

fn rows(work: &Work, times: &Times, once: Duration, table: &mut Table) {
    let (ours, peers) = (times.fresh[0].1, &times.fresh[1..]);
    let aims = match work.name {
        "runs" => {
            let step = ours.as_secs_f64() * 1e3 / f64::from(N_RUNS);
            vec![("", Aim::Faster(6.0)), ("", Aim::AtMost(step, 25.0, "ms a step"))]
        }
        "files" => vec![("", Aim::Faster(6.0))],
        _ => {
            let ratio = ours.as_secs_f64() / once.as_secs_f64();
            vec![
                ("", Aim::Faster(5.0)),
                ("", Aim::AtMost(ratio, 2.0, "times writing and hashing once")),
            ]
        }
    };
    table.times(&format!("{}, no cache", work.title), ours, peers, &aims);
    let (ours, peers) = (times.cached[0].1, &times.cached[1..]);
    let aims = [("docker", Aim::Faster(1.0)), ("buildah", Aim::Faster(10.0))];
    table.times("the same, all cached", ours, peers, &aims);
}

/// How long it takes to hash a file and to write it durably, past the page cache, one after the other: what no builder can do without.
fn once(bench: &Bench, file: &Path) -> Result<Duration, Failure> {
    let copy = bench.folder.join("copy");
    let taken = bench.median(
        || Ok(()),
        || {
            // It takes the processor's own instructions, which not every sha256sum does.
            process::run_quietly(Command::new("openssl").args(["dgst", "-sha256"]).arg(file))?;
            process::run_quietly(
                Command::new("dd")
                    .args(["bs=1M", "oflag=direct", "conv=fsync", "status=none"])
                    .arg(format!("if={}", file.display()))
                    .arg(format!("of={}", copy.display())),
            )
        },
    )?;
    println!("hash 1 GiB and write it durably: {}", super::table::seconds(taken));
    std::fs::remove_file(&copy).map_err(|error| Failure::io("could not remove a copy", &error))?;
    Ok(taken)
}

struct Ours {
    program: PathBuf,
    root: PathBuf,
}

impl Builder for Ours {
    fn name(&self) -> &'static str {
        "layerlab"
    }

    fn forget(&mut self) -> Result<(), Failure> {
        files::remove_dir(&self.root)
    }

    fn build(&self, context: &Path) -> Result<(), Failure> {
        let mut command = Command::new(&self.program);
        command.args(["build", "--quiet", "--network", "none", "--tag", "bench", "--root"]);
        process::run_quietly(command.arg(&self.root).arg(context))
    }
}

impl Builder for Docker {
    fn name(&self) -> &'static str {
        "docker"
    }

    fn forget(&mut self) -> Result<(), Failure> {
        self.restart_empty()
    }

    fn build(&self, context: &Path) -> Result<(), Failure> {
        let mut command = self.command(&["build", "--quiet", "--network=none", "--tag", "bench"]);
        process::run_quietly(command.arg(context))
    }
}

struct Buildah {
    root: PathBuf,
}

impl Buildah {
    fn command(&self) -> Command {
        let mut command = Command::new("buildah");
        command.arg("--root").arg(self.root.join("root"));
        command.arg("--runroot").arg(self.root.join("run"));
        command
    }
}

impl Builder for Buildah {
    fn name(&self) -> &'static str {
        "buildah"
    }

    fn forget(&mut self) -> Result<(), Failure> {
        if self.root.exists() {
            // Its layers are mounts as far as it knows: it takes them away itself.
            process::run_quietly(self.command().args(["rmi", "--all", "--force"]))?;
        }
        files::remove_dir(&self.root)
    }

    fn build(&self, context: &Path) -> Result<(), Failure> {
        let mut command = self.command();
        command.args([
            "build",
            "--quiet",
            "--layers",
            "--isolation",
            "chroot",
            "--tag",
            "bench",
        ]);
        process::run_quietly(command.arg(context))
    }
}
