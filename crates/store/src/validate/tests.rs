//! A sound image has no findings, and every lie is found.

use super::validate;
use crate::{
    BlobStore, Change, ChangeKind, Changeset, Content, Image, Layer, LayerSource, MemoryBlobs, Meta, Node, TreePath,
};
use oci::{DiffId, History, ImageConfig, Platform};

fn sound() -> (Image, MemoryBlobs) {
    let mut blobs = MemoryBlobs::default();
    let digest = blobs.put(b"hello").expect("memory takes it");
    let node = Node::file(Meta::of_mode(0o644), Content::Blob { digest, size: 5 });
    let path = TreePath::parse("f").expect("a good path");
    let changes = vec![Change {
        path,
        kind: ChangeKind::Put(node),
    }];
    let layer = Layer::make(Changeset { changes }, None, &blobs).expect("a layer");
    let mut config = ImageConfig {
        platform: Platform::linux_amd64(),
        ..ImageConfig::default()
    };
    config.history = vec![
        History::default(),
        History {
            empty_layer: true,
            ..History::default()
        },
    ];
    config.config.env = vec!["A=1".to_owned(), "B=".to_owned()];
    (Image::new(config, vec![layer]), blobs)
}

fn findings(change: impl FnOnce(&mut Image)) -> Vec<String> {
    let (mut image, blobs) = sound();
    change(&mut image);
    validate(&image, &blobs).iter().map(ToString::to_string).collect()
}

#[test]
fn a_sound_image_has_no_findings() {
    let (image, mut blobs) = sound();
    assert_eq!(validate(&image, &blobs), []);
    let packed = image.gzipped(&mut blobs).expect("gzip");
    assert_eq!(validate(&packed, &blobs), []);
    assert_eq!(packed.id(), image.id());
    assert_ne!(packed.digest(), image.digest());
}

#[test]
fn a_config_that_says_something_else_is_found() {
    let found = findings(|image| image.config.config.user = "root".to_owned());
    assert_eq!(found, ["config: its bytes say something else"]);
    let found = findings(|image| image.config_bytes = b"{}".to_vec());
    assert!(
        found
            .iter()
            .any(|finding| finding.starts_with("config: expected an image config"))
    );
    assert!(
        found
            .iter()
            .any(|finding| finding.starts_with("manifest: expected config sha256:"))
    );
    assert!(
        found
            .iter()
            .any(|finding| finding.starts_with("manifest: expected config size"))
    );
}

#[test]
fn a_history_that_does_not_fit_the_layers_is_found() {
    let found = findings(|image| {
        *image = Image::new(
            ImageConfig {
                history: vec![History::default(); 2],
                ..image.config.clone()
            },
            image.layers.clone(),
        );
    });
    assert_eq!(found, ["config: expected history steps with a layer: 1, found 2"]);
}

#[test]
fn a_wrong_diff_id_is_found_in_config_and_layer() {
    let found = findings(|image| image.layers[0].diff_id = DiffId::of(b"other"));
    assert!(found.contains(&"config: its DiffIDs are not those of the layers".to_owned()));
    assert!(
        found
            .iter()
            .any(|finding| finding.starts_with("layer 0: corrupt layer: expected"))
    );
}

#[test]
fn a_layer_whose_tar_holds_something_else_is_found() {
    let (mut image, mut blobs) = sound();
    image = image.gzipped(&mut blobs).expect("gzip");
    image.layers[0].changes = Changeset::default().into();
    let found: Vec<String> = validate(&image, &blobs).iter().map(ToString::to_string).collect();
    assert_eq!(found, ["layer 0: its tar holds other changes"]);
}

#[test]
fn wrong_sizes_and_missing_blobs_are_found() {
    let found = findings(|image| image.layers[0].descriptor.size += 1);
    assert_eq!(
        found,
        [
            "manifest: its layers are not those of the image",
            "layer 0: expected blob size 2049, found 2048"
        ]
    );
    let found = findings(|image| image.layers[0].source = LayerSource::Blob);
    assert!(
        found
            .iter()
            .any(|finding| finding.starts_with("layer 0: blob not found: sha256:"))
    );
    let (image, _) = sound();
    let found: Vec<String> = validate(&image, &MemoryBlobs::default())
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        found
            .iter()
            .any(|finding| finding.starts_with("layer 0: f: blob not found"))
    );
}

#[test]
fn a_file_that_would_be_read_as_a_whiteout_is_found() {
    let (image, blobs) = sound();
    let mut change = image.layers[0].changes.changes[0].clone();
    change.path = TreePath::parse("d/.wh.f").expect("a good path");
    let layer = Layer::make(Changeset { changes: vec![change] }, None, &blobs).expect("a layer");
    let image = Image::new(
        ImageConfig {
            history: Vec::new(),
            ..image.config
        },
        vec![layer],
    );
    let found: Vec<String> = validate(&image, &blobs).iter().map(ToString::to_string).collect();
    assert!(
        found.contains(&"layer 0: \"d/.wh.f\" would be read as a whiteout".to_owned()),
        "{found:?}"
    );
}

#[test]
fn bad_environment_and_platform_are_found() {
    let found = findings(|image| {
        let mut config = image.config.clone();
        config.config.env.push("=x".to_owned());
        config.platform.os.clear();
        *image = Image::new(config, image.layers.clone());
    });
    assert_eq!(
        found,
        [
            "config: expected an operating system and an architecture",
            "config: expected NAME=value in Env, found \"=x\""
        ]
    );
}
