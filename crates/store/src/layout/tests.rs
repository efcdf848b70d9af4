//! Images go out as archives and come back.

use super::{Layout, LayoutError, Loaded, Packing, Tagged, load_archive, load_source};
use crate::{
    BlobStore, Change, ChangeKind, Changeset, Content, Image, Layer, LayerError, LentBlobs, Limits, MemoryBlobs, Meta,
    Node, Source, TreePath, validate, write_tar,
};
use oci::{Descriptor, Digest, ImageConfig, Index, Manifest, Platform, media_type};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::rc::Rc;
use std::sync::Arc;

fn file(blobs: &mut dyn BlobStore, at: &str, bytes: &[u8]) -> Change {
    let digest = blobs.put(bytes).expect("memory takes it");
    let size = bytes.len() as u64;
    let node = Node::file(Meta::of_mode(0o644), Content::Blob { digest, size });
    let path = TreePath::parse(at).expect("a good path");
    Change {
        path,
        kind: ChangeKind::Put(node),
    }
}

fn image(blobs: &mut dyn BlobStore, texts: &[&str]) -> Image {
    let layer = |text: &&str| {
        let changes = vec![file(blobs, text, text.as_bytes())];
        Layer::make(Changeset { changes }, None, blobs).expect("a layer")
    };
    let layers = texts.iter().map(layer).collect();
    let config = ImageConfig {
        platform: Platform::linux_amd64(),
        created: Some("2023-11-14T22:13:20Z".parse().expect("a time")),
        ..ImageConfig::default()
    };
    Image::new(config, layers)
}

fn save(images: &[Tagged], packing: Packing, blobs: &mut dyn BlobStore) -> Vec<u8> {
    let mut tar = Vec::new();
    let layout = Layout::new(images, packing, blobs).expect("a layout");
    layout.write_tar(blobs, &mut tar).expect("memory takes it");
    tar
}

/// The images of an archive, which are the same whether it comes as a stream or lies somewhere, packed or not.
fn load(tar: &[u8]) -> Result<(Vec<Loaded>, MemoryBlobs), LayoutError> {
    let mut blobs = MemoryBlobs::default();
    let loaded = load_archive(Box::new(tar), None, &Limits::default(), &mut blobs);
    for bytes in [tar.to_vec(), packed(tar)] {
        match (&loaded, load_lying(&bytes)) {
            (Ok(loaded), Ok((found, lent))) => {
                assert_eq!(&found, loaded);
                for Loaded { image, .. } in &found {
                    assert_eq!(validate(image, &lent), []);
                }
            }
            (Err(loaded), Err(found)) => assert_eq!(found.to_string(), loaded.to_string()),
            (loaded, found) => panic!("expected {loaded:?} of what lies somewhere too, found {found:?}"),
        }
    }
    Ok((loaded?, blobs))
}

fn load_lying(bytes: &[u8]) -> Result<(Vec<Loaded>, LentBlobs), LayoutError> {
    let archive = Source::of(Rc::new(Arc::<[u8]>::from(bytes)));
    let mut blobs = LentBlobs::default();
    let (mut last, mut all) = (0, 0);
    let mut progress = |done, of| {
        assert!((last..=of).contains(&done), "{last} then {done} of {of}");
        (last, all) = (done, of);
    };
    let loaded = load_source(&archive, None, &Limits::default(), &mut blobs, &mut progress)?;
    assert_eq!((last, all), (2 * bytes.len() as u64, 2 * bytes.len() as u64));
    Ok((loaded, blobs))
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = crate::compression::gzip(Vec::new());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

/// A tar of plain files.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut blobs = MemoryBlobs::default();
    let changes = files
        .iter()
        .map(|(name, bytes)| file(&mut blobs, name, bytes))
        .collect();
    let mut tar = Vec::new();
    write_tar(&Changeset { changes }, &blobs, &mut tar).expect("memory takes it");
    tar
}

fn contents(tar: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut blobs = MemoryBlobs::default();
    let mut source = tar;
    let read = crate::read_tar(&mut source, &Limits::default(), crate::Whiteouts::Keep, &mut blobs).expect("a tar");
    let files = read.changes.files().map(|(path, content)| match content {
        Content::Blob { digest, .. } => (path.to_string(), blobs.get(&digest).expect("it was read").to_vec()),
        Content::Absent { .. } => panic!("{path} is simulated"),
    });
    files.collect()
}

/// A saved image with one of its files changed.
fn tampered(change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> LayoutError {
    let mut blobs = MemoryBlobs::default();
    let image = image(&mut blobs, &["a", "b"]);
    let mut files = contents(&save(
        &[Tagged {
            image,
            names: Vec::new(),
        }],
        Packing::Plain,
        &mut blobs,
    ));
    change(&mut files);
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    load(&archive(&files)).expect_err("the archive is refused")
}

#[test]
fn what_is_saved_loads_as_the_same_image() {
    let mut blobs = MemoryBlobs::default();
    let image = image(&mut blobs, &["a", "b"]);
    let names = vec![
        "example.com/app:1".parse().expect("a name"),
        "app".parse().expect("a name"),
    ];
    for packing in [Packing::Plain, Packing::Gzip] {
        let tar = save(
            &[Tagged {
                image: image.clone(),
                names: names.clone(),
            }],
            packing,
            &mut blobs,
        );
        assert_eq!(
            tar,
            save(
                &[Tagged {
                    image: image.clone(),
                    names: names.clone()
                }],
                packing,
                &mut blobs
            )
        );
        let (loaded, kept) = load(&tar).expect("an archive");
        assert_eq!(loaded.len(), 1);
        let found = &loaded[0];
        assert_eq!(found.image.id(), image.id());
        assert_eq!(found.image.tree(), image.tree());
        assert_eq!(validate(&found.image, &kept), []);
        let familiar: Vec<String> = found.names.iter().map(oci::Reference::familiar).collect();
        assert_eq!(familiar, ["example.com/app:1", "app:latest"]);
    }
}

#[test]
fn a_simulated_image_stays_one_through_its_archive() {
    let mut blobs = MemoryBlobs::default();
    let path = TreePath::parse("usr").expect("a good path");
    let node = Node::file(Meta::of_mode(0o755), Content::Absent { size: 700 << 20 });
    let changes = vec![Change {
        path,
        kind: ChangeKind::Put(node),
    }];
    let layer = Layer::make(Changeset { changes }, None, &blobs).expect("a layer");
    let config = ImageConfig {
        platform: Platform::linux_amd64(),
        ..ImageConfig::default()
    };
    let image = Image::new(config, vec![layer]);
    let tar = save(
        &[Tagged {
            image: image.clone(),
            names: Vec::new(),
        }],
        Packing::Plain,
        &mut blobs,
    );
    let (loaded, _) = load(&tar).expect("an archive");
    assert!(loaded[0].image.is_simulated());
    assert_eq!(loaded[0].image.tree().expect("a tree").bytes(), 700 << 20);
}

#[test]
fn the_archive_has_the_files_that_buildkit_and_docker_look_for() {
    let mut blobs = MemoryBlobs::default();
    let image = image(&mut blobs, &["a"]);
    let layer = format!("blobs/sha256/{}", image.layers[0].descriptor.digest.hex());
    let config = format!("blobs/sha256/{}", image.id().hex());
    let manifest = image.digest();
    let names = vec!["app:1".parse().expect("a name")];
    let size = image.manifest_bytes.len();
    let files = contents(&save(&[Tagged { image, names }], Packing::Plain, &mut blobs));
    let text = |name: &str| String::from_utf8(files[name].clone()).expect("text");
    assert_eq!(text("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#);
    assert_eq!(
        text("manifest.json"),
        format!(r#"[{{"Config":"{config}","RepoTags":["app:1"],"Layers":["{layer}"]}}]"#)
    );
    assert_eq!(
        text("index.json"),
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{{"mediaType":"{}","digest":"{manifest}","size":{size},"annotations":{{"io.containerd.image.name":"docker.io/library/app:1","org.opencontainers.image.created":"2023-11-14T22:13:20Z","org.opencontainers.image.ref.name":"1"}},"platform":{{"architecture":"amd64","os":"linux"}}}}]}}"#,
            media_type::OCI_INDEX,
            media_type::OCI_MANIFEST
        )
    );
    assert_eq!(files.len(), 6);
}

#[test]
fn two_images_share_their_blobs() {
    let mut blobs = MemoryBlobs::default();
    let images = [&["a"][..], &["a", "b"]].map(|texts| Tagged {
        image: image(&mut blobs, texts),
        names: Vec::new(),
    });
    let tar = save(&images, Packing::Plain, &mut blobs);
    assert_eq!(contents(&tar).len(), 3 + 2 + 4);
    assert_eq!(load(&tar).expect("an archive").0.len(), 2);
}

#[test]
fn an_older_docker_archive_loads_with_its_links() {
    let mut blobs = MemoryBlobs::default();
    let image = image(&mut blobs, &["a", "b"]);
    let tars: Vec<Vec<u8>> = image
        .layers
        .iter()
        .map(|layer| {
            let mut tar = Vec::new();
            layer.write_blob(&blobs, &mut tar).expect("memory takes it");
            tar
        })
        .collect();
    let list = br#"[{"Config":"c.json","RepoTags":["app:1"],"Layers":["1/layer.tar","2/layer.tar"]}]"#;
    let mut changes: Vec<Change> = [
        ("c.json", &image.config_bytes),
        ("3/layer.tar", &tars[0]),
        ("2/layer.tar", &tars[1]),
    ]
    .into_iter()
    .map(|(name, bytes)| file(&mut blobs, name, bytes))
    .collect();
    changes.push(file(&mut blobs, "manifest.json", list));
    let link = Node::symlink(Meta::default(), "../3/layer.tar");
    changes.push(Change {
        path: TreePath::parse("1/layer.tar").expect("a good path"),
        kind: ChangeKind::Put(link),
    });
    let mut tar = Vec::new();
    write_tar(&Changeset { changes }, &blobs, &mut tar).expect("memory takes it");
    let (loaded, kept) = load(&tar).expect("an archive");
    assert_eq!(loaded[0].image.id(), image.id());
    assert_eq!(loaded[0].names[0].familiar(), "app:1");
    assert_eq!(validate(&loaded[0].image, &kept), []);
}

#[test]
fn only_images_for_the_platform_are_loaded_and_no_attestations() {
    let mut blobs = MemoryBlobs::default();
    let amd = image(&mut blobs, &["a"]);
    let arm = Image::new(
        ImageConfig {
            platform: Platform::new("linux", "arm64", ""),
            ..amd.config.clone()
        },
        amd.layers.clone(),
    );
    let tagged = |image: &Image| Tagged {
        image: image.clone(),
        names: Vec::new(),
    };
    let mut files = contents(&save(&[tagged(&amd), tagged(&arm)], Packing::Plain, &mut blobs));
    let mut inner = Index::parse(&files["index.json"]).expect("an index");
    let mut attestation = Descriptor::of(media_type::OCI_MANIFEST, b"nowhere");
    attestation.annotations.insert(
        "vnd.docker.reference.type".to_owned(),
        "attestation-manifest".to_owned(),
    );
    inner.manifests.push(attestation);
    let inner = inner.to_json();
    let outer = Index::new(vec![Descriptor::of(media_type::OCI_INDEX, &inner)]);
    files.insert("index.json".to_owned(), outer.to_json());
    files.insert(format!("blobs/sha256/{}", Digest::of(&inner).hex()), inner);
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    let tar = archive(&files);
    assert_eq!(load(&tar).expect("an archive").0.len(), 2);
    let only = load_archive(
        Box::new(&tar[..]),
        Some(&Platform::linux_amd64()),
        &Limits::default(),
        &mut blobs,
    );
    let ids: Vec<Digest> = only
        .expect("an archive")
        .iter()
        .map(|loaded| loaded.image.id())
        .collect();
    assert_eq!(ids, [amd.id()]);
}

#[test]
fn an_index_that_holds_itself_ends() {
    // No index can hold its own digest; the nearest is a tall stack of them.
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut bytes = Index::new(Vec::new()).to_json();
    for _ in 0..10 {
        files.push((format!("blobs/sha256/{}", Digest::of(&bytes).hex()), bytes.clone()));
        bytes = Index::new(vec![Descriptor::of(media_type::OCI_INDEX, &bytes)]).to_json();
    }
    files.push(("index.json".to_owned(), bytes));
    files.push(("oci-layout".to_owned(), b"{}".to_vec()));
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    assert!(matches!(load(&archive(&files)), Err(LayoutError::Limit { .. })));
}

#[test]
fn tampered_archives_are_refused() {
    let error = tampered(|files| drop(files.remove("index.json").zip(files.remove("manifest.json"))));
    assert!(matches!(error, LayoutError::NoImages));
    let error = tampered(|files| drop(files.insert("index.json".to_owned(), b"{".to_vec())));
    assert!(
        error
            .to_string()
            .starts_with("index.json: expected an image index, found invalid JSON")
    );
    let blob = |files: &BTreeMap<String, Vec<u8>>, part: &[u8]| {
        let holds = |bytes: &Vec<u8>| bytes.windows(part.len()).any(|window| window == part);
        files
            .iter()
            .find(|(name, bytes)| name.starts_with("blobs/") && holds(bytes))
            .expect("it is there")
            .0
            .clone()
    };
    let error = tampered(|files| drop(files.remove(&blob(files, b"schemaVersion"))));
    assert!(matches!(error, LayoutError::Missing { .. }), "{error}");
    for part in [&b"schemaVersion"[..], b"rootfs", b"ustar"] {
        let error = tampered(|files| {
            let name = blob(files, part);
            files.get_mut(&name).expect("it is there").push(b' ');
        });
        assert!(matches!(error, LayoutError::Corrupt { .. }), "{error}");
    }
}

#[test]
fn a_config_with_another_number_of_layers_is_refused() {
    let mut blobs = MemoryBlobs::default();
    let mut image = image(&mut blobs, &["a", "b"]);
    image.manifest = Manifest::new(image.config.descriptor(), vec![image.layers[0].descriptor.clone()]);
    image.manifest_bytes = image.manifest.to_json();
    let tar = save(
        &[Tagged {
            image,
            names: Vec::new(),
        }],
        Packing::Plain,
        &mut blobs,
    );
    assert!(matches!(
        load(&tar),
        Err(LayoutError::LayerCount {
            config: 2,
            manifest: 1,
            ..
        })
    ));
}

#[test]
fn a_layer_that_is_not_what_its_diff_id_names_is_refused() {
    let mut blobs = MemoryBlobs::default();
    let mut image = image(&mut blobs, &["a", "b"]);
    image.config.diff_ids.reverse();
    image.config_bytes = image.config.to_json();
    image.manifest.config = image.config.descriptor();
    image.manifest_bytes = image.manifest.to_json();
    let tar = save(
        &[Tagged {
            image,
            names: Vec::new(),
        }],
        Packing::Plain,
        &mut blobs,
    );
    assert!(matches!(load(&tar), Err(LayoutError::Layer(LayerError::DiffId { .. }))));
}
