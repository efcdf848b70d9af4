//! Every shipped byte is accounted for.

use super::{Count, Fate, Hiding, Usage, sharing};
use crate::{
    BlobStore, Change, ChangeKind, Changeset, Content, Image, Layer, MemoryBlobs, Meta, Node, TreePath, validate,
};
use oci::{ImageConfig, Platform};

fn path(text: &str) -> TreePath {
    TreePath::parse(text).expect("a good path")
}

/// Layers from lines: `+ path text` a file, `+ path/` a directory, `- path` gone, `! path` opaque, `= path target` a
/// hard link, `> path` a symbolic link.
fn layers(scripts: &[&[&str]], blobs: &mut MemoryBlobs) -> Vec<Layer> {
    let mut made = Vec::new();
    for script in scripts {
        let changes = script.iter().map(|line| change(line, blobs)).collect();
        made.push(Layer::make(Changeset { changes }, None, blobs).expect("a layer"));
    }
    made
}

fn change(line: &str, blobs: &mut MemoryBlobs) -> Change {
    let mut words = line.split(' ');
    let (what, at) = (words.next().expect("a sign"), words.next().expect("a path"));
    let word = words.next().unwrap_or_default();
    let meta = Meta::of_mode(0o644);
    let kind = match what {
        "-" => ChangeKind::Delete,
        "!" => ChangeKind::Opaque,
        "=" => ChangeKind::Link { to: path(word), meta },
        ">" => ChangeKind::Put(Node::symlink(meta, "elsewhere")),
        _ if at.ends_with('/') => ChangeKind::Put(Node::dir(Meta::of_mode(0o755))),
        _ => {
            let digest = blobs.put(word.as_bytes()).expect("memory takes it");
            let size = word.len() as u64;
            ChangeKind::Put(Node::file(meta, Content::Blob { digest, size }))
        }
    };
    Change { path: path(at), kind }
}

fn usage(scripts: &[&[&str]]) -> Usage {
    let mut blobs = MemoryBlobs::default();
    let layers = layers(scripts, &mut blobs);
    let config = ImageConfig {
        platform: Platform::linux_amd64(),
        ..ImageConfig::default()
    };
    let image = Image::new(config, layers);
    assert_eq!(validate(&image, &blobs), []);
    let usage = Usage::of(&image.layers).expect("usage");
    assert_eq!(usage.visible_bytes(), image.tree().expect("a tree").bytes());
    usage
}

fn hidden(scripts: &[&[&str]]) -> Vec<(usize, Hiding, u64)> {
    let fate = |file: super::ShippedFile| match file.fate {
        Fate::Visible => None,
        Fate::Hidden { by, how } => Some((by, how, file.content.size())),
    };
    usage(scripts).files.into_iter().filter_map(fate).collect()
}

#[test]
fn a_file_written_twice_is_shipped_twice_and_seen_once() {
    let found = usage(&[&["+ a 12345"], &["+ a 67890"]]);
    assert_eq!(
        (found.shipped_bytes(), found.hidden_bytes(), found.visible_bytes()),
        (10, 5, 5)
    );
    assert_eq!(found.layers[0].hidden_bytes, 5);
    assert_eq!(found.layers[1].changed, Count { names: 1, bytes: 5 });
    assert_eq!(found.layers[1].added, Count::default());
    assert_eq!(hidden(&[&["+ a 12345"], &["+ a 67890"]]), [(1, Hiding::Overwritten, 5)]);
}

#[test]
fn shipping_the_same_content_again_is_told_apart() {
    assert_eq!(hidden(&[&["+ a 12345"], &["+ a 12345"]]), [(1, Hiding::SameContent, 5)]);
}

#[test]
fn deleted_files_are_hidden_alone_or_with_their_directory() {
    assert_eq!(hidden(&[&["+ a 123"], &["- a"]]), [(1, Hiding::Deleted, 3)]);
    let wheels: &[&[&str]] = &[&["+ w/", "+ w/x/", "+ w/x/a 123", "+ w/b 4567", "+ c 8"], &["- w"]];
    let parent = Hiding::ParentDeleted(path("w"));
    assert_eq!(hidden(wheels), [(1, parent.clone(), 3), (1, parent, 4)]);
    assert_eq!(usage(wheels).layers[1].removed, Count { names: 4, bytes: 7 });
}

#[test]
fn an_opaque_directory_hides_what_was_there() {
    let scripts: &[&[&str]] = &[&["+ d/", "+ d/a 123", "+ e 1"], &["+ d/", "+ d/new 12", "! d"]];
    assert_eq!(hidden(scripts), [(1, Hiding::Opaque(path("d")), 3)]);
    assert_eq!(usage(scripts).layers[1].removed.bytes, 3);
}

#[test]
fn what_is_replaced_by_another_type_is_hidden() {
    let replaced = Hiding::Replaced(path("d"));
    assert_eq!(
        hidden(&[&["+ d/", "+ d/a 123"], &["+ d 4"]]),
        [(1, replaced.clone(), 3)]
    );
    assert_eq!(hidden(&[&["+ d 123"], &["+ d/"]]), [(1, replaced.clone(), 3)]);
    assert_eq!(hidden(&[&["+ d 123"], &["> d"]]), [(1, replaced, 3)]);
}

#[test]
fn a_file_with_two_names_is_hidden_with_the_last_of_them() {
    let one: &[&[&str]] = &[&["+ a 123", "= b a"], &["- a"]];
    assert_eq!(hidden(one), []);
    let both: &[&[&str]] = &[&["+ a 123", "= b a"], &["- a"], &["- b"]];
    assert_eq!(hidden(both), [(2, Hiding::Deleted, 3)]);
    assert_eq!(usage(both).layers[2].removed, Count { names: 1, bytes: 3 });
}

#[test]
fn the_same_content_at_another_place_is_a_duplicate_and_not_hidden() {
    let found = usage(&[&["+ a 12345", "+ b 12345"], &["+ c 12345"]]);
    assert_eq!((found.hidden_bytes(), found.duplicate_bytes()), (0, 10));
}

#[test]
fn a_file_that_comes_back_counts_as_added() {
    let found = usage(&[&["+ a 1"], &["- a"], &["+ a 22"]]);
    assert_eq!(found.layers[2].added, Count { names: 1, bytes: 2 });
}

#[test]
fn layers_are_shared_only_with_everything_below_them() {
    let mut blobs = MemoryBlobs::default();
    let made = layers(&[&["+ a 1"], &["+ b 2"], &["+ c 3"]], &mut blobs);
    let image = |numbers: &[usize]| {
        let layers = numbers.iter().map(|number| made[*number].clone()).collect();
        Image::new(ImageConfig::default(), layers)
    };
    let images = [image(&[0, 1]), image(&[0, 2]), image(&[1])];
    let shared: Vec<Vec<usize>> = sharing(&[&images[0], &images[1], &images[2]])
        .into_iter()
        .map(|layer| layer.images)
        .collect();
    assert_eq!(shared, [vec![0, 1], vec![0], vec![1], vec![2]]);
}
