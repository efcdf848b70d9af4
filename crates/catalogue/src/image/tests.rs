//! What the catalogue says of its images.

use super::{find, list};
use store::{Follow, MemoryBlobs, Node, validate};

fn image(name: &str) -> store::Image {
    let mut blobs = MemoryBlobs::default();
    let image = find(&name.parse().unwrap()).unwrap_or_else(|| panic!("{name} is not in the catalogue"));
    image.load(&mut blobs).unwrap()
}

#[test]
fn every_image_is_valid_and_as_large_as_it_says() {
    for image in list() {
        let mut blobs = MemoryBlobs::default();
        let name = format!("{}:{}", image.name(), image.tags().next().unwrap());
        let loaded = image.load(&mut blobs).unwrap_or_else(|error| panic!("{name}: {error}"));
        let findings = validate(&loaded, &blobs);
        assert!(findings.is_empty(), "{name}: {findings:?}");
        let bytes: u64 = loaded.layers.iter().map(store::Layer::bytes).sum();
        assert_eq!(bytes, image.bytes(), "{name}");
        assert!(loaded.is_simulated(), "{name}");
        assert!(
            loaded.config.history.iter().filter(|step| !step.empty_layer).count() == loaded.layers.len(),
            "{name}"
        );
    }
}

#[test]
fn tags_are_unique_within_a_name() {
    let mut seen = std::collections::BTreeSet::new();
    for image in list() {
        for tag in image.tags() {
            assert!(seen.insert((image.name(), tag)), "{}:{tag}", image.name());
        }
    }
}

#[test]
fn every_image_but_hello_world_has_a_shell_that_resolves() {
    for image in list().filter(|image| image.name() != "hello-world") {
        let tree = image.load(&mut MemoryBlobs::default()).unwrap().tree().unwrap();
        let name = format!("{}:{}", image.name(), image.tags().next().unwrap());
        let path = tree
            .resolve("/bin/sh", Follow::Last)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(
            matches!(tree.get(&path), Some(Node::File(file)) if file.meta.mode == 0o755),
            "{name}"
        );
    }
}

#[test]
fn upper_layers_leave_merged_usr_and_tmp_alone() {
    for image in list() {
        let loaded = image.load(&mut MemoryBlobs::default()).unwrap();
        let before = store::apply(&store::Tree::new(), &loaded.layers[0].changes).unwrap();
        let after = loaded.tree().unwrap();
        for path in ["bin", "sbin", "lib", "tmp", "root"] {
            let path = store::TreePath::parse(path).unwrap();
            let (Some(before), Some(after)) = (before.get(&path), after.get(&path)) else {
                continue;
            };
            assert_eq!(before.meta().mode, after.meta().mode, "{} {path:?}", image.name());
            assert_eq!(before.is_dir(), after.is_dir(), "{} {path:?}", image.name());
        }
    }
}

#[test]
fn the_course_images_have_their_published_figures() {
    let bytes = |name: &str| find(&name.parse().unwrap()).unwrap().bytes();
    assert_eq!(bytes("alpine:3.9.3"), 5_530_000);
    assert_eq!(bytes("golang:1.12.4"), 774_000_000);
    assert_eq!(bytes("ubuntu:bionic"), 63_200_000);
    assert_eq!(image("alpine:3.9.3").layers.len(), 1);
    assert_eq!(image("golang:1.12.4").layers.len(), 7);
    assert_eq!(image("ubuntu:18.04").layers.len(), 1);
}

#[test]
fn images_that_share_layers_share_their_names() {
    let (node, python) = (image("node:20"), image("python:3.12"));
    let shared = node
        .layers
        .iter()
        .zip(&python.layers)
        .take_while(|(a, b)| a.diff_id == b.diff_id)
        .count();
    assert_eq!(shared, 4);
}

#[test]
fn configs_say_what_the_real_ones_say() {
    let nginx = image("nginx").config.config;
    assert_eq!(nginx.cmd, ["nginx", "-g", "daemon off;"]);
    assert_eq!(nginx.stop_signal, "SIGQUIT");
    assert!(nginx.exposed_ports.contains("80/tcp"));
    let registry = image("registry:2").config.config;
    assert!(registry.volumes.contains("/var/lib/registry"));
    let go = image("golang:1.12.4").config.config;
    assert_eq!(go.working_dir, "/go");
    assert!(go.env.contains(&"GOLANG_VERSION=1.12.4".to_owned()));
}

#[test]
fn only_official_names_without_digest_are_found() {
    for name in ["ghcr.io/library/alpine:3.9.3", "someone/alpine", "alpine:0.1", "nosuch"] {
        assert!(find(&name.parse().unwrap()).is_none(), "{name}");
    }
    let digest = format!("alpine:3.9.3@{}", oci::Digest::of(b""));
    assert!(find(&digest.parse().unwrap()).is_none());
    assert!(find(&"docker.io/library/alpine:3.9.3".parse().unwrap()).is_some());
    assert!(find(&"alpine".parse().unwrap()).is_some());
}

#[test]
fn loading_twice_gives_the_same_image() {
    assert_eq!(image("nginx:alpine").id(), image("nginx:alpine").id());
}
