//! What COPY, ADD and WORKDIR leave in a tree.

use super::{CopyError, Scene, copy, make_dir};
use planner::{Copy, CopyItem, CopyKind, Id, Input, MakeDir, Mode, Owner};
use std::collections::BTreeMap;
use std::io::Write as _;
use store::{BlobStore, Content, File, MemoryBlobs, Meta, Node, Time, Tree, TreePath};

const NOW: Time = Time { secs: 1000, nanos: 0 };

fn path(text: &str) -> TreePath {
    TreePath::parse(text).expect("a good path")
}

/// A tree of these paths: `dir/`, `link -> target`, or a file with the given text.
fn tree(blobs: &mut MemoryBlobs, entries: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::new();
    for (name, text) in entries {
        if let Some(dir) = name.strip_suffix('/') {
            tree.mkdir_all(&path(dir), &Meta::of_mode(0o755)).expect("room for it");
            continue;
        }
        let place = path(name);
        tree.mkdir_all(&place.parent().expect("not the root"), &Meta::of_mode(0o755))
            .expect("room for it");
        let node = match text.strip_prefix("-> ") {
            Some(target) => Node::Symlink {
                meta: Meta::of_mode(0o777),
                target: target.to_owned(),
            },
            None => file(blobs, text.as_bytes()),
        };
        tree.insert(&place, node).expect("room for it");
    }
    tree
}

fn file(blobs: &mut MemoryBlobs, bytes: &[u8]) -> Node {
    let digest = blobs.put(bytes).expect("memory takes it");
    let content = Content::Blob {
        digest,
        size: bytes.len() as u64,
    };
    Node::File(std::sync::Arc::new(File {
        meta: Meta::of_mode(0o644),
        content,
        link: None,
    }))
}

struct Case {
    source: Vec<(&'static str, &'static str)>,
    base: Vec<(&'static str, &'static str)>,
    paths: Vec<&'static str>,
    dest: &'static str,
    change: fn(&mut Copy),
}

impl Case {
    fn new(source: &[(&'static str, &'static str)], paths: &[&'static str], dest: &'static str) -> Case {
        Case {
            source: source.to_vec(),
            base: Vec::new(),
            paths: paths.to_vec(),
            dest,
            change: |_| {},
        }
    }

    fn run(&self) -> Result<Tree, CopyError> {
        let mut blobs = MemoryBlobs::default();
        let base = tree(&mut blobs, &self.base);
        let sources = BTreeMap::from([(Input::Source(0), tree(&mut blobs, &self.source))]);
        let item = |text: &&str| CopyItem {
            from: Input::Source(0),
            path: format!("/{text}"),
            include: None,
            required: None,
            kind: CopyKind::Local { unpack: false },
        };
        let mut action = Copy {
            items: self.paths.iter().map(item).collect(),
            dest: self.dest.to_owned(),
            owner: None,
            mode: None,
            exclude: Vec::new(),
        };
        (self.change)(&mut action);
        let scene = Scene {
            base: &base,
            from_scratch: self.base.is_empty(),
            sources: &sources,
            now: NOW,
        };
        copy(&action, scene, &mut blobs)
    }

    #[track_caller]
    fn leaves(&self, expected: &[&str]) {
        assert_eq!(listing(&self.run().expect("it can be copied")), expected);
    }

    #[track_caller]
    fn fails(&self, expected: &str) {
        assert_eq!(self.run().expect_err("it cannot be copied").to_string(), expected);
    }
}

/// Every path with its mode and owner.
fn listing(tree: &Tree) -> Vec<String> {
    let line = |(path, node): (TreePath, &Node)| {
        let meta = node.meta();
        let end = match node {
            Node::Dir(_) => "/".to_owned(),
            Node::Symlink { target, .. } => format!(" -> {target}"),
            _ => String::new(),
        };
        format!("{}{end} {:o} {}:{}", path.as_str(), meta.mode, meta.uid, meta.gid)
    };
    tree.walk().filter(|(path, _)| !path.is_root()).map(line).collect()
}

const FILES: &[(&str, &str)] = &[("a.txt", "a"), ("b.md", "b"), ("d/c.txt", "c"), ("d/e/f", "f")];

#[test]
fn a_file_goes_into_a_directory_or_gets_the_name() {
    Case::new(FILES, &["a.txt"], "/x/y/").leaves(&["x/ 755 0:0", "x/y/ 755 0:0", "x/y/a.txt 644 0:0"]);
    Case::new(FILES, &["a.txt"], "/x/y").leaves(&["x/ 755 0:0", "x/y 644 0:0"]);
    let existing = Case {
        base: vec![("x/", "")],
        ..Case::new(FILES, &["a.txt"], "/x")
    };
    existing.leaves(&["x/ 755 0:0", "x/a.txt 644 0:0"]);
}

#[test]
fn a_directory_gives_its_content() {
    Case::new(FILES, &["d"], "/x").leaves(&["x/ 755 0:0", "x/c.txt 644 0:0", "x/e/ 755 0:0", "x/e/f 644 0:0"]);
}

#[test]
fn a_wildcard_flattens_directories_and_may_match_nothing() {
    Case::new(FILES, &["*"], "/x/").leaves(&[
        "x/ 755 0:0",
        "x/a.txt 644 0:0",
        "x/b.md 644 0:0",
        "x/c.txt 644 0:0",
        "x/e/ 755 0:0",
        "x/e/f 644 0:0",
    ]);
    Case::new(FILES, &["*.zip"], "/x/").leaves(&[]);
}

#[test]
fn a_missing_source_is_worded_as_buildkit_words_it() {
    Case::new(FILES, &["nope"], "/x/")
        .fails("failed to compute cache key: failed to calculate checksum of ref: \"/nope\": not found");
}

#[test]
fn files_and_directories_do_not_replace_each_other() {
    let onto_file = Case {
        base: vec![("x", "1")],
        ..Case::new(FILES, &["d"], "/x")
    };
    onto_file.fails("cannot copy to non-directory: /x");
    let onto_dir = Case {
        base: vec![("x/a.txt/", "")],
        ..Case::new(FILES, &["a.txt"], "/x/")
    };
    onto_dir.fails("cannot replace to directory /x/a.txt with file");
}

#[test]
fn the_destination_follows_links_within_the_root() {
    let linked = Case {
        base: vec![("real/", ""), ("l", "-> /real")],
        ..Case::new(FILES, &["a.txt"], "/l/")
    };
    linked.leaves(&["l -> /real 777 0:0", "real/ 755 0:0", "real/a.txt 644 0:0"]);
    let climbing = Case {
        base: vec![("l", "-> ../../../out")],
        ..Case::new(FILES, &["a.txt"], "/l/")
    };
    climbing.leaves(&["l -> ../../../out 777 0:0", "out/ 755 0:0", "out/a.txt 644 0:0"]);
}

#[test]
fn a_link_given_as_source_is_followed_and_one_inside_is_kept() {
    let files = &[("d/c", "c"), ("d/l", "-> c"), ("to", "-> d")];
    Case::new(files, &["to"], "/x/").leaves(&["x/ 755 0:0", "x/c 644 0:0", "x/l -> c 777 0:0"]);
    Case::new(files, &["d/l"], "/x/").leaves(&["x/ 755 0:0", "x/l 644 0:0"]);
}

#[test]
fn an_owner_and_a_mode_count_for_made_parents_too() {
    let owned = |copy: &mut Copy| {
        copy.owner = Some(Owner {
            user: Id::Number(7),
            group: None,
        });
    };
    Case {
        change: owned,
        ..Case::new(FILES, &["a.txt"], "/x/")
    }
    .leaves(&["x/ 755 7:7", "x/a.txt 644 7:7"]);
    let octal = |copy: &mut Copy| copy.mode = Some(Mode::Octal(0o4711));
    Case {
        change: octal,
        ..Case::new(FILES, &["a.txt"], "/x/")
    }
    .leaves(&["x/ 711 0:0", "x/a.txt 4711 0:0"]);
    let symbolic = |copy: &mut Copy| copy.mode = Some(Mode::Symbolic("go=".to_owned()));
    Case {
        change: symbolic,
        ..Case::new(FILES, &["a.txt"], "/x/")
    }
    .leaves(&["x/ 755 0:0", "x/a.txt 600 0:0"]);
}

#[test]
fn names_of_users_are_looked_up_in_the_filesystem() {
    let named = |copy: &mut Copy| {
        copy.owner = Some(Owner {
            user: Id::Name("app".to_owned()),
            group: None,
        });
    };
    let passwd = vec![("etc/passwd", "root:x:0:0::/:/bin/sh\napp:x:5:6::/:/bin/sh\n")];
    let tree = Case {
        base: passwd,
        change: named,
        ..Case::new(FILES, &["a.txt"], "/x")
    }
    .run()
    .expect("app is known");
    assert_eq!(listing(&tree).last().map(String::as_str), Some("x 644 5:6"));
    Case {
        change: named,
        ..Case::new(FILES, &["a.txt"], "/x")
    }
    .fails("invalid user index: -1");
    let unknown = Case {
        base: vec![("etc/", "")],
        change: named,
        ..Case::new(FILES, &["a.txt"], "/x")
    };
    unknown.leaves(&["etc/ 755 0:0", "x 644 0:0"]);
}

#[test]
fn exclude_and_parents_choose_among_files() {
    let exclude = |copy: &mut Copy| copy.exclude = vec!["*.md".to_owned(), "d/*".to_owned(), "!d/e".to_owned()];
    Case {
        change: exclude,
        ..Case::new(FILES, &[""], "/x/")
    }
    .leaves(&[
        "x/ 755 0:0",
        "x/a.txt 644 0:0",
        "x/d/ 755 0:0",
        "x/d/e/ 755 0:0",
        "x/d/e/f 644 0:0",
    ]);
    let parents = |copy: &mut Copy| copy.items[0].include = Some("**/f".to_owned());
    Case {
        change: parents,
        ..Case::new(FILES, &[""], "/x/")
    }
    .leaves(&["x/ 755 0:0", "x/d/ 755 0:0", "x/d/e/ 755 0:0", "x/d/e/f 644 0:0"]);
}

#[test]
fn names_of_one_file_stay_names_of_one_file() {
    let mut blobs = MemoryBlobs::default();
    let mut source = tree(&mut blobs, &[("d/one", "1")]);
    source.link(&path("d/one"), &path("d/two")).expect("room for it");
    let sources = BTreeMap::from([(Input::Source(0), source)]);
    let base = Tree::new();
    let scene = Scene {
        base: &base,
        from_scratch: true,
        sources: &sources,
        now: NOW,
    };
    let item = CopyItem {
        from: Input::Source(0),
        path: "/d".to_owned(),
        include: None,
        required: None,
        kind: CopyKind::Local { unpack: false },
    };
    let action = Copy {
        items: vec![item],
        dest: "/x".to_owned(),
        owner: None,
        mode: None,
        exclude: Vec::new(),
    };
    let result = copy(&action, scene, &mut blobs).expect("it can be copied");
    assert_eq!(result.names(&path("x/one")).len(), 2);
}

/// Adds an archive and returns the tree it leaves.
fn add(archive: &[u8]) -> Result<Tree, CopyError> {
    let mut blobs = MemoryBlobs::default();
    let mut source = Tree::new();
    source
        .insert(&path("a"), file(&mut blobs, archive))
        .expect("room for it");
    let sources = BTreeMap::from([(Input::Source(0), source)]);
    let item = CopyItem {
        from: Input::Source(0),
        path: "/a".to_owned(),
        include: None,
        required: None,
        kind: CopyKind::Local { unpack: true },
    };
    let action = Copy {
        items: vec![item],
        dest: "/x/".to_owned(),
        owner: None,
        mode: None,
        exclude: Vec::new(),
    };
    let base = Tree::new();
    copy(
        &action,
        Scene {
            base: &base,
            from_scratch: true,
            sources: &sources,
            now: NOW,
        },
        &mut blobs,
    )
}

/// A tar of these entries, names unchecked.
fn archive(entries: &[(tar::EntryType, &str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (kind, name, content) in entries {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o640);
        header.set_uid(3);
        header.set_gid(4);
        header.set_mtime(5);
        let is_file = *kind == tar::EntryType::Regular;
        header.set_size(if is_file { content.len() as u64 } else { 0 });
        if !is_file {
            header.as_mut_bytes()[157..157 + content.len()].copy_from_slice(content.as_bytes());
        }
        header.set_cksum();
        builder
            .append(&header, if is_file { content.as_bytes() } else { &[] })
            .expect("memory takes it");
    }
    builder.into_inner().expect("memory takes it")
}

#[test]
fn an_archive_is_unpacked_whatever_its_name_and_compression() {
    let tar = archive(&[
        (tar::EntryType::Regular, "d/f", "hello"),
        (tar::EntryType::Symlink, "l", "d/f"),
    ]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar).expect("memory takes it");
    let expected = ["x/ 755 0:0", "x/d/ 755 0:0", "x/d/f 640 3:4", "x/l -> d/f 777 3:4"];
    for bytes in [tar, gzip.finish().expect("memory takes it")] {
        assert_eq!(listing(&add(&bytes).expect("a good archive")), expected);
    }
}

#[test]
fn what_is_no_archive_is_copied() {
    assert_eq!(
        listing(&add(b"plain text").expect("a file")),
        ["x/ 755 0:0", "x/a 644 0:0"]
    );
    assert_eq!(
        listing(&add(b"\x1f\x8b broken").expect("a file")),
        ["x/ 755 0:0", "x/a 644 0:0"]
    );
}

#[test]
fn archives_that_climb_out_are_refused() {
    for (kind, name, content) in [
        (tar::EntryType::Regular, "../out", "1"),
        (tar::EntryType::Regular, "d/../../out", "1"),
        (tar::EntryType::Link, "l", "../out"),
    ] {
        let error = add(&archive(&[(kind, name, content)])).expect_err("it climbs out");
        assert!(matches!(error, CopyError::Archive { .. }), "{name}: {error}");
    }
}

#[test]
fn a_link_that_leads_out_of_an_archive_is_followed_inside_the_destination() {
    let through = |target: &'static str| {
        archive(&[
            (tar::EntryType::Symlink, "l", target),
            (tar::EntryType::Regular, "l/f", "1"),
        ])
    };
    let left = listing(&add(&through("/etc")).expect("it stays inside"));
    let link = "x/l -> /etc 777 3:4";
    assert_eq!(left, ["x/ 755 0:0", "x/etc/ 755 0:0", "x/etc/f 640 3:4", link]);
    let error = add(&through("../etc")).expect_err("it leads out");
    assert!(error.to_string().ends_with("points outside extraction root"), "{error}");
}

#[test]
fn an_archive_may_hold_a_link_that_leads_nowhere() {
    let tar = archive(&[(tar::EntryType::Symlink, "l", "../../out")]);
    let left = listing(&add(&tar).expect("a link is only text"));
    assert_eq!(left, ["x/ 755 0:0", "x/l -> ../../out 777 3:4"]);
}

#[test]
fn a_path_of_an_archive_is_cleaned() {
    let tar = archive(&[(tar::EntryType::Regular, "/a/../b", "1")]);
    assert_eq!(
        listing(&add(&tar).expect("a good archive")),
        ["x/ 755 0:0", "x/b 640 3:4"]
    );
}

#[test]
fn a_truncated_archive_leaves_an_error() {
    let whole = archive(&[(tar::EntryType::Regular, "f", &"x".repeat(2000))]);
    let error = add(&whole[..1024]).expect_err("its end is missing");
    assert!(matches!(error, CopyError::Archive { .. }), "{error}");
}

#[test]
fn workdir_makes_what_is_missing_and_leaves_what_is_there() {
    let mut blobs = MemoryBlobs::default();
    let base = tree(&mut blobs, &[("a/", "")]);
    let scene = Scene {
        base: &base,
        from_scratch: false,
        sources: &BTreeMap::new(),
        now: NOW,
    };
    let action = |path: &str| MakeDir {
        path: path.to_owned(),
        owner: Some(Owner {
            user: Id::Number(9),
            group: None,
        }),
        created: Some(5),
    };
    let made = make_dir(&action("/a/b/c"), scene, &blobs).expect("room for it");
    assert_eq!(listing(&made), ["a/ 755 0:0", "a/b/ 755 9:9", "a/b/c/ 755 9:9"]);
    // Each directory but the last gets the time of the one that is made in it.
    let times = ["a", "a/b", "a/b/c"].map(|name| made.get(&path(name)).map(|node| node.meta().mtime.secs));
    assert_eq!(times, [Some(1000), Some(1000), Some(5)]);
    assert_eq!(make_dir(&action("/a"), scene, &blobs).expect("it is there"), base);
}

#[test]
fn a_directory_that_gets_an_entry_gets_the_time_of_now() {
    let case = Case {
        base: vec![("old/", ""), ("old/f", "1"), ("other/", "")],
        ..Case::new(FILES, &["a.txt"], "/old/")
    };
    let tree = case.run().expect("it can be copied");
    let time = |name: &str| tree.get(&path(name)).map(|node| node.meta().mtime.secs);
    assert_eq!((time("old"), time("other")), (Some(1000), Some(0)));
}

#[test]
fn the_destination_of_a_directory_gets_the_time_of_the_original() {
    let case = Case {
        base: vec![("x/", "")],
        ..Case::new(&[("d/", ""), ("d/f", "1")], &["d"], "/x")
    };
    let tree = case.run().expect("it can be copied");
    assert_eq!(tree.get(&path("x")).map(|node| node.meta().mtime.secs), Some(0));
}

#[test]
fn a_wildcard_in_a_directory_that_is_not_there_is_an_error() {
    Case::new(FILES, &["nothere/*.txt"], "/x/").fails("lstat /nothere: no such file or directory");
    Case::new(FILES, &["*.nothere"], "/x/").leaves(&[]);
}

#[test]
fn an_exclude_pattern_with_a_leading_slash_excludes_nothing() {
    let files = &[("d/a", "1"), ("d/b", "2")];
    let exclude = |copy: &mut Copy| copy.exclude = vec!["/a".to_owned()];
    Case {
        change: exclude,
        ..Case::new(files, &["d"], "/x")
    }
    .leaves(&["x/ 755 0:0", "x/a 644 0:0", "x/b 644 0:0"]);
}
