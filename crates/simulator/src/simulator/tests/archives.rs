//! Archives and compressed streams keep what they are given.

use super::{Stage, contains};
use store::{Content, Node};

#[test]
fn an_archive_keeps_modes_owners_and_links() {
    let mut stage = Stage::of("debian:bookworm-slim");
    stage.ok("mkdir -p /d/sub && echo one > /d/a && chmod 4750 /d/a && chown www-data:daemon /d/a && ln /d/a /d/b && ln -s a /d/c && ln -s /etc/passwd /d/sub/p && chmod 711 /d/sub");
    stage.ok("tar -C / -czf /x.tgz d && mkdir /o && tar xzf /x.tgz -C /o");
    assert_eq!(stage.text("/o/d/a"), "one\n");
    assert_eq!(stage.rights("/o/d/a"), stage.rights("/d/a"));
    assert_eq!(stage.rights("/o/d/sub").0, 0o711);
    assert!(matches!(stage.node("/o/d/c"), Some(Node::Symlink { target, .. }) if target == "a"));
    assert!(matches!(stage.node("/o/d/sub/p"), Some(Node::Symlink { target, .. }) if target == "/etc/passwd"));
    let path = store::TreePath::parse("o/d/a").unwrap();
    assert_eq!(stage.tree.names(&path).len(), 2);
    assert_eq!(stage.node("/o/d/a").unwrap().meta().mtime.secs, 1_700_000_000);
}

#[test]
fn an_archive_goes_through_a_pipe() {
    let mut stage = Stage::of("alpine:3.9.3");
    stage.ok(
        "mkdir -p /d/e && echo x > /d/e/f && chown guest /d/e/f && mkdir /o && tar -C /d -cf - . | tar -C /o -xf -",
    );
    assert_eq!(stage.text("/o/e/f"), "x\n");
    assert_eq!(stage.rights("/o/e/f"), (0o644, 405, 0));
    let log = stage.ok("tar cz -C /d e | tar tzv");
    contains(&log, "guest/root");
    contains(&log, " e/f\n");
}

#[test]
fn the_same_files_make_the_same_archive() {
    let mut stage = Stage::of("debian:bookworm-slim");
    stage.ok("mkdir /d && echo a > /d/a && tar czf /1.tgz -C /d . && tar czf /2.tgz -C /d . && cmp /1.tgz /2.tgz");
}

#[test]
fn components_are_stripped_and_patterns_left_out() {
    let mut stage = Stage::of("debian:bookworm-slim");
    stage.ok("mkdir -p /d/top/bin /d/top/doc && echo a > /d/top/bin/a && echo b > /d/top/doc/b.md");
    stage.ok("tar -cf /x.tar -C /d top && mkdir /o && tar -xf /x.tar -C /o --strip-components=1 --exclude='*.md'");
    assert!(stage.node("/o/bin/a").is_some());
    assert!(stage.node("/o/doc/b.md").is_none());
    stage.ok("mkdir /n && tar xf /x.tar -C /n --strip-components 1 top/bin");
    assert!(stage.node("/n/bin/a").is_some());
    assert!(stage.node("/n/doc").is_none());
    contains(
        &stage.fails(2, "tar xf /x.tar -C /n top/nope"),
        "tar: top/nope: Not found in archive\ntar: Exiting with failure status due to previous errors\n",
    );
}

#[test]
fn another_user_cannot_keep_owners() {
    let mut stage = Stage::of("debian:bookworm-slim");
    stage.ok("mkdir /d && echo a > /d/a && chown daemon /d/a && chmod 4777 /d/a && tar cf /x.tar -C /d a && mkdir -m 777 /o /q && tar xf /x.tar -C /q --no-same-owner");
    assert_eq!(stage.rights("/q/a"), (0o4777, 0, 0));
    stage.request.user = "www-data".to_owned();
    stage.ok("tar xf /x.tar -C /o");
    assert_eq!(stage.rights("/o/a"), (0o755, 33, 33));
}

/// An archive with one member of any name, as nobody but an attacker writes it.
fn hostile(members: &[(&str, tar::EntryType, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, kind, target) in members {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(0);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

#[test]
fn hostile_names_are_refused() {
    let mut stage = Stage::of("debian:bookworm-slim");
    let file = tar::EntryType::Regular;
    stage.file(
        "x.tar",
        &hostile(&[
            ("../up", file, ""),
            ("/etc/root", file, ""),
            ("out", tar::EntryType::Symlink, "/etc"),
            ("out/through", file, ""),
            ("good", file, ""),
        ]),
    );
    stage.ok("mkdir -p /o/p");
    let outcome = stage.run("tar xf /x.tar -C /o/p");
    assert_eq!(outcome.exit, 2);
    contains(&outcome.log(), "tar: ../up: Member name contains '..'");
    contains(&outcome.log(), "tar: Removing leading `/' from member names");
    contains(&outcome.log(), "tar: out/through: Cannot open: Not a directory");
    stage.tree = outcome.tree;
    assert!(stage.node("/o/up").is_none());
    assert!(stage.node("/etc/root").is_none());
    assert!(stage.node("/etc/through").is_none());
    assert!(stage.node("/o/p/etc/root").is_some());
    assert!(stage.node("/o/p/good").is_some());
    assert!(matches!(stage.node("/o/p/out"), Some(Node::Symlink { .. })));
}

#[test]
fn what_is_no_archive_is_said_to_be_none() {
    let mut stage = Stage::of("debian:bookworm-slim");
    contains(
        &stage.fails(2, "echo no > /x; tar xf /x"),
        "tar: This does not look like a tar archive",
    );
    contains(
        &stage.fails(2, "tar xf /nope.tar"),
        "tar: /nope.tar: Cannot open: No such file or directory",
    );
    contains(&stage.fails(2, "tar c"), "Cowardly refusing to create an empty archive");
    contains(&stage.fails(2, "true | tar x"), "This does not look like a tar archive");
}

#[test]
fn files_without_content_keep_their_size_in_an_archive() {
    let mut stage = Stage::of("debian:bookworm-slim");
    let log =
        stage.ok("mkdir /d && truncate -s 20M /d/big && tar cf /x.tar -C /d big && mkdir /o && tar xf /x.tar -C /o");
    contains(&log, "their content is not simulated");
    assert_eq!(stage.size("/o/big"), 20 << 20);
}

#[test]
fn gzip_works_through_pipes_and_on_files() {
    let mut stage = Stage::of("debian:bookworm-slim");
    stage.ok("echo hello > /x && gzip -c /x | gunzip > /y && cmp /x /y && gzip -9 < /x | gzip -dc | cmp - /x");
    stage.ok("chmod 600 /x && gzip /x && test ! -e /x");
    assert_eq!(stage.rights("/x.gz").0, 0o600);
    stage.ok("zcat /x.gz | grep hello && gunzip -k /x.gz && test -e /x.gz");
    assert_eq!(stage.text("/x"), "hello\n");
    contains(
        &stage.fails(2, "gzip /x"),
        "gzip: /x.gz already exists;\tnot overwritten",
    );
    contains(&stage.fails(1, "echo no | gunzip"), "gunzip: stdin: not in gzip format");
}

#[test]
fn an_archive_that_was_not_fetched_is_said_to_be_missing() {
    let mut stage = Stage::of("alpine:3.9.3");
    stage.ok("apk add --no-cache curl");
    let log = stage.ok("curl -fsSL https://example.org/tool.tgz | tar xz -C /opt");
    contains(
        &log,
        "layerlab: https://example.org/tool.tgz was not fetched: tar has nothing to unpack",
    );
    let log = stage.ok("cd /tmp && curl -fsSLO https://example.org/tool.tgz && tar xzf tool.tgz");
    contains(
        &log,
        "layerlab: tool.tgz has no content here: tar has nothing to unpack",
    );
    contains(
        &stage.ok("wget -qO- https://example.org/data.gz | gunzip > /data"),
        "gunzip has nothing to unpack",
    );
    assert!(
        matches!(stage.node("/data"), Some(Node::File(file)) if matches!(file.content, Content::Blob { size: 0, .. } | Content::Absent { size: 0 }))
    );
}
