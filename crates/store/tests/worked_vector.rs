//! One small image, byte for byte the one that BuildKit makes.
//!
//! ```dockerfile
//! FROM scratch
//! COPY hello.txt /
//! ENV A=b
//! WORKDIR /app
//! COPY hello.txt ./
//! CMD ["/x"]
//! ```

use oci::{History, ImageConfig, Platform, Time};
use store::{BlobStore, Content, Image, Layer, MemoryBlobs, Meta, Node, Tree, TreePath, diff, validate};

const EPOCH: Time = Time::of_secs(1_700_000_000);
/// When the build runs: every time that it sets is later than the epoch and is clamped.
const NOW: Time = Time {
    secs: 1_800_000_000,
    nanos: 123,
};

fn path(text: &str) -> TreePath {
    TreePath::parse(text).expect("a good path")
}

fn at(mode: u32) -> Meta {
    Meta {
        mtime: NOW,
        ..Meta::of_mode(mode)
    }
}

fn step(created_by: &str, empty_layer: bool) -> History {
    History {
        created: Some(EPOCH.into()),
        created_by: created_by.to_owned(),
        comment: "buildkit.dockerfile.v0".to_owned(),
        empty_layer,
        ..History::default()
    }
}

#[test]
fn the_image_of_the_worked_vector_has_the_digests_that_buildkit_gives() {
    let mut blobs = MemoryBlobs::default();
    let digest = blobs.put(b"hello\n").expect("memory takes it");
    let hello = Node::file(at(0o644), Content::Blob { digest, size: 6 });

    let mut trees = vec![Tree::new()];
    let mut tree = Tree::new();
    tree.insert(&path("hello.txt"), hello.clone()).expect("insert");
    trees.push(tree.clone());
    tree.mkdir_all(&path("app"), &at(0o755)).expect("directory");
    trees.push(tree.clone());
    tree.insert(&path("app/hello.txt"), hello).expect("insert");
    trees.push(tree.clone());

    let layers: Vec<Layer> = trees
        .windows(2)
        .map(|pair| Layer::make(diff(&pair[0], &pair[1]), Some(EPOCH), &blobs).expect("a layer"))
        .collect();
    let diff_ids: Vec<String> = layers.iter().map(|layer| layer.diff_id.0.hex()).collect();
    assert_eq!(
        diff_ids,
        [
            "9ed39d6493ae84273c3a8dc1efa5caa4f3c44af022ab7659c042a3f1659f91a0",
            "8102f9539f30466d2765282855b67b200a05c388d7b0233d20a6c7a543fbfb60",
            "f180a7420f5e88f37974bd5f2994a1eb6c93473ae8f662667144effdc87e0f85",
        ]
    );

    let mut config = ImageConfig {
        platform: Platform::linux_amd64(),
        created: Some(EPOCH.into()),
        ..ImageConfig::default()
    };
    config.config.env = [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "A=b",
    ]
    .map(str::to_owned)
    .to_vec();
    config.config.cmd = vec!["/x".to_owned()];
    config.config.working_dir = "/app".to_owned();
    config.config.args_escaped = true;
    config.history = vec![
        step("COPY hello.txt / # buildkit", false),
        step("ENV A=b", true),
        step("WORKDIR /app", false),
        step("COPY hello.txt ./ # buildkit", false),
        step("CMD [\"/x\"]", true),
    ];
    let image = Image::new(config, layers);
    assert_eq!(image.config_bytes.len(), 1043);
    assert_eq!(
        image.id().hex(),
        "60d858f34db4dca891c728e1bee405fb615c14a164d3f3775afb3eb34f744103"
    );
    assert_eq!(validate(&image, &blobs), []);
    assert_eq!(image.tree().expect("a tree").len(), tree.len());
}
