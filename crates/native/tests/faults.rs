//! What the program asks of the disk, seen and spoiled by strace: in which order it writes, syncs and renames, and what it does
//! when the disk says that it failed.
//!
//! `cargo xtask test peers` installs strace.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder with a root, two contexts and an archive; removed when dropped.
struct Bench(PathBuf);

impl Bench {
    /// With the image `first:1` in the root, and `first.tar`.
    fn new() -> Bench {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let bench = Bench(std::env::temp_dir().join(format!("layerlab-faults-{}-{count}", std::process::id())));
        for name in ["first", "second"] {
            let context = bench.0.join(name);
            fs::create_dir_all(&context).unwrap();
            fs::write(context.join("Dockerfile"), "FROM scratch\nCOPY a /\nCOPY large /d/\n").unwrap();
            fs::write(context.join("a"), name).unwrap();
            fs::write(context.join("large"), name.repeat(300_000)).unwrap();
        }
        bench.sure(&["preview", "-q", "-t", "first:1", "first"]);
        bench.sure(&["save", "first:1", "-o", "first.tar"]);
        bench
    }

    fn root(&self) -> PathBuf {
        self.0.join("root")
    }

    /// The program, under strace if there are words for it.
    fn run(&self, strace: &[&str], words: &[&str]) -> Output {
        let mut command = match strace {
            [] => Command::new(env!("CARGO_BIN_EXE_layerlab")),
            options => {
                let mut command = Command::new("strace");
                command.args(["-f", "-qq", "-y", "-o", "trace"]).args(options);
                command.arg(env!("CARGO_BIN_EXE_layerlab"));
                command
            }
        };
        command.args(words).current_dir(&self.0).env_clear();
        command
            .env("LAYERLAB_ROOT", self.root())
            .env("HOME", &self.0)
            .stdin(Stdio::null());
        command.output().expect("strace; `cargo xtask test peers` installs it")
    }

    #[track_caller]
    fn sure(&self, words: &[&str]) -> String {
        let output = self.run(&[], words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The names of the images.
    fn listed(&self) -> BTreeSet<String> {
        let words = ["images", "--format", "{{.Repository}}:{{.Tag}}"];
        self.sure(&words).lines().map(str::to_owned).collect()
    }

    fn trace(&self) -> String {
        fs::read_to_string(self.0.join("trace")).unwrap()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Every command that changes what is named; each can be said again.
const COMMANDS: [&[&str]; 4] = [
    &["preview", "-q", "-t", "second:1", "second"],
    &["tag", "first:1", "third:1"],
    &["load", "-i", "first.tar"],
    &["rmi", "first:1"],
];

/// The names once a command has done what it is to do.
fn after(words: &[&str], before: &BTreeSet<String>) -> BTreeSet<String> {
    let mut names = before.clone();
    match words {
        ["rmi", name] => drop(names.remove(*name)),
        ["tag", _, name] | ["preview", _, _, name, _] => drop(names.insert((*name).to_owned())),
        _ => {}
    }
    names
}

#[test]
fn a_disk_that_fails_once_is_one_clear_error_and_leaves_what_was_there() {
    let mut failed: BTreeMap<&str, usize> = BTreeMap::new();
    for call in ["syncfs", "fsync", "rename"] {
        for words in COMMANDS {
            for number in 1.. {
                let bench = Bench::new();
                let before = bench.listed();
                let after = after(words, &before);
                let (trace, inject) = (
                    format!("trace={call}"),
                    format!("inject={call}:error=EIO:when={number}"),
                );
                let output = bench.run(&["-e", &trace, "-e", &inject], words);
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                let is_hit = bench.trace().contains("(INJECTED)");
                let at = format!("{call} {number} of {words:?}");
                bench.sure(&["system", "fsck"]);
                let names = bench.listed();
                if output.status.success() {
                    // The call was not needed for what was acknowledged.
                    assert_eq!(names, after, "{at}");
                } else {
                    *failed.entry(call).or_default() += 1;
                    *failed.entry(words[0]).or_default() += 1;
                    assert_eq!(output.status.code(), Some(1), "{at}: {said}");
                    assert_eq!(said.matches("error: ").count(), 1, "{at}: {said}");
                    assert!(said.contains("Input/output error"), "{at}: {said}");
                    // What was named but not known to be durable may be there, and whole.
                    assert!(names == before || names == after, "{at}: {names:?}");
                }
                if !is_hit {
                    break;
                }
            }
        }
    }
    // Each of the calls matters to some command, and every command to some call.
    let all = ["syncfs", "fsync", "rename"]
        .into_iter()
        .chain(COMMANDS.map(|words| words[0]));
    for one in all {
        assert!(failed.contains_key(one), "{one}: {failed:?}");
    }
}

/// What is known of a file that is written under the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum File {
    /// Something was written that no sync followed.
    Written,
    Synced,
}

/// Follows a trace: which files are synced, and which names are.
#[derive(Debug, Default)]
struct Disk {
    files: BTreeMap<String, File>,
    /// Renames whose directory was not synced yet, by that directory.
    unsynced_names: BTreeMap<String, String>,
    n_renames: usize,
}

impl Disk {
    fn follow(&mut self, call: &str, root: &str) {
        let Some((name, rest)) = call.split_once('(') else {
            return;
        };
        match name {
            "write" | "pwrite64" | "writev" | "ftruncate" => {
                if let Some(path) = described(rest) {
                    self.files.insert(path.to_owned(), File::Written);
                }
            }
            "copy_file_range" | "sendfile" => {
                let target = if name == "sendfile" {
                    described(rest)
                } else {
                    rest.split(", ").nth(2).and_then(described)
                };
                self.files.extend(target.map(|path| (path.to_owned(), File::Written)));
            }
            "fsync" | "fdatasync" => {
                if let Some(path) = described(rest) {
                    self.files.insert(path.to_owned(), File::Synced);
                    self.unsynced_names.remove(path);
                }
            }
            "syncfs" => {
                self.files.values_mut().for_each(|file| *file = File::Synced);
                self.unsynced_names.clear();
            }
            "rename" | "renameat" | "renameat2" => self.rename(rest, root),
            _ => {}
        }
    }

    fn rename(&mut self, words: &str, root: &str) {
        let paths: Vec<&str> = words.split('"').skip(1).step_by(2).collect();
        let [from, to] = paths[..] else { panic!("{words}") };
        let file = self.files.remove(from);
        // Within the folder of one process nothing is promised; what snapshots hold can be made again.
        let is_promise = to.starts_with(root) && !to.contains("/ingest/") && !to.contains("/snapshots/");
        if is_promise {
            assert_ne!(file, Some(File::Written), "{from} became {to} before it was synced");
            let (folder, _) = to.rsplit_once('/').expect("an absolute path");
            self.unsynced_names.insert(folder.to_owned(), to.to_owned());
            self.n_renames += 1;
        }
        self.files.extend(file.map(|file| (to.to_owned(), file)));
    }
}

/// The path of a descriptor, as `5</tmp/file>`.
fn described(words: &str) -> Option<&str> {
    let (_, rest) = words.split_once('<')?;
    Some(rest.split_once('>')?.0)
}

/// The calls of a trace in the order in which they came back, those of several threads put together again.
fn calls(trace: &str) -> Vec<String> {
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let Some((pid, call)) = line.split_once(' ') else {
            continue;
        };
        let call = call.trim_start();
        if let Some(start) = call.strip_suffix(" <unfinished ...>") {
            begun.insert(pid, start);
        } else if let Some((_, end)) = call.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>")) {
            calls.push(format!("{}{end}", begun.remove(pid).unwrap_or_default()));
        } else {
            calls.push(call.to_owned());
        }
    }
    calls.retain(|call| !call.contains(" = -1 "));
    calls
}

#[test]
fn files_are_synced_before_their_names_and_both_before_anything_is_said() {
    for words in COMMANDS {
        let bench = Bench::new();
        let calls_seen = "trace=write,pwrite64,writev,ftruncate,copy_file_range,sendfile,fsync,fdatasync,syncfs,rename,renameat,renameat2";
        let output = bench.run(&["-s", "80", "-e", calls_seen], words);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let root = bench.root();
        let root = fs::canonicalize(&root).unwrap_or(root);
        let mut disk = Disk::default();
        let mut n_said = 0;
        for call in calls(&bench.trace()) {
            if call.starts_with("write(1<") {
                assert_eq!(disk.unsynced_names, BTreeMap::new(), "{words:?} before {call}");
                n_said += 1;
            }
            disk.follow(&call, &text(&root));
        }
        assert_eq!(disk.unsynced_names, BTreeMap::new(), "{words:?}");
        assert!(disk.n_renames > 0, "{words:?}");
        // `tag` says nothing.
        assert_eq!(n_said > 0, words[0] != "tag", "{words:?}");
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("it is text").to_owned()
}
