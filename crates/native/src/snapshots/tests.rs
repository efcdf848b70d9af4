//! Filesystems that go to disk and come back.

use super::*;
use crate::disk::DiskBlobs;
use crate::testing::Scratch;
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use store::{CAPABILITY, Content, Node, Special, Time, TreePath};

struct Bench {
    scratch: Scratch,
    blobs: DiskBlobs,
    snapshots: Snapshots,
}

impl Bench {
    /// `None`, and a word about it, where the test's user may not make what it needs.
    fn new() -> Option<Bench> {
        if !rustix::process::geteuid().is_root() {
            crate::testing::skip("it takes root to give files to others and to lay folders over each other");
            return None;
        }
        let scratch = Scratch::new();
        let blobs = DiskBlobs::open(&scratch.path("store")).unwrap();
        let snapshots = Snapshots::open(&scratch.path("snapshots")).unwrap();
        Some(Bench {
            scratch,
            blobs,
            snapshots,
        })
    }

    fn file(&mut self, text: &str, mode: u32) -> Node {
        let digest = self.blobs.put(text.as_bytes()).unwrap();
        let size = text.len() as u64;
        let meta = Meta {
            uid: 5,
            gid: 7,
            mtime: Time { secs: 1000, nanos: 9 },
            ..Meta::of_mode(mode)
        };
        Node::file(meta, Content::Blob { digest, size })
    }

    fn sample(&mut self) -> Tree {
        let mut tree = Tree::new();
        tree.mkdir_all(&path("etc/deep"), &Meta::of_mode(0o750)).unwrap();
        tree.mkdir_all(&path("var/log"), &Meta::of_mode(0o755)).unwrap();
        for (name, text) in [
            ("etc/a", "a"),
            ("etc/deep/b", "bb"),
            ("var/log/x", "x"),
            ("var/log/y", "y"),
        ] {
            let file = self.file(text, 0o4755);
            tree.insert(&path(name), file).unwrap();
        }
        tree.update_meta(&path("etc/a"), |meta| {
            let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            meta.xattrs.insert(CAPABILITY.to_owned(), capability.to_vec());
        })
        .unwrap();
        tree.link(&path("etc/deep/b"), &path("etc/c")).unwrap();
        tree.insert(&path("etc/l"), Node::symlink(Meta::default(), "../nowhere"))
            .unwrap();
        let null = Node::Special {
            meta: Meta::of_mode(0o666),
            kind: Special::Char(1, 3),
        };
        tree.insert(&path("null"), null).unwrap();
        let fifo = Node::Special {
            meta: Meta::of_mode(0o622),
            kind: Special::Fifo,
        };
        tree.insert(&path("fifo"), fifo).unwrap();
        tree
    }

    /// Runs a shell over a snapshot, at `/` of the overlay; returns the tree that it left.
    fn run(&mut self, snapshot: &Snapshot, tree: &Tree, script: &str) -> (Upper, Tree) {
        let upper = self.snapshots.upper(&tree.root().meta).unwrap();
        let merged = self.scratch.path("merged");
        fs::create_dir_all(&merged).unwrap();
        let lower: Vec<_> = snapshot
            .lower
            .iter()
            .map(|folder| folder.display().to_string())
            .collect();
        let options = format!(
            "lowerdir={},upperdir={},workdir={},redirect_dir=nofollow,metacopy=off,index=off",
            lower.join(":"),
            upper.fs.display(),
            upper.work.display()
        );
        let at = merged.display();
        let script = format!("set -e; mount -t overlay o -o {options} {at}; cd {at}; {script}");
        let done = Command::new("unshare")
            .args(["-m", "sh", "-c", &script])
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let after = read_upper(&upper.fs, tree, &mut self.blobs).unwrap().tree;
        (upper, after)
    }

    fn names(&self) -> usize {
        // `work` is one of them.
        fs::read_dir(self.scratch.path("snapshots")).unwrap().count() - 1
    }
}

fn path(text: &str) -> TreePath {
    TreePath::parse(text).unwrap()
}

fn changes(before: &Tree, after: &Tree) -> Vec<String> {
    let found = Difference::within(u64::MAX, before, after).unwrap();
    let line = |entry: &difference::Entry| format!("{}{}", if entry.node.is_some() { "+" } else { "-" }, entry.path);
    found.entries.iter().map(line).collect()
}

#[test]
fn a_filesystem_comes_back_from_disk_as_it_was() {
    let Some(mut bench) = Bench::new() else { return };
    let tree = bench.sample();
    let snapshot = bench.snapshots.of(&tree, &bench.blobs).unwrap();
    let [folder] = snapshot.lower.as_slice() else {
        panic!("{snapshot:?}")
    };
    let read = read_upper(folder, &Tree::new(), &mut bench.blobs).unwrap();
    assert_eq!(read.tree, tree);
    assert_eq!(read.bytes, 5);
}

#[test]
fn a_filesystem_made_of_another_is_written_over_it_and_only_where_it_differs() {
    let Some(mut bench) = Bench::new() else { return };
    let base = bench.sample();
    bench.snapshots.add_base(&base);
    let mut tree = base.clone();
    let file = bench.file("new", 0o600);
    tree.insert(&path("var/new"), file).unwrap();
    tree.remove(&path("etc/deep")).unwrap();
    let snapshot = bench.snapshots.of(&tree, &bench.blobs).unwrap();
    assert_eq!(snapshot.lower.len(), 2);
    let top = &snapshot.lower[0];
    assert!(!top.join("null").exists() && top.join("var/new").exists());
    assert_eq!(fs::symlink_metadata(top.join("etc/deep")).unwrap().rdev(), 0);
    assert_eq!(bench.names(), 2);
    // Another process finds both.
    let mut other = Snapshots::open(&bench.scratch.path("snapshots")).unwrap();
    assert_eq!(other.of(&tree, &store::MemoryBlobs::default()).unwrap(), snapshot);
}

#[test]
fn what_a_command_writes_becomes_a_tree_and_a_snapshot() {
    let Some(mut bench) = Bench::new() else { return };
    let base = bench.sample();
    let snapshot = bench.snapshots.of(&base, &bench.blobs).unwrap();
    let script = "echo hi > etc/new; ln etc/new etc/new2; rm etc/a; rm -r var/log; mkdir var/log; touch var/log/z; \
                  chmod 700 etc/deep; ln -s x link; mkfifo pipe; mknod zero c 1 5; chown 9:9 etc/l -h";
    let (upper, after) = bench.run(&snapshot, &base, script);
    let found = changes(&base, &after);
    let expected = [
        "+etc",
        "-etc/a",
        "+etc/deep",
        "+etc/l",
        "+etc/new",
        "+etc/new2",
        "+link",
        "+pipe",
        "+var",
        "+var/log",
        "-var/log/x",
        "-var/log/y",
        "+var/log/z",
        "+zero",
    ];
    assert_eq!(found, expected);
    assert_eq!(after.names(&path("etc/new")), [path("etc/new"), path("etc/new2")]);
    assert_eq!(after.names(&path("etc/c")), [path("etc/c"), path("etc/deep/b")]);
    bench.snapshots.adopt(upper, &snapshot, &after, 0).unwrap();
    let next = bench.snapshots.of(&after, &store::MemoryBlobs::default()).unwrap();
    assert_eq!(next.lower.len(), 2);
    let (_, same) = bench.run(
        &next,
        &after,
        "cat etc/new2 && test ! -e etc/a && test -e var/log/z && test ! -e var/log/x",
    );
    assert!(changes(&after, &same).is_empty());
}

#[test]
fn a_file_that_is_only_copied_up_is_as_before() {
    let Some(mut bench) = Bench::new() else { return };
    let mut base = bench.sample();
    // As a layer has it, while the disk has what the command left.
    bench.snapshots.of(&base, &bench.blobs).unwrap();
    base.update_meta(&path("var/log/x"), |meta| meta.mtime.nanos = 0)
        .unwrap();
    let snapshot = bench.snapshots.of(&base, &bench.blobs).unwrap();
    let (_, after) = bench.run(&snapshot, &base, "chmod 4755 var/log/x; ls -l var/log/x");
    assert_eq!(after.get(&path("var/log/x")), base.get(&path("var/log/x")));
}

#[test]
fn a_name_that_is_no_text_is_refused_by_name() {
    let Some(mut bench) = Bench::new() else { return };
    let base = bench.sample();
    let snapshot = bench.snapshots.of(&base, &bench.blobs).unwrap();
    let (upper, _) = bench.run(&snapshot, &base, "true");
    let name = std::ffi::OsStr::new("etc/x").to_owned();
    let mut bytes = std::os::unix::ffi::OsStringExt::into_vec(name);
    bytes.push(0xff);
    let name: std::ffi::OsString = std::os::unix::ffi::OsStringExt::from_vec(bytes);
    fs::create_dir_all(upper.fs.join("etc")).unwrap();
    fs::write(upper.fs.join(name), "").unwrap();
    let error = read_upper(&upper.fs, &base, &mut bench.blobs).unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected file names in UTF-8, found \"/etc/x\u{fffd}\""
    );
}

#[test]
fn a_simulated_file_is_refused_and_leaves_nothing() {
    let Some(mut bench) = Bench::new() else { return };
    let mut tree = Tree::new();
    let file = Node::file(Meta::of_mode(0o644), Content::Absent { size: 5 });
    tree.insert(&path("bin"), file).unwrap();
    let error = bench.snapshots.of(&tree, &bench.blobs).unwrap_err();
    assert!(matches!(error, SnapshotError::Absent { .. }), "{error}");
    assert_eq!(bench.names(), 0);
}

#[test]
fn a_stack_that_would_be_too_deep_is_written_in_one_piece() {
    let Some(mut bench) = Bench::new() else { return };
    let mut tree = bench.sample();
    let mut deepest = 0;
    for step in 0..MAX_LAYERS + 20 {
        let parent = bench.snapshots.of(&tree, &bench.blobs).unwrap();
        deepest = deepest.max(parent.lower.len());
        let upper = bench.snapshots.upper(&tree.root().meta).unwrap();
        fs::write(upper.fs.join(format!("f{step}")), step.to_string()).unwrap();
        tree = read_upper(&upper.fs, &tree, &mut bench.blobs).unwrap().tree;
        bench.snapshots.adopt(upper, &parent, &tree, 0).unwrap();
    }
    let last = bench.snapshots.of(&tree, &bench.blobs).unwrap();
    assert_eq!(deepest, MAX_LAYERS);
    assert!(last.lower.len() < 30, "{}", last.lower.len());
    assert!(last.lower.iter().rev().any(|folder| folder.join("f0").exists()));
}

#[test]
fn a_snapshot_of_before_a_power_cut_is_made_again() {
    let Some(mut bench) = Bench::new() else { return };
    let tree = bench.sample();
    let snapshot = bench.snapshots.of(&tree, &bench.blobs).unwrap();
    let folder = snapshot.lower[0].parent().unwrap().to_owned();
    let record = fs::read_to_string(folder.join("record.json")).unwrap();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    fs::write(folder.join("record.json"), record.replace(boot.trim(), "earlier")).unwrap();
    fs::write(folder.join("fs/etc/a"), "").unwrap();
    let mut next = Snapshots::open(&bench.scratch.path("snapshots")).unwrap();
    let again = next.of(&tree, &bench.blobs).unwrap();
    assert_eq!(again, snapshot);
    assert_eq!(fs::read(folder.join("fs/etc/a")).unwrap(), b"a");
    next.mark_durable();
    assert!(folder.join("durable").exists());
}

#[test]
fn the_least_used_snapshot_that_nothing_lies_on_goes_first() {
    let Some(mut bench) = Bench::new() else { return };
    let base = bench.sample();
    let first = bench.snapshots.of(&base, &bench.blobs).unwrap();
    let mut tree = base.clone();
    tree.remove(&path("etc")).unwrap();
    let second = bench.snapshots.of(&tree, &bench.blobs).unwrap();
    drop(bench.snapshots);
    let folder = bench.scratch.path("snapshots");
    let kept = |count| Kept { count, bytes: u64::MAX };
    assert_eq!(prune(&folder, kept(2)).unwrap(), 0);
    let held = (hold(&first.lower[0]).unwrap(), hold(&second.lower[0]).unwrap());
    assert_eq!(prune(&folder, kept(0)).unwrap(), 0);
    drop(held);
    assert_eq!(prune(&folder, kept(1)).unwrap(), 1);
    assert!(first.lower[0].exists() && !second.lower[0].exists());
    assert_eq!(prune(&folder, Kept { count: 9, bytes: 1 }).unwrap(), 1);
}
