//! The power fails while clients push to `layerlab registry serve`: what was acknowledged is there afterwards.
//!
//! A disk image lies on XFS, which copies a file in a moment by sharing its blocks. Such a copy has only what the kernel had
//! written by then, as a disk has after a power cut. Takes root; `LAYERLAB_CUTS` says how many cuts there are.

#![allow(clippy::print_stdout)] // how much was tried is worth a line

mod registry_bench;

use oci::Digest;
use registry_bench::{Bench, IMAGE, new_dir};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Mounts that go away with it, the last first.
struct Mounts(Vec<PathBuf>);

impl Mounts {
    fn add(&mut self, image: &Path, place: &Path) {
        fs::create_dir_all(place).unwrap();
        sure(Command::new("mount").args(["-o", "loop"]).arg(image).arg(place));
        self.0.push(place.to_owned());
    }

    fn remove(&mut self) {
        let place = self.0.pop().unwrap();
        sure(Command::new("umount").arg(place));
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        while let Some(place) = self.0.pop() {
            let _ = Command::new("umount").arg("-l").arg(place).status();
        }
    }
}

fn sure(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, error) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{command:?}: {out}{error}");
    out.into_owned()
}

fn image(path: &Path, bytes: u64, make: &str) {
    fs::File::create(path).unwrap().set_len(bytes).unwrap();
    sure(
        Command::new(make)
            .arg(if make == "mkfs.xfs" { "-q" } else { "-qF" })
            .arg(path),
    );
}

/// What was answered 201: blobs and manifests, with their tags.
#[derive(Default, Clone)]
struct Acknowledged {
    blobs: Vec<Digest>,
    tags: Vec<(String, Digest)>,
}

#[test]
fn a_power_cut_loses_nothing_that_was_answered() {
    let cuts: usize = std::env::var("LAYERLAB_CUTS").map_or(10, |text| text.parse().unwrap());
    let dir = new_dir();
    let mut mounts = Mounts(Vec::new());
    image(&dir.join("outer.img"), 4 << 30, "mkfs.xfs");
    mounts.add(&dir.join("outer.img"), &dir.join("outer"));
    let inner = dir.join("outer/inner.img");
    image(&inner, 1 << 30, "mkfs.ext4");
    mounts.add(&inner, &dir.join("inner"));
    let bench = Bench::start(dir.clone(), &storage("inner/registry"));
    let acknowledged = Mutex::new(Acknowledged::default());
    let (is_over, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for pusher in 0..3 {
            let (bench, acknowledged, is_over, count) = (&bench, &acknowledged, &is_over, &count);
            scope.spawn(move || {
                for n in 0.. {
                    if is_over.load(Ordering::SeqCst) {
                        return;
                    }
                    push(bench, pusher, n, acknowledged);
                    count.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let over = Over(&is_over);
        for cut in 0..cuts {
            // Another number of pushes before each cut, so that it comes at another moment of one.
            let until = count.load(Ordering::SeqCst) + 1 + cut % 7;
            while count.load(Ordering::SeqCst) < until {
                std::thread::yield_now();
            }
            let before = acknowledged.lock().unwrap().clone();
            let snapshot = dir.join("outer/snapshot.img");
            sure(Command::new("cp").arg("--reflink=always").arg(&inner).arg(&snapshot));
            mounts.add(&snapshot, &dir.join("after"));
            check(&dir, &before);
            mounts.remove();
            fs::remove_file(snapshot).unwrap();
        }
        drop(over);
    });
    let done = acknowledged.lock().unwrap();
    println!(
        "{cuts} cuts, {} blobs and {} tags acknowledged at the end, none lost",
        done.blobs.len(),
        done.tags.len()
    );
    drop(bench);
    drop(mounts);
    let _ = fs::remove_dir_all(dir);
}

#[test]
fn a_full_disk_refuses_what_does_not_fit_and_loses_nothing() {
    let dir = new_dir();
    let mut mounts = Mounts(Vec::new());
    let place = dir.join("full");
    fs::create_dir_all(&place).unwrap();
    sure(
        Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"])
            .arg(&place),
    );
    mounts.0.push(place.clone());
    let mut bench = Bench::start(dir.clone(), &storage("full/registry"));
    let bytes = |n: u8, size: usize| -> Vec<u8> { vec![n; size] };
    let push = |bench: &Bench, bytes: &[u8]| {
        let target = format!("/v2/a/blobs/uploads/?digest={}", Digest::of(bytes));
        bench.ask("POST", &target, &[], bytes).status
    };
    assert_eq!(push(&bench, &bytes(1, 2_000_000)), 201);
    assert_eq!(push(&bench, &bytes(2, 2_000_000)), 500);
    // Small ones go to the journal, until that is full as well.
    let answers: Vec<u16> = (10..40).map(|n| push(&bench, &bytes(n, 60_000))).collect();
    let kept: Vec<u8> = (10..40)
        .zip(&answers)
        .filter(|(_, status)| **status == 201)
        .map(|(n, _)| n)
        .collect();
    assert!(kept.len() > 2 && kept.len() < 20, "{answers:?}");
    assert_eq!(fs::read_dir(place.join("registry/uploads")).unwrap().count(), 0);
    for _ in 0..2 {
        for (n, size) in kept.iter().map(|n| (*n, 60_000)).chain([(1, 2_000_000)]) {
            let expected = bytes(n, size);
            let reply = bench.ask("GET", &format!("/v2/a/blobs/{}", Digest::of(&expected)), &[], b"");
            assert!(reply.status == 200 && reply.body == expected, "{n}");
        }
        sure(Command::new("mount").args(["-o", "remount,size=9m"]).arg(&place));
        bench.restart();
    }
    assert_eq!(push(&bench, &bytes(2, 2_000_000)), 201);
    drop(bench);
    drop(mounts);
    let _ = fs::remove_dir_all(dir);
}

/// Ends the pushers, whatever happens.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn storage(root: &str) -> [(&'static str, &str); 2] {
    [
        ("REGISTRY_STORAGE", "filesystem"),
        ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", root),
    ]
}

/// A small layer and now and then a large one, and an image of them. Each is noted once it is acknowledged.
fn push(bench: &Bench, pusher: usize, n: usize, acknowledged: &Mutex<Acknowledged>) {
    let repository = format!("app{pusher}");
    let size = if n.is_multiple_of(3) { 300_000 } else { 3000 };
    let layer: Vec<u8> = format!("{pusher} {n} ").bytes().cycle().take(size).collect();
    let note = |bytes: &[u8]| acknowledged.lock().unwrap().blobs.push(Digest::of(bytes));
    bench.push_blob(&repository, &layer);
    note(&layer);
    let tag = format!("v{n}");
    let manifest = bench.push_image(&repository, &tag, &layer);
    let digest = Digest::of(&manifest);
    acknowledged
        .lock()
        .unwrap()
        .tags
        .push((format!("{repository}/manifests/{tag}"), digest));
}

/// Whether all of it is there after the cut, and nothing else is broken.
fn check(dir: &Path, before: &Acknowledged) {
    let config = dir.join("after.yml");
    let root = dir.join("after/registry");
    fs::write(
        &config,
        format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\n",
            root.display()
        ),
    )
    .unwrap();
    let fsck = || Command::new(env!("CARGO_BIN_EXE_layerlab"));
    sure(fsck().args(["registry", "fsck"]).arg(&config).env_clear());
    let folder = dir.join("after-bench");
    fs::create_dir_all(&folder).unwrap();
    let bench = Bench::start(folder, &storage(root.to_str().unwrap()));
    for (target, digest) in &before.tags {
        let reply = bench.ask("GET", &format!("/v2/{target}"), &[("Accept", IMAGE)], b"");
        assert_eq!((reply.status, Digest::of(&reply.body)), (200, *digest), "{target}");
    }
    let repositories: Vec<String> = (0..3).map(|pusher| format!("app{pusher}")).collect();
    for blob in &before.blobs {
        let is_there = |repository: &String| {
            let reply = bench.ask("GET", &format!("/v2/{repository}/blobs/{blob}"), &[], b"");
            reply.status == 200 && Digest::of(&reply.body) == *blob
        };
        assert!(repositories.iter().any(is_there), "{blob} was acknowledged");
    }
}
