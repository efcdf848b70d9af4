//! What other programs write and we understand.

use super::{Archive, path, read};
use crate::{ChangeKind, Content, LayerError, Limits, MemoryBlobs, Meta, Node, Special, Time, Whiteouts, read_tar};
use oci::DiffId;
use tar::EntryType;

fn nodes(tar: &[u8]) -> Vec<(String, Node)> {
    let changes = read(tar).expect("a layer").changes.changes;
    let node = |kind| match kind {
        ChangeKind::Put(node) => node,
        other => panic!("{other:?}"),
    };
    changes
        .into_iter()
        .map(|change| (change.path.to_string(), node(change.kind)))
        .collect()
}

fn kinds(tar: &[u8]) -> Vec<(String, ChangeKind)> {
    let changes = read(tar).expect("a layer").changes.changes;
    changes
        .into_iter()
        .map(|change| (change.path.to_string(), change.kind))
        .collect()
}

#[test]
fn whiteouts_and_opaque_directories_are_changes() {
    let tar = Archive::default()
        .dir("d/")
        .file("d/.wh..wh..opq")
        .file("d/.wh.gone")
        .file(".wh.top")
        .file(".wh..wh..opq")
        .end();
    let found = kinds(&tar);
    assert_eq!(found[1], ("d".to_owned(), ChangeKind::Opaque));
    assert_eq!(found[2], ("d/gone".to_owned(), ChangeKind::Delete));
    assert_eq!(found[3], ("top".to_owned(), ChangeKind::Delete));
    assert_eq!(found[4], (String::new(), ChangeKind::Opaque));
}

#[test]
fn in_an_archive_to_unpack_whiteouts_are_names() {
    let tar = Archive::default().file(".wh.x").end();
    let mut source = &tar[..];
    let layer = read_tar(
        &mut source,
        &Limits::default(),
        Whiteouts::Keep,
        &mut MemoryBlobs::default(),
    )
    .expect("an archive");
    assert_eq!(layer.changes.changes[0].path, path(".wh.x"));
    assert!(matches!(layer.changes.changes[0].kind, ChangeKind::Put(Node::File(_))));
}

#[test]
fn leading_dots_and_doubled_slashes_mean_nothing() {
    let tar = Archive::default().dir("./").file("./a//b").end();
    let found = nodes(&tar);
    assert_eq!((found[0].0.as_str(), found[0].1.is_dir()), ("", true));
    assert_eq!(found[1].0, "a/b");
}

#[test]
fn long_names_come_in_gnu_and_pax_form() {
    let long = format!("{}/f", "d".repeat(200));
    let gnu = Archive::default()
        .entry(
            EntryType::GNULongName,
            "././@LongLink",
            "",
            format!("{long}\0").as_bytes(),
        )
        .entry(
            EntryType::GNULongLink,
            "././@LongLink",
            "",
            format!("{long}-target\0").as_bytes(),
        )
        .symlink("cut", "cut")
        .end();
    let pax = Archive::default()
        .pax(&[("linkpath", &format!("{long}-target")), ("path", &long)])
        .symlink("c", "c")
        .end();
    for tar in [gnu, pax] {
        let found = nodes(&tar);
        assert_eq!(found[0].0, long);
        assert!(matches!(&found[0].1, Node::Symlink { target, .. } if *target == format!("{long}-target")));
    }
}

#[test]
fn names_split_for_ustar_are_joined() {
    let tar = Archive::default()
        .changed_header(EntryType::Regular, "name", "", 0, |header| {
            *header = {
                let mut ustar = tar::Header::new_ustar();
                ustar.as_mut_bytes()[..148].copy_from_slice(&header.as_bytes()[..148]);
                ustar.set_entry_type(EntryType::Regular);
                ustar
            };
            header.as_ustar_mut().expect("ustar").prefix[..6].copy_from_slice(b"prefix");
        })
        .end();
    assert_eq!(nodes(&tar)[0].0, "prefix/name");
}

#[test]
fn old_headers_and_big_numbers_are_read() {
    let tar = Archive::default()
        .changed_header(EntryType::new(0), "olddir/", "", 0, |header| {
            header.as_old_mut().linkflag = [0];
        })
        .changed_header(EntryType::Regular, "big", "", 0, |header| {
            header.set_uid(3_000_000);
            header.as_old_mut().mtime = [0xff; 12];
        })
        .end();
    let found = nodes(&tar);
    assert!(found[0].1.is_dir());
    assert_eq!(found[1].1.meta().uid, 3_000_000);
    assert_eq!(found[1].1.meta().mtime, Time::of_secs(-1));
}

#[test]
fn pax_records_replace_what_the_header_says() {
    let tar = Archive::default()
        .pax(&[
            ("gid", "70000"),
            ("mtime", "1700000000.25"),
            ("uid", "4000000"),
            ("SCHILY.xattr.security.capability", "cap"),
            ("SCHILY.xattr.user.x", "y"),
        ])
        .file("f")
        .end();
    let found = nodes(&tar);
    let Meta {
        uid,
        gid,
        mtime,
        xattrs,
        ..
    } = found[0].1.meta();
    assert_eq!((*uid, *gid), (4_000_000, 70_000));
    assert_eq!(
        *mtime,
        Time {
            secs: 1_700_000_000,
            nanos: 250_000_000
        }
    );
    assert_eq!(xattrs["security.capability"], b"cap");
    assert_eq!(xattrs["user.x"], b"y");
}

#[test]
fn times_before_the_epoch_keep_their_fraction() {
    let tar = Archive::default().pax(&[("mtime", "-1.25")]).file("f").end();
    assert_eq!(
        nodes(&tar)[0].1.meta().mtime,
        Time {
            secs: -2,
            nanos: 750_000_000
        }
    );
}

#[test]
fn a_record_holds_for_one_entry_only_and_global_headers_for_none() {
    let tar = Archive::default()
        .entry(
            EntryType::XGlobalHeader,
            "pax_global_header",
            "",
            b"18 comment=a commit\n",
        )
        .pax(&[("path", "renamed")])
        .file("a")
        .file("b")
        .end();
    let found = nodes(&tar);
    assert_eq!((found[0].0.as_str(), found[1].0.as_str()), ("renamed", "b"));
}

#[test]
fn devices_and_fifos_are_read() {
    let device = |header: &mut tar::Header| {
        header.set_device_major(8).expect("room");
        header.set_device_minor(1).expect("room");
    };
    let tar = Archive::default()
        .changed_header(EntryType::Block, "sda1", "", 0, device)
        .changed_header(EntryType::Char, "c", "", 0, device)
        .entry(EntryType::Fifo, "p", "", b"")
        .end();
    let special: Vec<Special> = nodes(&tar)
        .into_iter()
        .map(|(_, node)| match node {
            Node::Special { kind, .. } => kind,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(special, [Special::Block(8, 1), Special::Char(8, 1), Special::Fifo]);
}

#[test]
fn a_link_or_directory_with_a_size_has_no_content() {
    // Go's reader, which counts for layers, takes the next block for a header.
    let tar = Archive::default()
        .file("f")
        .header(EntryType::Link, "l", "f", 512)
        .header(EntryType::Directory, "d/", "", 512)
        .file("after")
        .end();
    let names: Vec<String> = kinds(&tar).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["f", "l", "d", "after"]);
}

#[test]
fn the_kind_of_file_in_the_mode_is_dropped() {
    let tar = Archive::default()
        .changed_header(EntryType::Regular, "f", "", 0, |header| header.set_mode(0o104_755))
        .end();
    assert_eq!(nodes(&tar)[0].1.meta().mode, 0o4755);
    let wild = Archive::default()
        .changed_header(EntryType::Regular, "f", "", 0, |header| header.set_mode(0o7_000_644))
        .end();
    assert!(matches!(read(&wild), Err(LayerError::Entry { .. })));
}

#[test]
fn contents_reach_the_blob_store_and_the_digest_is_that_of_every_byte() {
    let tar = [Archive::default().file("f").end(), vec![0; 512]].concat();
    let layer = read(&tar).expect("a layer");
    assert_eq!(layer.diff_id, DiffId::of(&tar));
    assert_eq!(layer.size, tar.len() as u64);
    let digest = oci::Digest::of(b"x");
    let contents: Vec<Content> = layer.changes.files().map(|(_, content)| content).collect();
    assert_eq!(contents, [Content::Blob { digest, size: 1 }]);
}

#[test]
fn an_archive_to_unpack_may_have_absolute_names() {
    let tar = Archive::default().file("/etc/x").hard_link("y", "/etc/x").end();
    let mut source = &tar[..];
    let layer = read_tar(
        &mut source,
        &Limits::default(),
        Whiteouts::Keep,
        &mut MemoryBlobs::default(),
    );
    let changes = layer.expect("an archive").changes.changes;
    assert_eq!(changes[0].path, path("etc/x"));
    assert!(matches!(&changes[1].kind, ChangeKind::Link { to, .. } if *to == path("etc/x")));
}
