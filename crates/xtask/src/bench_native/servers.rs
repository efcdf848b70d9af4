//! Daemons of the peers and of ours: started on a free port or socket, ended when dropped.

use crate::failure::Failure;
use crate::{files, process};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A program that runs until it is dropped.
pub(super) struct Running(Child);

impl Running {
    /// Starts a program and waits until a line of its standard error holds `mark`; returns that line too.
    pub(super) fn start(command: &mut Command, mark: &str) -> Result<(Running, String), Failure> {
        let shown = process::show(command);
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let child = child
            .spawn()
            .map_err(|error| Failure::io(format!("could not start `{shown}`"), &error))?;
        let mut running = Running(child);
        let log = running.0.stderr.take().expect("it was piped");
        let mut log = BufReader::new(log);
        let mut seen = String::new();
        loop {
            let from = seen.len();
            if log.read_line(&mut seen).unwrap_or(0) == 0 {
                return Err(Failure::new(format!("`{shown}` ended"), seen));
            }
            if seen[from..].contains(mark) {
                let line = seen[from..].to_owned();
                // Read on, so that it can go on to write.
                std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
                return Ok((running, line));
            }
        }
    }

    /// Processor seconds it has taken, and the most memory it has held, in bytes.
    pub(super) fn usage(&self) -> Option<(f64, u64)> {
        let id = self.0.id();
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name in parentheses may hold blanks; what counts comes after it.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut fields = fields.split_whitespace().skip(11);
        let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kilobytes: u64 = peak.trim().strip_suffix(" kB")?.trim().parse().ok()?;
        // USER_HZ is 100 on every Linux.
        Some((ticks as f64 / 100.0, kilobytes << 10))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Asked to end, a daemon unmounts what it mounted.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// A Docker daemon with a folder of its own.
pub(super) struct Docker {
    folder: PathBuf,
    daemon: Option<Running>,
}

impl Docker {
    pub(super) fn new(folder: PathBuf) -> Docker {
        Docker { folder, daemon: None }
    }

    /// Ends the daemon and starts one that knows nothing.
    pub(super) fn restart_empty(&mut self) -> Result<(), Failure> {
        drop(self.daemon.take());
        files::remove_dir(&self.folder)?;
        files::create_dir(&self.folder)?;
        let mut dockerd = Command::new("dockerd");
        dockerd.args(["--iptables=false", "--bridge=none", "--data-root"]);
        dockerd
            .arg(self.folder.join("data"))
            .arg("--exec-root")
            .arg(self.folder.join("exec"));
        dockerd
            .arg("--pidfile")
            .arg(self.folder.join("pid"))
            .arg("-H")
            .arg(self.socket());
        self.daemon = Some(Running::start(&mut dockerd, "API listen on")?.0);
        Ok(())
    }

    /// Debian's client against this daemon. One that stands earlier on `PATH` may want a plug-in to build.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("/usr/bin/docker");
        command
            .env("DOCKER_BUILDKIT", "1")
            .arg("-H")
            .arg(self.socket())
            .args(words);
        command
    }

    fn socket(&self) -> String {
        format!("unix://{}", self.folder.join("socket").display())
    }
}
