//! What a tree keeps true.

use super::*;
use crate::{Content, Time};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn path(text: &str) -> TreePath {
    TreePath::parse(text).expect("a good path")
}

fn file(size: u64) -> Node {
    Node::file(Meta::of_mode(0o644), Content::Absent { size })
}

fn tree(paths: &[&str]) -> Tree {
    let mut tree = Tree::new();
    for text in paths {
        let at = path(text);
        tree.mkdir_all(&at.parent().expect("not the root"), &Meta::of_mode(0o755))
            .expect("directories");
        tree.insert(&at, file(1)).expect("insert");
    }
    tree
}

fn symlink(tree: &mut Tree, at: &str, target: &str) {
    tree.insert(&path(at), Node::symlink(Meta::default(), target))
        .expect("insert");
}

#[test]
fn a_change_leaves_clones_alone_and_shares_the_rest() {
    let before = tree(&["a/x", "b/y"]);
    let mut after = before.clone();
    after.insert(&path("a/z"), file(2)).expect("insert");
    assert_eq!(before.len(), 4);
    assert_eq!(after.len(), 5);
    let b = path("b");
    assert!(before.get(&b).expect("b").is_shared_with(after.get(&b).expect("b")));
}

#[test]
fn inserting_needs_a_parent_directory() {
    let mut tree = tree(&["f"]);
    assert!(matches!(
        tree.insert(&path("no/x"), file(1)),
        Err(TreeError::Missing { .. })
    ));
    assert!(matches!(
        tree.insert(&path("f/x"), file(1)),
        Err(TreeError::NotDirectory { .. })
    ));
    assert!(matches!(
        tree.insert(&path("/"), file(1)),
        Err(TreeError::NotDirectory { .. })
    ));
    assert!(tree.remove(&path("/")).is_err());
}

#[test]
fn the_walk_is_in_layer_order() {
    let paths: Vec<String> = tree(&["a.txt", "a/x", "b/c/d"])
        .walk()
        .map(|(p, _)| p.to_string())
        .collect();
    assert_eq!(paths, ["a", "a/x", "a.txt", "b", "b/c", "b/c/d"]);
}

#[test]
fn all_names_of_a_file_change_together() {
    let mut tree = tree(&["a/x"]);
    tree.link(&path("a/x"), &path("a/y")).expect("link");
    tree.link(&path("a/y"), &path("z")).expect("link");
    tree.update_file(&path("z"), |file| file.content = Content::Absent { size: 9 })
        .expect("update");
    for name in tree.names(&path("a/x")) {
        assert_eq!(
            tree.get(&name).and_then(Node::as_file).map(|f| f.content.size()),
            Some(9)
        );
    }
    assert_eq!(tree.names(&path("a/x")).len(), 3);
    let groups: Vec<_> = tree.link_groups().cloned().collect();
    assert_eq!(groups, [tree.names(&path("a/x")).into_iter().collect()]);
    assert_eq!(tree.bytes(), 9);
}

#[test]
fn a_file_left_with_one_name_is_an_ordinary_file() {
    let mut linked = tree(&["a/x"]);
    linked.link(&path("a/x"), &path("z")).expect("link");
    assert_ne!(
        linked,
        tree(&["a/x", "z"]),
        "sharing a file differs from two alike files"
    );
    linked.remove(&path("a")).expect("remove");
    assert_eq!(linked, tree(&["z"]));
    assert_eq!(linked.get(&path("z")).and_then(Node::link), None);
}

#[test]
fn replacing_a_name_breaks_its_link() {
    let mut tree = tree(&["x"]);
    tree.link(&path("x"), &path("y")).expect("link");
    tree.insert(&path("y"), file(5)).expect("insert");
    assert_eq!(tree.get(&path("x")), Some(&file(1)));
}

#[test]
fn links_inside_an_inserted_directory_do_not_mix_with_those_of_the_tree() {
    let mut one = tree(&["d/x"]);
    one.link(&path("d/x"), &path("d/y")).expect("link");
    let mut two = tree(&["p"]);
    two.link(&path("p"), &path("q")).expect("link");
    two.insert(&path("d"), one.get(&path("d")).expect("d").clone())
        .expect("insert");
    assert_eq!(two.names(&path("d/x")), [path("d/x"), path("d/y")]);
    assert_eq!(two.names(&path("p")), [path("p"), path("q")]);
}

#[test]
fn renaming_keeps_links() {
    let mut tree = tree(&["d/x"]);
    tree.link(&path("d/x"), &path("z")).expect("link");
    tree.rename(&path("d"), &path("e")).expect("rename");
    assert_eq!(tree.names(&path("z")), [path("e/x"), path("z")]);
    assert!(matches!(
        tree.rename(&path("e"), &path("e/f")),
        Err(TreeError::Invalid { .. })
    ));
    tree.rename(&path("e/x"), &path("z"))
        .expect("rename over its own other name");
    assert_eq!(tree.get(&path("z")).and_then(Node::link), None);
}

#[test]
fn resolving_follows_links_but_stays_in_the_root() {
    let mut tree = tree(&["usr/bin/sh", "etc/passwd"]);
    symlink(&mut tree, "bin", "usr/bin");
    symlink(&mut tree, "out", "../../../../etc");
    symlink(&mut tree, "abs", "/etc/passwd");
    let resolve = |text| tree.resolve(text, Follow::Last).map(|p| p.to_string());
    assert_eq!(resolve("/bin/sh").as_deref(), Ok("usr/bin/sh"));
    assert_eq!(resolve("/bin/../x").as_deref(), Ok("usr/x"));
    assert_eq!(resolve("/out/passwd").as_deref(), Ok("etc/passwd"));
    assert_eq!(resolve("/../../abs").as_deref(), Ok("etc/passwd"));
    assert_eq!(tree.resolve("/abs", Follow::AllButLast), Ok(path("abs")));
    assert_eq!(tree.resolve("/bin/", Follow::AllButLast), Ok(path("usr/bin")));
    assert!(matches!(resolve("/etc/passwd/x"), Err(TreeError::NotDirectory { .. })));
    assert!(matches!(resolve("/etc/passwd/"), Err(TreeError::NotDirectory { .. })));
    assert!(matches!(resolve("/no/x"), Err(TreeError::Missing { .. })));
    assert_eq!(resolve("/no").as_deref(), Ok("no"));
    assert_eq!(
        tree.resolve_missing("/bin/no/../more/x", Follow::Last),
        Ok(path("usr/bin/more/x"))
    );
    assert_eq!(
        tree.resolve_from(&path("usr"), "bin/sh", Follow::Last),
        Ok(path("usr/bin/sh"))
    );
}

#[test]
fn a_circle_of_links_is_an_error() {
    let mut tree = Tree::new();
    symlink(&mut tree, "a", "b");
    symlink(&mut tree, "b", "a");
    assert!(matches!(
        tree.resolve("/a", Follow::Last),
        Err(TreeError::TooManyLinks { .. })
    ));
}

#[test]
fn meta_changes_reach_every_kind() {
    let mut tree = tree(&["f"]);
    symlink(&mut tree, "l", "f");
    let time = Time { secs: 7, nanos: 0 };
    for at in ["/", "f", "l"] {
        tree.update_meta(&path(at), |meta| {
            meta.mtime = time;
            meta.mode = 0o700;
        })
        .expect("update");
        assert_eq!(tree.get(&path(at)).expect("there").meta().mtime, time);
    }
    assert_eq!(tree.get(&path("l")).expect("there").meta().mode, 0o777);
}

#[test]
fn sealed_names_change_one_at_a_time_as_with_overlayfs() {
    let mut tree = tree(&["a"]);
    for name in ["b", "c", "d"] {
        tree.link(&path("a"), &path(name)).expect("link");
    }
    tree.seal_links();
    tree.update_file(&path("b"), |file| file.content = Content::Absent { size: 9 })
        .expect("update");
    assert_eq!(tree.names(&path("a")), [path("a"), path("c"), path("d")]);
    assert_eq!(
        tree.get(&path("b"))
            .and_then(Node::as_file)
            .map(|file| file.content.size()),
        Some(9)
    );
    tree.link(&path("c"), &path("new")).expect("link");
    assert_eq!(tree.names(&path("new")), [path("c"), path("new")]);
    tree.update_file(&path("new"), |file| file.content = Content::Absent { size: 8 })
        .expect("update");
    assert_eq!(
        tree.get(&path("c"))
            .and_then(Node::as_file)
            .map(|file| file.content.size()),
        Some(8)
    );
    assert_eq!(tree.names(&path("a")), [path("a"), path("d")]);
}

#[test]
fn nothing_lies_deeper_than_the_limit() {
    let mut tree = Tree::new();
    let deep = |levels: usize| path(&"d/".repeat(levels));
    let meta = Meta::of_mode(0o755);
    assert!(matches!(
        tree.mkdir_all(&deep(MAX_DEPTH + 1), &meta),
        Err(TreeError::TooDeep { .. })
    ));
    tree.mkdir_all(&deep(MAX_DEPTH), &meta).expect("directories");
    assert!(matches!(
        tree.insert(&deep(MAX_DEPTH).child("x"), file(1)),
        Err(TreeError::TooDeep { .. })
    ));
    tree.mkdir_all(&path("e/f"), &meta).expect("directories");
    assert!(matches!(
        tree.rename(&path("d"), &path("e/f/d")),
        Err(TreeError::TooDeep { .. })
    ));
    let node = tree.get(&path("d")).expect("d").clone();
    assert!(matches!(
        tree.insert(&path("e/d"), node),
        Err(TreeError::TooDeep { .. })
    ));
}

/// One step over few names.
#[derive(Debug, Clone)]
enum Step {
    Insert(TreePath),
    Mkdir(TreePath),
    Link(TreePath, TreePath),
    Rename(TreePath, TreePath),
    Remove(TreePath),
    Update(TreePath),
    Seal,
}

fn any_path() -> impl Strategy<Value = TreePath> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..4).prop_map(|names| path(&names.join("/")))
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        any_path().prop_map(Step::Insert),
        any_path().prop_map(Step::Mkdir),
        (any_path(), any_path()).prop_map(|(a, b)| Step::Link(a, b)),
        (any_path(), any_path()).prop_map(|(a, b)| Step::Link(a, b)),
        (any_path(), any_path()).prop_map(|(a, b)| Step::Rename(a, b)),
        any_path().prop_map(Step::Remove),
        any_path().prop_map(Step::Update),
        Just(Step::Seal),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(5),
        ..ProptestConfig::default()
    })]

    #[test]
    fn after_any_steps_the_names_of_a_file_are_alike_and_more_than_one(
        steps in prop::collection::vec(any_step(), 1..40),
    ) {
        let mut tree = Tree::new();
        for (number, step) in (0..).zip(steps) {
            // What fails changes nothing, but for the directories that `mkdir_all` has made on its way.
            let before = tree.clone();
            let is_mkdir = matches!(step, Step::Mkdir(_));
            let done = match step {
                Step::Insert(at) => tree.insert(&at, file(number)),
                Step::Mkdir(at) => tree.mkdir_all(&at, &Meta::of_mode(0o755)),
                Step::Link(from, to) => tree.link(&from, &to),
                Step::Rename(from, to) => tree.rename(&from, &to),
                Step::Remove(at) => tree.remove(&at).map(drop),
                Step::Update(at) => tree.update_file(&at, |file| file.content = Content::Absent { size: number }),
                Step::Seal => {
                    tree.seal_links();
                    Ok(())
                }
            };
            if done.is_err() && !is_mkdir {
                prop_assert_eq!(&tree, &before);
            }
            for (at, node) in tree.walk() {
                let names = tree.names(&at);
                prop_assert_eq!(node.link().is_some(), names.len() > 1);
                for name in &names {
                    prop_assert_eq!(tree.get(name), Some(node));
                }
            }
            prop_assert_eq!(Tree::from_dir(Arc::new(tree.root().clone())), Ok(tree.clone()));
        }
    }
}
