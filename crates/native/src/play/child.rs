//! Child processes: the program itself, with arguments that no page can turn into flags, ended with everything that they started.

use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{self, ChildStderr, ChildStdout};

/// How long a child may take to clean up when it is asked to end.
const GRACE: Duration = Duration::from_secs(5);
/// The most bytes of one line; the rest of a longer one is a line of its own.
const MAX_LINE: usize = 64 << 10;
/// The most bytes of the output that is read as a whole.
const MAX_OUTPUT: u64 = 16 << 20;

/// The program that does the work, and the folder of its state.
#[derive(Debug, Clone)]
pub(super) struct Program {
    /// Where the program is.
    pub(super) path: PathBuf,
    /// `--root` of every child.
    pub(super) root: PathBuf,
}

/// A child that is ended when this value goes away.
pub(super) struct Child {
    process: process::Child,
    group: Option<Pid>,
}

impl Program {
    /// Starts the program with these words. Its standard input is empty.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub(super) fn start(&self, words: &[OsString]) -> io::Result<Child> {
        let process = process::Command::new(&self.path)
            .args(words)
            .env("NO_COLOR", "1")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own: Ctrl-C at the terminal goes to this process, which then ends its children in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let group = process.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Ok(Child { process, group })
    }

    /// A verb of the program, for its root.
    pub(super) fn verb(&self, words: &[&str]) -> Vec<OsString> {
        let mut all: Vec<OsString> = words.iter().map(OsString::from).collect();
        all.push(flag("--root", &self.root));
        all
    }

    /// What the program prints, whole.
    ///
    /// # Errors
    ///
    /// What it wrote to standard error if it failed.
    pub(super) async fn output(&self, words: &[OsString]) -> Result<Vec<u8>, String> {
        let said = |error: io::Error| format!("error: could not run {}: {error}", self.path.display());
        let mut child = self.start(words).map_err(said)?;
        let mut errors = Lines::of(child.stderr());
        let reading = tokio::spawn(async move {
            let mut progress = super::lines::Progress::default();
            while let Some(line) = errors.next().await {
                progress.read(&line);
            }
            progress
        });
        let mut bytes = Vec::new();
        child
            .stdout()
            .take(MAX_OUTPUT)
            .read_to_end(&mut bytes)
            .await
            .map_err(said)?;
        let progress = reading.await.unwrap_or_default();
        match child.wait().await {
            Ok(status) if status.success() => Ok(bytes),
            Ok(_) => Err(progress.why()),
            Err(error) => Err(said(error)),
        }
    }
}

/// `--name=value` as one word: whatever the value is, it is no flag.
pub(super) fn flag(name: &str, value: &Path) -> OsString {
    let mut word = OsString::from(name);
    word.push("=");
    word.push(value);
    word
}

impl Child {
    /// Its standard output; can be had once.
    pub(super) fn stdout(&mut self) -> ChildStdout {
        self.process
            .stdout
            .take()
            .expect("it was asked for as a pipe, and is taken once")
    }

    /// Its standard error; can be had once.
    pub(super) fn stderr(&mut self) -> ChildStderr {
        self.process
            .stderr
            .take()
            .expect("it was asked for as a pipe, and is taken once")
    }

    /// Waits for its end.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.process.wait().await?;
        self.end_rest();
        Ok(status)
    }

    /// Asks it to end, and ends it if it does not.
    pub(super) async fn end(&mut self) {
        if let Some(group) = self.group {
            // If it has just ended, there is nobody left to ask.
            let _ = kill_process_group(group, Signal::TERM);
        }
        let _ = tokio::time::timeout(GRACE, self.process.wait()).await;
        self.end_rest();
        // It is killed by now.
        let _ = self.process.wait().await;
    }

    /// Ends what it may have left behind in its group.
    fn end_rest(&mut self) {
        if let Some(group) = self.group.take() {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end_rest();
    }
}

/// The lines of a stream, each of a bounded length.
pub(super) struct Lines<R> {
    from: R,
    read: Vec<u8>,
    buffer: Box<[u8]>,
    is_over: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Of this stream.
    pub(super) fn of(from: R) -> Lines<R> {
        Lines {
            from,
            read: Vec::new(),
            buffer: vec![0; 8 << 10].into(),
            is_over: false,
        }
    }

    /// The next line without its end; `None` at the end of the stream, or where it cannot be read. Nothing is lost if it is not
    /// waited for.
    pub(super) async fn next(&mut self) -> Option<String> {
        loop {
            let end = self.read.iter().position(|byte| *byte == b'\n');
            let cut = (self.read.len() >= MAX_LINE).then_some(MAX_LINE);
            if let Some(end) = end.filter(|end| *end < MAX_LINE).or(cut) {
                let rest = self.read.split_off(end);
                let line = std::mem::replace(&mut self.read, rest);
                if self.read.first() == Some(&b'\n') {
                    self.read.remove(0);
                }
                return Some(text(&line));
            }
            if self.is_over {
                let line = std::mem::take(&mut self.read);
                return (!line.is_empty()).then(|| text(&line));
            }
            match self.from.read(&mut self.buffer).await {
                Ok(0) | Err(_) => self.is_over = true,
                Ok(n) => self.read.extend_from_slice(&self.buffer[..n]),
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(future)
    }

    fn shell() -> Program {
        Program {
            path: "/bin/sh".into(),
            root: "/nowhere".into(),
        }
    }

    fn words(script: &str) -> Vec<OsString> {
        vec!["-c".into(), script.into()]
    }

    #[test]
    fn lines_are_whole_and_a_flood_is_cut() {
        let text = format!("one\n\ntwo\n{}\nlast", "x".repeat(2 * MAX_LINE + 1));
        let lines = run(async {
            let mut lines = Lines::of(text.as_bytes());
            let mut all = Vec::new();
            while let Some(line) = lines.next().await {
                all.push(line.len());
            }
            all
        });
        assert_eq!(lines, [3, 0, 3, MAX_LINE, MAX_LINE, 1, 4]);
    }

    #[test]
    fn what_is_printed_is_given_and_a_failure_in_its_own_words() {
        assert_eq!(run(shell().output(&words("printf hello"))), Ok(b"hello".to_vec()));
        let said = run(shell().output(&words("echo noise >&2; echo 'error: no such image' >&2; exit 1")));
        assert_eq!(said, Err("error: no such image".to_owned()));
        let missing = Program {
            path: "/nowhere/layerlab".into(),
            ..shell()
        };
        assert!(
            run(missing.output(&[]))
                .unwrap_err()
                .starts_with("error: could not run /nowhere/layerlab")
        );
    }

    #[test]
    fn a_child_is_ended_with_everything_it_started() {
        run(async {
            // The pipe is open until the last of them is gone.
            let mut child = shell().start(&words("sleep 600 & echo ready; wait")).unwrap();
            let mut output = Lines::of(child.stdout());
            assert_eq!(output.next().await.as_deref(), Some("ready"));
            child.end().await;
            assert_eq!(output.next().await, None);
        });
    }

    #[test]
    fn a_child_that_is_dropped_is_gone() {
        run(async {
            let mut child = shell().start(&words("sleep 600 & echo ready; wait")).unwrap();
            let mut output = Lines::of(child.stdout());
            assert_eq!(output.next().await.as_deref(), Some("ready"));
            drop(child);
            assert_eq!(output.next().await, None);
        });
    }
}
