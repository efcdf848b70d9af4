//! How long a sandbox takes, from the call to its end: `cargo run --release -p sandbox --example latency` as root.
//!
//! `TMPDIR` says on which disk; the word `host` or `default` after the command, which network instead of none.

#![expect(clippy::print_stdout, reason = "it prints its figures")]

use sandbox::{Limits, Network, Overlay, Rights, Root, Spec, Stdio, User, spawn};
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

const N_RUNS: usize = 200;

fn main() -> io::Result<()> {
    sandbox::init();
    let folder = std::env::temp_dir().join(format!("sandbox-latency-{}", std::process::id()));
    // As images have them: otherwise they are made, which the disk takes its time for.
    for name in ["bin", "dev", "proc", "sys"] {
        fs::create_dir_all(folder.join("lower").join(name))?;
    }
    fs::copy("/bin/busybox", folder.join("lower/bin/true"))?;
    let spawned = measure(&folder);
    fs::remove_dir_all(&folder)?;
    let mut durations = spawned?;
    durations.sort_unstable();
    let at = |part: f64| durations[((N_RUNS - 1) as f64 * part) as usize].as_secs_f64() * 1000.0;
    println!(
        "{N_RUNS} runs of `true`: least {:.2} ms, median {:.2} ms, 90 of 100 {:.2} ms",
        at(0.0),
        at(0.5),
        at(0.9)
    );
    Ok(())
}

fn measure(folder: &Path) -> io::Result<Vec<Duration>> {
    let mut durations = Vec::new();
    for run_idx in 0..N_RUNS {
        let (upper, work) = (
            folder.join(format!("upper-{run_idx}")),
            folder.join(format!("work-{run_idx}")),
        );
        fs::create_dir(&upper)?;
        fs::create_dir(&work)?;
        let spec = spec(Overlay {
            lower: vec![folder.join("lower")],
            upper,
            work,
            volatile: true,
        });
        let begin = Instant::now();
        spawn(&spec, Stdio::default())
            .and_then(sandbox::Child::wait)
            .map_err(io::Error::other)?;
        durations.push(begin.elapsed());
    }
    Ok(durations)
}

fn spec(overlay: Overlay) -> Spec {
    Spec {
        root: Root::Overlay(overlay),
        read_only: false,
        mounts: Vec::new(),
        argv: vec!["true".to_owned()],
        env: vec![("PATH".to_owned(), "/bin".to_owned())],
        cwd: "/".to_owned(),
        user: User::default(),
        hostname: "sandbox".to_owned(),
        network: match std::env::args().nth(1).as_deref() {
            Some("host") => Network::Host,
            Some("default") => Network::Default,
            _ => Network::None,
        },
        rights: Rights::default(),
        limits: Limits::default(),
        terminal: None,
        init: false,
        outlives_caller: false,
        cgroup: None,
    }
}
