//! The bytes of layers.

use super::super::write_tar;
use super::{file, path, put, read};
use crate::{BlobStore, Change, ChangeKind, Changeset, Content, LayerError, MemoryBlobs, Meta, Node, Special, Time};
use oci::Digest;

fn write(changes: Vec<Change>, blobs: &MemoryBlobs) -> Vec<u8> {
    let mut tar = Vec::new();
    let written = write_tar(&Changeset { changes }, blobs, &mut tar).expect("a layer");
    assert_eq!(written.size, tar.len() as u64);
    assert_eq!(written.diff_id.0, Digest::of(&tar));
    tar
}

/// Writes, reads back and compares.
fn round_trip(changes: Vec<Change>, blobs: &MemoryBlobs) -> Vec<u8> {
    let tar = write(changes.clone(), blobs);
    assert_eq!(read(&tar).expect("a layer").changes.changes, changes);
    tar
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "~")
}

#[test]
fn an_empty_layer_is_two_empty_blocks() {
    let tar = write(Vec::new(), &MemoryBlobs::default());
    assert_eq!(tar, [0; 1024]);
    assert_eq!(
        Digest::of(&tar).hex(),
        "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
    );
}

#[test]
fn a_header_is_that_of_go() {
    let mut blobs = MemoryBlobs::default();
    let mut node = file(&mut blobs, b"hello\n");
    node.meta_mut().mtime = Time {
        secs: 1_700_000_000,
        nanos: 999_999_999,
    };
    let tar = write(vec![put("hello.txt", node)], &blobs);
    assert_eq!(text(&tar[..10]), "hello.txt~");
    assert_eq!(
        text(&tar[100..156]),
        "0000644~0000000~0000000~00000000006~14524770400~011107~ "
    );
    assert_eq!(text(&tar[156..158]), "0~");
    assert_eq!(text(&tar[257..265]), "ustar~00");
    assert!(tar[265..329].iter().all(|byte| *byte == 0), "owners have no names");
    assert_eq!(text(&tar[329..345]), "0000000~0000000~");
    assert_eq!(text(&tar[512..519]), "hello\n~");
    assert_eq!(tar.len(), 4 * 512, "no padding to larger records");
}

#[test]
fn every_kind_of_entry_comes_back() {
    let mut blobs = MemoryBlobs::default();
    let meta = Meta {
        mode: 0o4755,
        uid: 1000,
        gid: 50,
        mtime: Time::of_secs(9),
        ..Meta::default()
    };
    let content = file(&mut blobs, b"content");
    let special = |kind| Node::Special {
        meta: meta.clone(),
        kind,
    };
    let changes = vec![
        put("d", Node::dir(meta.clone())),
        put("d/c", special(Special::Char(1, 3))),
        put("d/e", file(&mut blobs, b"")),
        put("d/f", content.clone()),
        Change {
            path: path("d/g"),
            kind: ChangeKind::Link {
                to: path("d/f"),
                meta: content.meta().clone(),
            },
        },
        Change {
            path: path("d/h"),
            kind: ChangeKind::Delete,
        },
        Change {
            path: path("d/o"),
            kind: ChangeKind::Opaque,
        },
        put("d/p", special(Special::Fifo)),
        put("d/s", Node::symlink(meta.clone(), "../elsewhere")),
        Change {
            path: path("z"),
            kind: ChangeKind::Delete,
        },
    ];
    round_trip(changes, &blobs);
}

#[test]
fn whiteouts_have_no_mode_and_no_time() {
    let tar = write(
        vec![Change {
            path: path("d/x"),
            kind: ChangeKind::Delete,
        }],
        &MemoryBlobs::default(),
    );
    assert_eq!(text(&tar[..9]), "d/.wh.x~~");
    assert_eq!(text(&tar[100..148]), "0000000~0000000~0000000~00000000000~00000000000~");
    assert_eq!(tar[156], b'0');
}

#[test]
fn hard_links_repeat_the_metadata_and_have_no_size() {
    let mut blobs = MemoryBlobs::default();
    let node = file(&mut blobs, b"x");
    let link = ChangeKind::Link {
        to: path("h1"),
        meta: node.meta().clone(),
    };
    let tar = round_trip(
        vec![
            put("h1", node),
            Change {
                path: path("h2"),
                kind: link,
            },
        ],
        &blobs,
    );
    let header = &tar[1024..1536];
    assert_eq!(text(&header[100..108]), "0000644~");
    assert_eq!(text(&header[124..136]), "00000000000~");
    assert_eq!(text(&header[156..160]), "1h1~");
}

#[test]
fn a_long_name_is_split_at_the_last_slash_that_fits() {
    let mut blobs = MemoryBlobs::default();
    let (above, name) = ("d".repeat(90), "n".repeat(80));
    let tar = round_trip(vec![put(&format!("{above}/{name}"), file(&mut blobs, b""))], &blobs);
    assert_eq!(tar.len(), 512 + 1024, "no extended header");
    assert_eq!(text(&tar[..81]), format!("{name}~"));
    assert_eq!(text(&tar[345..436]), format!("{above}~"));
}

#[test]
fn a_name_that_cannot_be_split_gets_an_extended_header() {
    let mut blobs = MemoryBlobs::default();
    let name = "x".repeat(120);
    let tar = round_trip(vec![put(&format!("n/{name}"), file(&mut blobs, b""))], &blobs);
    assert_eq!(text(&tar[..100]), format!("n/PaxHeaders.0/{}", "x".repeat(85)));
    assert_eq!(
        text(&tar[100..158]),
        "0000000~0000000~0000000~00000000204~00000000000~034404~ x~"
    );
    assert!(
        tar[329..345].iter().all(|byte| *byte == 0),
        "an extended header has no device numbers"
    );
    assert_eq!(text(&tar[512..644]), format!("132 path=n/{name}\n"));
    assert_eq!(text(&tar[1024..1124]), format!("n/{}", "x".repeat(98)));
    assert_eq!(tar[1024 + 156], b'0');
}

#[test]
fn a_directory_name_cut_at_a_slash_does_not_end_in_one() {
    let name = format!("{}/{}", "a".repeat(99), "b".repeat(150));
    let tar = round_trip(
        vec![put(&name, Node::dir(Meta::of_mode(0o755)))],
        &MemoryBlobs::default(),
    );
    let main = &tar[1024..];
    assert_eq!(text(&main[..100]), format!("{}~", "a".repeat(99)));
}

#[test]
fn what_ustar_cannot_hold_stands_in_sorted_records() {
    let meta = Meta {
        uid: 2_097_152,
        gid: 4_000_000,
        mtime: Time::of_secs(-5),
        xattrs: [
            ("security.capability".to_owned(), vec![1, 0, 0, 2]),
            ("user.dropped".to_owned(), vec![1]),
        ]
        .into(),
        ..Meta::of_mode(0o755)
    };
    let kept = Meta {
        xattrs: [("security.capability".to_owned(), vec![1, 0, 0, 2])].into(),
        ..meta.clone()
    };
    let tar = write(vec![put("é", Node::symlink(meta, "ü"))], &MemoryBlobs::default());
    let records = text(&tar[512..1024]);
    let keys: Vec<&str> = records
        .split('\n')
        .filter_map(|line| line.split(['=']).next()?.split(' ').nth(1))
        .collect();
    assert_eq!(
        keys,
        [
            "SCHILY.xattr.security.capability",
            "gid",
            "linkpath",
            "mtime",
            "path",
            "uid"
        ]
    );
    assert_eq!(
        text(&tar[1024 + 100..1024 + 148]),
        "0000777~0000000~0000000~00000000000~00000000000~"
    );
    let back = read(&tar).expect("a layer").changes.changes;
    assert_eq!(back, [put("é", Node::symlink(kept, "ü"))]);
}

#[test]
fn a_simulated_file_is_small_and_keeps_its_size() {
    let node = Node::file(Meta::of_mode(0o644), Content::Absent { size: 5 << 40 });
    let changes = vec![put("huge", node)];
    let tar = round_trip(changes.clone(), &MemoryBlobs::default());
    assert_eq!(tar.len(), 3 * 512 + 1024);
    assert!(Changeset { changes }.is_simulated());
}

#[test]
fn the_root_is_no_entry() {
    let tar = write(vec![put("/", Node::dir(Meta::of_mode(0o700)))], &MemoryBlobs::default());
    assert_eq!(tar.len(), 1024);
}

#[test]
fn a_root_that_is_emptied_stays_so() {
    let opaque = Change {
        path: path("/"),
        kind: ChangeKind::Opaque,
    };
    let tar = round_trip(vec![opaque], &MemoryBlobs::default());
    assert!(tar.starts_with(b".wh..wh..opq\0"));
}

#[test]
fn times_are_clamped_down_and_never_up() {
    let at = |secs, nanos| {
        let mut node = Node::file(Meta::of_mode(0o644), Content::Absent { size: 0 });
        node.meta_mut().mtime = Time { secs, nanos };
        node
    };
    let changes = Changeset {
        changes: vec![
            put("late", at(200, 5)),
            put("early", at(50, 999)),
            put("edge", at(100, 1)),
        ],
    };
    let times = |changes: Changeset| -> Vec<Time> {
        changes
            .changes
            .iter()
            .map(|change| match &change.kind {
                ChangeKind::Put(node) => node.meta().mtime,
                other => panic!("{other:?}"),
            })
            .collect()
    };
    assert_eq!(
        times(changes.clone().as_written(Some(Time::of_secs(100)))),
        [100, 50, 100].map(Time::of_secs)
    );
    assert_eq!(times(changes.as_written(None)), [200, 50, 100].map(Time::of_secs));
}

#[test]
fn missing_or_wrong_contents_are_errors() {
    let mut blobs = MemoryBlobs::default();
    let lost = Content::Blob {
        digest: Digest::of(b"lost"),
        size: 4,
    };
    let missing = Changeset {
        changes: vec![put("f", Node::file(Meta::of_mode(0o644), lost))],
    };
    let error = write_tar(&missing, &blobs, &mut std::io::sink()).expect_err("missing");
    assert!(matches!(error, LayerError::Store(_)));
    let digest = blobs.put(b"four").expect("memory takes it");
    for size in [3, 5] {
        let wrong = Node::file(Meta::of_mode(0o644), Content::Blob { digest, size });
        let error = write_tar(
            &Changeset {
                changes: vec![put("f", wrong)],
            },
            &blobs,
            &mut std::io::sink(),
        );
        assert!(matches!(error, Err(LayerError::Size { expected, .. }) if expected == size));
    }
}
