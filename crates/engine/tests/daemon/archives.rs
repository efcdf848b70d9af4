//! Archives: save and load, export and import.

use super::support::{Machine, at, options, reference, shown};
use builder::Fidelity;
use engine::{CreateOptions, Force, ImportOptions, Parents, Stdin};
use oci::{Digest, Time};
use store::{BlobStore, Content, Layer, Limits, MemoryBlobs, Meta, Node, Tree, diff};

fn save(machine: &mut Machine, names: &[&str]) -> Vec<u8> {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut tar = Vec::new();
    machine
        .daemon
        .save(&names, &mut machine.blobs, &mut tar)
        .expect("it is here");
    tar
}

fn load(machine: &mut Machine, tar: &[u8]) -> Vec<(Digest, Vec<String>)> {
    let loaded = machine
        .daemon
        .load(Box::new(tar), &Limits::default(), machine.now, &mut machine.blobs)
        .expect("a sound archive");
    let names = |names: Vec<oci::Reference>| names.iter().map(oci::Reference::familiar).collect();
    loaded.into_iter().map(|image| (image.id, names(image.names))).collect()
}

fn empty() -> Machine {
    let mut machine = Machine::new();
    machine
        .daemon
        .remove_image("base:1", Force::No, Parents::Prune)
        .expect("it may go");
    machine.blobs = MemoryBlobs::default();
    machine
}

/// A simulated image: a file whose bytes are nowhere, or only the mark.
fn simulated(machine: &mut Machine, name: &str, with_absent: bool) -> Digest {
    let mut image = machine.image(|config| name.clone_into(&mut config.user));
    if with_absent {
        let mut tree = image.tree().expect("layers");
        let file = Node::file(Meta::of_mode(0o644), Content::Absent { size: 1 << 30 });
        tree.insert(&at("srv/huge"), file).expect("room");
        let layer = Layer::make(diff(&image.tree().expect("layers"), &tree), None, &machine.blobs).expect("a layer");
        image.layers.push(layer);
        image.config.history.push(oci::History::default());
        image = store::Image::new(image.config, image.layers);
    }
    let id = machine
        .daemon
        .add_image(image, Fidelity::Simulated, &mut machine.blobs)
        .expect("sound");
    machine
        .daemon
        .tag(&id.hex(), &reference(name), machine.now)
        .expect("it is here");
    id
}

#[test]
fn what_is_saved_loads_with_the_same_ids_and_names() {
    let mut machine = Machine::new();
    let base = machine.daemon.image("base:1").expect("it is here").id;
    let app = machine.add("r.example:5000/app:2", |config| config.user = "web".to_owned());
    machine
        .daemon
        .tag("base:1", &reference("base:also"), machine.now)
        .expect("it is here");
    let tar = save(&mut machine, &["base", "r.example:5000/app:2", "base:1"]);
    let mut other = empty();
    let loaded = load(&mut other, &tar);
    assert_eq!(
        loaded,
        [
            (base, vec!["base:1".to_owned(), "base:also".to_owned()]),
            (app, vec!["r.example:5000/app:2".to_owned()])
        ]
    );
    assert_eq!(
        other.daemon.image("base:1").expect("loaded").tree,
        machine.daemon.image("base:1").expect("here").tree
    );
    other.check();
}

#[test]
fn an_id_is_saved_without_a_name() {
    let mut machine = Machine::new();
    let id = machine.daemon.image("base:1").expect("it is here").id;
    let tar = save(&mut machine, &[&id.short()]);
    assert_eq!(load(&mut empty(), &tar), [(id, Vec::new())]);
    let names = ["base:1".to_owned(), "nope".to_owned()];
    let mut tar = Vec::new();
    let refusal = machine
        .daemon
        .save(&names, &mut machine.blobs, &mut tar)
        .expect_err("one is missing");
    assert_eq!(refusal.to_string(), "No such image: nope:latest");
    assert!(tar.is_empty(), "nothing is written then");
}

#[test]
fn a_name_that_is_loaded_is_taken_from_the_image_that_had_it() {
    let mut machine = Machine::new();
    let tar = save(&mut machine, &["base:1"]);
    let first = machine.daemon.image("base:1").expect("it is here").id;
    let mut other = empty();
    let second = other.add("base:1", |config| config.user = "web".to_owned());
    let loaded = other
        .daemon
        .load(Box::new(&tar[..]), &Limits::default(), other.now, &mut other.blobs)
        .expect("a sound archive");
    assert_eq!(loaded[0].lost, [(reference("base:1"), second)]);
    assert_eq!(other.daemon.image("base:1").expect("loaded").id, first);
    assert!(other.daemon.is_dangling(second));
}

#[test]
fn a_bad_archive_is_refused_and_nothing_is_taken_in() {
    let mut machine = Machine::new();
    machine.add("app:1", |config| config.user = "web".to_owned());
    let tar = save(&mut machine, &["base:1", "app:1"]);
    let mut other = empty();
    let now = other.now;
    let mut refused =
        |bytes: &[u8]| other.refused(|daemon, host| daemon.load(Box::new(bytes), &Limits::default(), now, host.blobs));
    assert_eq!(
        refused(&[0; 1024]),
        "expected oci-layout with index.json, or manifest.json, in the archive"
    );
    assert!(
        refused(&tar[..tar.len() / 2]).contains("end of the stream"),
        "cut short"
    );
    assert!(refused(b"not a tar at all").contains("end of the stream"));
    // The last layer of the last image is another one.
    let seed = tar
        .windows(13)
        .rposition(|bytes| bytes == b"second layer\n")
        .expect("it is in it");
    let mut wrong = tar.clone();
    wrong[seed] ^= 1;
    assert!(refused(&wrong).starts_with("corrupt archive: blobs/sha256/"));
    let small = Limits {
        tar_bytes: 4096,
        ..Limits::default()
    };
    assert_eq!(
        other.refused(|daemon, host| daemon.load(Box::new(&tar[..]), &small, now, host.blobs)),
        "expected a layer of at most 4096 bytes"
    );
}

#[test]
fn a_packed_archive_and_packed_layers_load_too() {
    let mut machine = Machine::new();
    let image = machine.image(|config| config.user = "packed".to_owned());
    let packed = image.gzipped(&mut machine.blobs).expect("it packs");
    let id = machine.take_in(packed, "packed:1");
    let tar = save(&mut machine, &["packed:1"]);
    assert_eq!(load(&mut empty(), &tar), [(id, vec!["packed:1".to_owned()])]);
    machine.check();
}

#[test]
fn simulated_images_stay_simulated_through_an_archive() {
    let mut machine = Machine::new();
    for (name, with_absent) in [("marked:1", false), ("absent:1", true)] {
        let id = simulated(&mut machine, name, with_absent);
        let tar = save(&mut machine, &[name]);
        let mut other = empty();
        assert_eq!(load(&mut other, &tar), [(id, vec![name.to_owned()])]);
        let loaded = other.daemon.image(name).expect("loaded");
        assert_eq!(loaded.fidelity, Fidelity::Simulated, "{name}");
        assert_eq!(loaded.tree, machine.daemon.image(name).expect("here").tree);
        other.check();
    }
    let tar = save(&mut machine, &["base:1"]);
    let mut other = empty();
    load(&mut other, &tar);
    assert_eq!(other.daemon.image("base:1").expect("loaded").fidelity, Fidelity::Exact);
}

fn export(machine: &Machine, name: &str) -> Vec<u8> {
    let mut tar = Vec::new();
    machine
        .daemon
        .export(name, &machine.blobs, &mut tar)
        .expect("it is here");
    tar
}

fn import(machine: &mut Machine, tar: &[u8], options: &ImportOptions) -> Digest {
    machine
        .daemon
        .import(
            Box::new(tar),
            options,
            &Limits::default(),
            machine.now,
            &mut machine.blobs,
        )
        .expect("a sound archive")
}

#[test]
fn export_and_import_make_one_layer_of_the_same_files() {
    let mut machine = Machine::new();
    machine.up("flat_container", "write /srv/own 1;remove /etc/motd");
    let tar = export(&machine, "flat_container");
    let options = ImportOptions {
        name: Some(reference("flat:latest")),
        changes: vec!["CMD [\"sh\"]".to_owned(), "ENV A=1".to_owned()],
        ..ImportOptions::default()
    };
    let id = import(&mut machine, &tar, &options);
    let flat = machine.daemon.image("flat").expect("it has its name");
    assert_eq!((flat.id, flat.image.layers.len()), (id, 1));
    let container = machine.daemon.container("flat_container").expect("it is here");
    assert_eq!(shown(&flat.tree), shown(&container.tree));
    assert!(flat.tree.get(&at(".dockerenv")).is_some() && flat.tree.get(&at("etc/motd")).is_none());
    assert_eq!(flat.image.config.config.cmd, ["sh"]);
    assert_eq!(flat.image.config.config.env, ["A=1"]);
    let history = machine.daemon.history("flat").expect("it is here");
    assert_eq!(history.len(), 1);
    assert_eq!(
        (history[0].comment.as_str(), history[0].created_by.as_str()),
        ("Imported from -", "")
    );
    assert_eq!(
        flat.image.layers[0].diff_id.0,
        Digest::of(&tar),
        "its DiffID names the tar"
    );
    machine.check();
}

#[test]
fn a_tar_of_somebody_else_keeps_its_bytes() {
    let mut machine = Machine::new();
    machine.up("web", "");
    // Everybody may write more zeros at the end than we do.
    let mut tar = export(&machine, "web");
    tar.extend([0; 8192]);
    let options = ImportOptions {
        message: "from a friend".to_owned(),
        ..ImportOptions::default()
    };
    let id = import(&mut machine, &tar, &options);
    let image = machine.daemon.image_by_id(id).expect("it is here");
    assert_eq!(image.image.layers[0].diff_id.0, Digest::of(&tar));
    assert_eq!(image.image.config.history[0].comment, "from a friend");
    machine.check();
}

#[test]
fn a_simulated_filesystem_stays_simulated_and_keeps_its_sizes() {
    let mut machine = Machine::new();
    for (name, with_absent) in [("marked:1", false), ("absent:1", true)] {
        simulated(&mut machine, name, with_absent);
        let id = machine
            .create(CreateOptions {
                user: Some("0".to_owned()),
                ..options(name, &["sh", ""])
            })
            .expect("it is made");
        machine
            .with(|daemon, host| daemon.start(&id, &Stdin::Nothing, host))
            .expect("it starts");
        let tar = export(&machine, &id);
        let flat = import(&mut machine, &tar, &ImportOptions::default());
        let flat = machine.daemon.image_by_id(flat).expect("it is here");
        assert_eq!(flat.fidelity, Fidelity::Simulated, "{name}");
        assert_eq!(flat.size() > 1 << 30, with_absent);
        assert!(tar.len() < 100_000, "what is simulated takes no room");
    }
    machine.check();
}

#[test]
fn a_bad_tar_or_change_is_refused_and_nothing_is_taken_in() {
    let mut machine = Machine::new();
    machine.up("web", "");
    let tar = export(&machine, "web");
    let now = machine.now;
    let change = |text: &str| ImportOptions {
        changes: vec![text.to_owned()],
        ..ImportOptions::default()
    };
    let mut refused = |bytes: &[u8], options: &ImportOptions| {
        machine.refused(|daemon, host| daemon.import(Box::new(bytes), options, &Limits::default(), now, host.blobs))
    };
    assert_eq!(refused(&tar, &change("RUN x")), "RUN is not a valid change command");
    assert!(refused(&tar[..1000], &ImportOptions::default()).contains("end of the stream"));
    assert!(refused(b"text", &ImportOptions::default()).contains("end of the stream"));
    let small = Limits {
        tar_bytes: 2000,
        ..Limits::default()
    };
    let options = ImportOptions::default();
    assert!(
        machine
            .refused(|daemon, host| daemon.import(Box::new(&tar[..]), &options, &small, now, host.blobs))
            .contains("larger than the limit")
    );
}

#[test]
fn times_of_files_survive_in_whole_seconds() {
    let mut machine = Machine::new();
    machine.now = Time {
        secs: machine.now.secs,
        nanos: 5,
    };
    machine.up("web", "write /x 1");
    let tar = export(&machine, "web");
    let id = import(&mut machine, &tar, &ImportOptions::default());
    let tree: &Tree = &machine.daemon.image_by_id(id).expect("it is here").tree;
    assert_eq!(
        tree.get(&at("x")).map(|node| node.meta().mtime),
        Some(Time::of_secs(machine.now.secs))
    );
    assert!(machine.blobs.has(&Digest::of(b"1")));
}
