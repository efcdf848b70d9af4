//! find sees links as links, and owners as the tree has them.

use super::{Stage, contains};

fn stage() -> Stage {
    let mut stage = Stage::of("debian:bookworm-slim");
    stage.ok("mkdir -p /d/a/c /d/b /d/e && echo hello > /d/a/x.txt && touch /d/a/c/Y.TXT && ln -s a /d/l && ln -s nowhere /d/m && touch /d/.h && chown www-data:daemon /d/.h");
    stage
}

#[test]
fn links_are_neither_followed_nor_lost() {
    let mut stage = stage();
    assert_eq!(
        stage.ok("find /d"),
        "/d\n/d/.h\n/d/a\n/d/a/c\n/d/a/c/Y.TXT\n/d/a/x.txt\n/d/b\n/d/e\n/d/l\n/d/m\n"
    );
    assert_eq!(stage.ok("cd /d && find . -type l"), "./l\n./m\n");
    assert_eq!(stage.ok("find /d -iname '*.txt'"), "/d/a/c/Y.TXT\n/d/a/x.txt\n");
    assert_eq!(stage.ok("find -L /d/l -type f"), "/d/l/c/Y.TXT\n/d/l/x.txt\n");
    stage.ok("find /d -type f -delete");
    assert_eq!(stage.ok("find /d ! -type d"), "/d/l\n/d/m\n");
}

#[test]
fn commands_of_find_see_what_links_lead_to() {
    let mut stage = stage();
    assert_eq!(
        stage.ok("find /d -type l -exec sh -c 'test -d \"$1\"' _ {} \\; -print"),
        "/d/l\n"
    );
    assert_eq!(
        stage.ok("find /d -name x.txt -exec cat {} +; test -d /d/l && cat /d/l/x.txt"),
        "hello\nhello\n"
    );
}

#[test]
fn owners_are_those_of_the_tree() {
    let mut stage = stage();
    assert_eq!(stage.ok("find /d -user www-data"), "/d/.h\n");
    assert_eq!(stage.ok("find /d -group daemon -type f"), "/d/.h\n");
    assert_eq!(stage.ok("find /d -maxdepth 1 ! -user root -o -name e"), "/d/.h\n/d/e\n");
    assert_eq!(stage.ok("find /d -uid +0 -exec chown root {} + ; find /d -user 33"), "");
    stage.ok("chown 4711 /d/e");
    assert_eq!(stage.ok("find /d -nouser"), "/d/e\n");
    contains(
        &stage.run("find /d -user nobodyatall").log(),
        "find: 'nobodyatall' is not the name of a known user",
    );
}
