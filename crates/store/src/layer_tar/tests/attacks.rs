//! Each attack is refused with an error that names the entry.

use super::{Archive, error, read, read_within};
use crate::{EntryRule, LayerError, Limits, MemoryBlobs, Whiteouts, read_tar};
use tar::EntryType;

fn limited(tar: &[u8], limits: Limits) -> String {
    read_within(tar, &limits).expect_err("the layer is refused").to_string()
}

#[test]
fn names_that_climb_out_are_refused() {
    for name in ["../x", "a/../../x", "..", "a/..", "./../x"] {
        let tar = Archive::default().file(name).end();
        assert_eq!(
            error(&tar),
            format!("layer entry {name:?}: expected a name that stays in the root")
        );
    }
}

#[test]
fn absolute_names_are_refused() {
    let tar = Archive::default().file("/etc/passwd").end();
    assert_eq!(error(&tar), "layer entry \"/etc/passwd\": expected a relative name");
}

#[test]
fn names_hidden_in_extended_headers_are_checked_too() {
    let climbing = Archive::default().pax(&[("path", "../x")]).file("good").end();
    assert_eq!(
        error(&climbing),
        "layer entry \"../x\": expected a name that stays in the root"
    );
    let gnu = Archive::default()
        .entry(EntryType::GNULongName, "././@LongLink", "", b"/abs\0")
        .file("good")
        .end();
    assert_eq!(error(&gnu), "layer entry \"/abs\": expected a relative name");
    let nul = Archive::default().pax(&[("path", "a\0b")]).file("good").end();
    assert!(error(&nul).contains("expected PAX records"));
}

#[test]
fn a_way_through_a_link_of_the_same_layer_is_refused() {
    let tar = Archive::default().symlink("d", "/etc").file("d/passwd").end();
    assert_eq!(
        error(&tar),
        "layer entry \"d/passwd\": expected a directory at \"/d\", where the layer has put something else"
    );
    let deep = Archive::default()
        .dir("a/")
        .symlink("a/l", "../..")
        .file("a/l/b/c")
        .end();
    assert!(error(&deep).starts_with("layer entry \"a/l/b/c\""));
    let through_file = Archive::default().file("f").file("f/x").end();
    assert!(error(&through_file).starts_with("layer entry \"f/x\""));
}

#[test]
fn a_directory_that_becomes_a_link_is_a_link_from_then_on() {
    let tar = Archive::default()
        .dir("d/")
        .file("d/x")
        .symlink("d", "/etc")
        .file("d/y")
        .end();
    assert!(error(&tar).starts_with("layer entry \"d/y\""));
    let deeper = Archive::default()
        .dir("d/")
        .dir("d/x/")
        .symlink("d", "/etc")
        .file("d/x/y")
        .end();
    assert!(error(&deeper).starts_with("layer entry \"d/x/y\""));
    let back = Archive::default().symlink("d", "/etc").dir("d/").file("d/y").end();
    assert!(read(&back).is_ok(), "a directory replaces the link");
}

#[test]
fn hard_links_out_of_the_image_are_refused() {
    for target in ["../etc/passwd", "/etc/passwd", "x", "./x", ""] {
        let tar = Archive::default().hard_link("x", target).end();
        assert!(
            error(&tar).starts_with("layer entry \"x\": expected a hard link to a file of the image"),
            "{target}"
        );
    }
    let through = Archive::default().symlink("d", "/etc").hard_link("x", "d/passwd").end();
    assert!(error(&through).starts_with("layer entry \"x\": expected a hard link"));
    let directory = Archive::default().dir("d/").hard_link("x", "d").end();
    assert!(error(&directory).starts_with("layer entry \"x\": expected a hard link"));
}

#[test]
fn whiteouts_must_name_something() {
    for name in [".wh.", ".wh..", ".wh...", "a/.wh..", ".wh..wh.plnk", ".wh.x/y"] {
        let tar = Archive::default().file(name).end();
        assert_eq!(
            error(&tar),
            format!("layer entry {name:?}: expected a whiteout that names a file")
        );
    }
    let through = Archive::default().symlink("d", "/").file("d/.wh.etc").end();
    assert!(error(&through).starts_with("layer entry \"d/.wh.etc\""));
}

#[test]
fn a_size_that_lies_is_found_out() {
    let more = Archive::default()
        .header(EntryType::Regular, "f", "", 5000)
        .bytes(b"x")
        .0;
    assert_eq!(
        error(&more),
        "expected the rest of layer entry \"f\", found the end of the stream"
    );
    let endless = Archive::default()
        .header(EntryType::Regular, "f", "", (8 << 30) + 1)
        .bytes(b"x")
        .end();
    assert_eq!(error(&endless), "expected a layer of at most 8589934592 bytes");
    let less = Archive::default()
        .header(EntryType::Regular, "f", "", 1)
        .bytes(&[b'x'; 1000])
        .end();
    assert_eq!(
        error(&less),
        "layer entry \"at byte 1024\": expected a header with its checksum"
    );
    let huge = Archive::default()
        .pax(&[("size", "18446744073709551615")])
        .file("f")
        .end();
    assert!(matches!(read(&huge), Err(LayerError::Limit { .. })));
    let negative = Archive::default().pax(&[("size", "-1")]).file("f").end();
    assert_eq!(error(&negative), "layer entry \"f\": expected a number as its size");
}

#[test]
fn numbers_that_are_none_are_refused() {
    let sign = Archive::default()
        .changed_header(EntryType::Regular, "f", "", 0, |header| {
            header.as_old_mut().size = *b"-0000000001\0";
        })
        .end();
    assert_eq!(error(&sign), "layer entry \"f\": expected a number as its size");
    let base256 = Archive::default()
        .changed_header(EntryType::Regular, "f", "", 0, |header| {
            header.as_old_mut().size = [0xff; 12];
        })
        .end();
    assert_eq!(error(&base256), "layer entry \"f\": expected a number as its size");
    let owner = Archive::default().pax(&[("uid", "4294967296")]).file("f").end();
    assert_eq!(error(&owner), "layer entry \"f\": expected a number as its uid");
}

#[test]
fn devices_that_linux_cannot_have_are_refused() {
    // Eight digits leave no room for the end of a number: such a field is read, but could not be written again.
    for (kind, major, minor, wrong) in [
        (EntryType::Char, b"00010000", b"00000001", "major"),
        (EntryType::Block, b"00007777", b"66666666", "minor"),
    ] {
        let tar = Archive::default()
            .changed_header(kind, "d", "", 0, |header| {
                let gnu = header.as_gnu_mut().expect("it is one");
                (gnu.dev_major, gnu.dev_minor) = (*major, *minor);
            })
            .end();
        assert_eq!(
            error(&tar),
            format!("layer entry \"d\": expected a number as its {wrong}")
        );
    }
}

#[test]
fn truncated_streams_are_refused_wherever_they_end() {
    let tar = Archive::default().pax(&[("path", "long")]).file("f").dir("d/").0;
    for end in (0..tar.len()).filter(|end| end % 512 != 0 || *end == 512 || *end == 1024 || *end == 1536) {
        assert!(read(&tar[..end]).is_err(), "{end}");
    }
    assert!(read(&tar).is_ok(), "an archive may end without its two empty blocks");
}

#[test]
fn garbage_is_no_header() {
    assert_eq!(
        error(&[b'x'; 1024]),
        "layer entry \"at byte 0\": expected a header with its checksum"
    );
    let mut tar = Archive::default().file("f").end();
    tar[0] ^= 1;
    assert!(error(&tar).contains("expected a header with its checksum"));
    let hole = [&[0; 512][..], &Archive::default().file("f").end()].concat();
    assert_eq!(
        error(&hole),
        "layer entry \"at byte 512\": expected a header with its checksum"
    );
}

#[test]
fn nothing_may_follow_the_end() {
    let two = [
        Archive::default().file("f").end(),
        Archive::default().file("evil").end(),
    ]
    .concat();
    assert!(matches!(read(&two), Err(LayerError::Trailing)));
    let padded = [Archive::default().file("f").end(), vec![0; 9000]].concat();
    assert!(read(&padded).is_ok(), "more zeros are usual");
}

#[test]
fn headers_that_contradict_each_other_are_refused() {
    let rule = "expected one name for the entry, found contradicting headers";
    let both = Archive::default()
        .pax(&[("path", "one")])
        .entry(EntryType::GNULongName, "././@LongLink", "", b"two\0")
        .file("f")
        .end();
    assert!(error(&both).ends_with(rule));
    let twice = Archive::default()
        .pax(&[("path", "one")])
        .pax(&[("path", "two")])
        .file("f")
        .end();
    assert!(error(&twice).ends_with(rule));
    let nothing = Archive::default().pax(&[("path", "one")]).end();
    assert!(error(&nothing).ends_with(rule));
}

#[test]
fn an_extended_header_does_not_reach_the_next_one_but_the_next_entry() {
    // The size is that of the file, not of the long name before it.
    let tar = Archive::default()
        .pax(&[("size", "512")])
        .entry(EntryType::GNULongName, "././@LongLink", "", b"name\0")
        .header(EntryType::Regular, "f", "", 0)
        .bytes(&Archive::default().file("hidden").0[..512])
        .end();
    let layer = read(&tar).expect("a layer");
    let names: Vec<&str> = layer
        .changes
        .changes
        .iter()
        .map(|change| change.path.as_str())
        .collect();
    assert_eq!(names, ["name"]);
}

#[test]
fn extended_headers_have_a_largest_size() {
    let tar = Archive::default()
        .header(EntryType::XHeader, "x", "", 2 << 20)
        .bytes(&vec![0; 2 << 20])
        .end();
    assert_eq!(
        error(&tar),
        "layer entry \"x\": expected an extended header of at most 1048576 bytes"
    );
    let global = Archive::default()
        .header(EntryType::XGlobalHeader, "g", "", 1 << 40)
        .end();
    assert!(error(&global).contains("at most 1048576 bytes"));
}

#[test]
fn limits_hold_for_entries_names_and_bytes() {
    let tar = Archive::default().dir("a/").dir("a/b/").file("a/b/c").end();
    let limits = Limits::default();
    assert_eq!(
        limited(&tar, Limits { entries: 2, ..limits }),
        "expected a layer of at most 2 entries"
    );
    assert_eq!(
        limited(&tar, Limits { depth: 2, ..limits }),
        "layer entry \"a/b/c\": expected a name of at most 4095 bytes and 2 levels"
    );
    assert!(
        limited(
            &tar,
            Limits {
                name_bytes: 4,
                ..limits
            }
        )
        .contains("at most 4 bytes")
    );
    assert_eq!(
        limited(
            &tar,
            Limits {
                tar_bytes: 2000,
                ..limits
            }
        ),
        "expected a layer of at most 2000 bytes"
    );
    let long = "d/".repeat(3000);
    let deep = Archive::default().pax(&[("path", &long)]).dir("d/").end();
    assert!(error(&deep).contains("expected a name of at most"));
    let target = "t".repeat(5000);
    let link = Archive::default().pax(&[("linkpath", &target)]).symlink("l", "t").end();
    assert!(error(&link).contains("expected a name of at most"));
}

#[test]
fn a_bomb_of_zeros_ends_at_the_limit() {
    let mut zeros = std::io::Read::take(std::io::repeat(0), 1 << 40);
    let limits = Limits {
        tar_bytes: 1 << 20,
        ..Limits::default()
    };
    let result = read_tar(&mut zeros, &limits, Whiteouts::Delete, &mut MemoryBlobs::default());
    assert!(matches!(result, Err(LayerError::Limit { what: "bytes", .. })));
}

#[test]
fn sparse_files_and_unknown_kinds_are_refused() {
    let gnu = Archive::default().entry(EntryType::GNUSparse, "s", "", b"").end();
    assert_eq!(error(&gnu), "layer entry \"s\": expected a file without holes");
    let pax = Archive::default().pax(&[("GNU.sparse.major", "1")]).file("s").end();
    assert_eq!(error(&pax), "layer entry \"s\": expected a file without holes");
    let unknown = Archive::default().entry(EntryType::new(b'V'), "v", "", b"").end();
    assert_eq!(
        error(&unknown),
        "layer entry \"v\": expected a file, directory, link or device, found type 'V'"
    );
}

#[test]
fn names_that_are_no_utf8_are_refused() {
    let tar = Archive::default()
        .changed_header(EntryType::Regular, "f", "", 0, |header| {
            header.as_old_mut().name[0] = 0xff;
        })
        .end();
    assert!(matches!(
        read(&tar),
        Err(LayerError::Entry {
            rule: EntryRule::Utf8,
            ..
        })
    ));
}

#[test]
fn a_file_cannot_stand_at_the_root() {
    for name in ["./", "."] {
        let tar = Archive::default().file(name).end();
        assert!(error(&tar).ends_with("expected a name"), "{name}");
    }
    let tar = Archive::default().file("").end();
    assert!(error(&tar).ends_with("expected a name"));
}

#[test]
fn a_simulated_size_needs_an_empty_file() {
    let full = Archive::default().pax(&[("LAYERLAB.size", "5")]).file("f").end();
    assert_eq!(
        error(&full),
        "layer entry \"f\": expected a simulated file with a size and no content"
    );
    let wrong = Archive::default()
        .pax(&[("LAYERLAB.size", "-5")])
        .entry(EntryType::Regular, "f", "", b"")
        .end();
    assert!(error(&wrong).contains("simulated file"));
}
