//! Images: names, lists, history, what they take.

use super::support::{Machine, START, at, options, reference};
use builder::{Build, Cache, Fidelity, MemoryContext, Timestamps, Tools};
use engine::{ImageFilters, Intermediates, Json, LocalImages, Rows, StandIn, StepImages};
use oci::{Digest, Platform, Time};
use std::collections::BTreeMap;

fn build(machine: &mut Machine, text: &str, steps: StepImages, name: &str) -> Digest {
    let mut context = MemoryContext::default();
    context.put("a", 0o644, machine.now, b"aaaa");
    let options = planner::Options::new(Platform::linux_amd64());
    let request = engine::Request {
        text,
        dockerfile: "Dockerfile",
        options: &options,
        context: &context,
        secrets: &BTreeMap::new(),
        now: machine.now,
    };
    let mut cache = Cache::default();
    let mut world = LocalImages {
        daemon: &machine.daemon,
        beyond: &mut StandIn::default(),
    };
    let prepared = engine::prepare(request, &mut world, &mut machine.blobs).expect("it can begin");
    let mut build: Build = prepared.build;
    let mut tools = Tools {
        now: machine.now,
        cache: &mut cache,
        blobs: &mut machine.blobs,
        executor: Some(&mut machine.script),
    };
    let built = build.finish(Timestamps::Keep, &mut tools).expect("it builds");
    let names: Vec<_> = (!name.is_empty()).then(|| reference(name)).into_iter().collect();
    machine
        .daemon
        .add_built(&built, &names, steps, machine.now, &mut machine.blobs)
        .expect("a sound image")
}

fn rows(machine: &Machine, filters: &ImageFilters, intermediates: Intermediates) -> Vec<String> {
    let rows = machine
        .daemon
        .list_images(filters, intermediates, Rows::Tags)
        .expect("a list");
    let none = || "<none>".to_owned();
    rows.into_iter()
        .map(|row| {
            format!(
                "{}:{}",
                row.repository.unwrap_or_else(none),
                row.tag.unwrap_or_else(none)
            )
        })
        .collect()
}

#[test]
fn an_image_is_found_by_name_tag_digest_id_and_the_beginning_of_an_id() {
    let mut machine = Machine::new();
    let id = machine.daemon.image("base:1").expect("by tag").id;
    machine
        .daemon
        .tag("base:1", &reference("base"), machine.now)
        .expect("it is here");
    machine
        .daemon
        .record_push(&reference("base:1"), Digest::of(b"manifest"))
        .expect("it is here");
    let digest = Digest::of(b"manifest");
    let names = [
        "base".to_owned(),
        "base:latest".to_owned(),
        "docker.io/library/base:1".to_owned(),
        format!("base@{digest}"),
        format!("base:1@{digest}"),
        id.to_string(),
        id.hex(),
        id.short(),
        format!("sha256:{}", &id.hex()[..3]),
    ];
    for name in names {
        assert_eq!(machine.daemon.image(&name).expect("it is found").id, id, "{name}");
    }
}

#[test]
fn what_is_not_there_is_named_with_its_tag() {
    let mut machine = Machine::new();
    for (asked, said) in [
        ("nope", "No such image: nope:latest"),
        ("base", "No such image: base:latest"),
        ("r.example:5000/x:2", "No such image: r.example:5000/x:2"),
        (
            "Base",
            "invalid reference format: repository name (library/Base) must be lowercase",
        ),
        ("a b", "invalid reference format"),
    ] {
        let refusal = machine.refused(|daemon, _| daemon.image(asked).map(|image| image.id));
        assert_eq!(refusal, said);
    }
    let nobody = format!("sha256:{}", "0".repeat(64));
    let refusal = machine.refused(|daemon, _| daemon.image(&nobody).map(|image| image.id));
    assert_eq!(refusal, format!("No such image: {nobody}"));
}

#[test]
fn a_prefix_that_two_images_have_names_none() {
    let mut machine = Machine::new();
    let mut seen: BTreeMap<String, Digest> = BTreeMap::new();
    // Among seventeen images two begin with the same digit.
    for number in 0..17 {
        let id = machine.add("", |config| config.user = number.to_string());
        if let Some(other) = seen.insert(id.hex()[..1].to_owned(), id) {
            let prefix = &id.hex()[..1];
            assert_ne!(other, id);
            let refusal = machine.refused(|daemon, _| daemon.image(prefix).map(|image| image.id));
            assert_eq!(refusal, format!("No such image: {prefix}:latest"));
            return;
        }
    }
    panic!("seventeen images have sixteen first digits");
}

#[test]
fn a_name_moves_to_another_image_and_leaves_the_first_one_dangling() {
    let mut machine = Machine::new();
    let first = machine.daemon.image("base:1").expect("it is here").id;
    let second = machine.add("base:1", |config| config.user = "web".to_owned());
    assert_ne!(first, second);
    assert_eq!(machine.daemon.image("base:1").expect("it is here").id, second);
    assert!(machine.daemon.is_dangling(first));
    let all = rows(&machine, &ImageFilters::default(), Intermediates::Hide);
    assert_eq!(all.len(), 2);
    let dangling = |dangling| ImageFilters {
        dangling: Some(dangling),
        ..ImageFilters::default()
    };
    assert_eq!(rows(&machine, &dangling(true), Intermediates::Hide), ["<none>:<none>"]);
    assert_eq!(rows(&machine, &dangling(false), Intermediates::Hide), ["base:1"]);
    machine.check();
}

#[test]
fn a_target_with_a_digest_is_no_tag() {
    let mut machine = Machine::new();
    let target = reference("base").with_digest(Digest::of(b"x"));
    let now = machine.now;
    let refusal = machine.refused(|daemon, _| daemon.tag("base:1", &target, now));
    assert_eq!(refusal, "refusing to create a tag with a digest reference");
}

#[test]
fn lists_are_filtered_by_pattern_label_and_age() {
    let mut machine = Machine::new();
    machine.add("app:1", |config| {
        config.labels.insert("tier".to_owned(), "web".to_owned());
    });
    machine
        .daemon
        .tag("app:1", &reference("r.example:5000/app:2"), machine.now)
        .expect("it is here");
    let mut young = machine.image(|config| config.user = "young".to_owned());
    young.config.created = Some(Time::of_secs(START).into());
    let young = store::Image::new(young.config, young.layers);
    machine.take_in(young, "young:1");
    let listed = |filters: ImageFilters| {
        let mut found = rows(&machine, &filters, Intermediates::Hide);
        found.sort();
        found
    };
    let of = |pattern: &str| ImageFilters {
        references: vec![pattern.to_owned()],
        ..ImageFilters::default()
    };
    assert_eq!(listed(of("app")), ["app:1"]);
    assert_eq!(listed(of("*:1")), ["app:1", "base:1", "young:1"]);
    assert_eq!(listed(of("*/app")), ["r.example:5000/app:2"]);
    let label = |value: Option<&str>| ImageFilters {
        labels: vec![("tier".to_owned(), value.map(str::to_owned))],
        ..ImageFilters::default()
    };
    assert_eq!(listed(label(None)), ["app:1", "r.example:5000/app:2"]);
    assert_eq!(listed(label(Some("db"))), Vec::<String>::new());
    let since = ImageFilters {
        since: Some("base:1".to_owned()),
        ..ImageFilters::default()
    };
    assert_eq!(listed(since), ["young:1"]);
    let before = ImageFilters {
        before: Some("young:1".to_owned()),
        ..ImageFilters::default()
    };
    assert_eq!(listed(before).len(), 3);
    let all = rows(&machine, &ImageFilters::default(), Intermediates::Hide);
    assert_eq!(all[0], "young:1", "the newest comes first");
}

#[test]
fn digests_of_registries_have_a_row_each_only_on_request() {
    let mut machine = Machine::new();
    for bytes in [b"one", b"two"] {
        machine
            .daemon
            .record_push(&reference("base:1"), Digest::of(bytes))
            .expect("it is here");
    }
    let list = |rows| {
        let list = machine
            .daemon
            .list_images(&ImageFilters::default(), Intermediates::Hide, rows);
        list.expect("a list")
            .into_iter()
            .map(|row| row.digest)
            .collect::<Vec<_>>()
    };
    assert_eq!(list(Rows::Tags), [None]);
    assert_eq!(list(Rows::Digests).len(), 2);
    assert!(list(Rows::Digests).iter().all(Option::is_some));
}

#[test]
fn a_pull_says_whether_it_brought_something_new() {
    let mut machine = Machine::new();
    let image = machine.image(|config| config.user = "pulled".to_owned());
    let (name, digest) = (reference("r.example:5000/app:1"), Digest::of(b"manifest"));
    let pull = |machine: &mut Machine| {
        machine
            .daemon
            .add_pulled(
                image.clone(),
                Fidelity::Exact,
                &name,
                digest,
                machine.now,
                &mut machine.blobs,
            )
            .expect("a sound image")
    };
    assert!(pull(&mut machine).is_new);
    let again = pull(&mut machine);
    assert!(!again.is_new);
    assert_eq!(machine.daemon.repo_tags(again.id), ["r.example:5000/app:1"]);
    assert_eq!(
        machine.daemon.repo_digests(again.id),
        [format!("r.example:5000/app@{digest}")]
    );
}

#[test]
fn the_images_of_steps_are_listed_only_with_all_and_name_the_history() {
    let mut machine = Machine::new();
    let text = "FROM scratch\nCOPY a /a\nENV B=1\nCMD [\"/a\"]\n";
    let id = build(&mut machine, text, StepImages::Keep, "built:1");
    assert_eq!(
        rows(&machine, &ImageFilters::default(), Intermediates::Hide),
        ["built:1", "base:1"]
    );
    let all = rows(&machine, &ImageFilters::default(), Intermediates::Show);
    assert_eq!(all.iter().filter(|row| *row == "<none>:<none>").count(), 2);
    let parents = machine.daemon.parents(id);
    let envs: Vec<bool> = parents
        .iter()
        .map(|image| image.image.config.config.env.contains(&"B=1".to_owned()))
        .collect();
    assert_eq!(envs, [true, false], "each has the configuration of its step");
    let ids: Vec<bool> = machine
        .daemon
        .history("built:1")
        .expect("it is here")
        .iter()
        .map(|row| row.id.is_some())
        .collect();
    assert_eq!(ids, [true; 3]);
    machine.check();
    let alone = build(
        &mut machine,
        "FROM scratch\nCOPY a /b\nENV C=1\n",
        StepImages::Drop,
        "alone:1",
    );
    assert!(machine.daemon.parents(alone).is_empty());
    let ids: Vec<bool> = machine
        .daemon
        .history("alone:1")
        .expect("it is here")
        .iter()
        .map(|row| row.id.is_some())
        .collect();
    assert_eq!(ids, [true, false]);
}

#[test]
fn the_history_has_the_last_step_first_with_the_bytes_of_its_layer() {
    let machine = Machine::new();
    let rows = machine.daemon.history("base:1").expect("it is here");
    let shown: Vec<(&str, u64, bool)> = rows
        .iter()
        .map(|row| (row.created_by.as_str(), row.size, row.id.is_some()))
        .collect();
    assert_eq!(shown, [("step 2", 13, true), ("step 1", 66, false)]);
    assert_eq!(rows[0].tags, ["base:1"]);
}

#[test]
fn inspect_has_dockers_fields_in_dockers_order() {
    let machine = Machine::new();
    let value = machine.daemon.inspect_image("base:1").expect("it is here");
    let Json::Object(fields) = &value else {
        panic!("an object")
    };
    let keys: Vec<&str> = fields.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "Id",
            "RepoTags",
            "RepoDigests",
            "Parent",
            "Comment",
            "Created",
            "DockerVersion",
            "Author",
            "Config",
            "Architecture",
            "Os",
            "Size",
            "GraphDriver",
            "RootFS",
            "Metadata"
        ]
    );
    assert_eq!(
        value.at(&["RepoTags"]).map(Json::compact).as_deref(),
        Some(r#"["base:1"]"#)
    );
    assert_eq!(
        value.at(&["Config", "Cmd"]).map(Json::compact).as_deref(),
        Some(r#"["sh"]"#)
    );
    assert_eq!(value.at(&["Size"]), Some(&Json::Number(79)));
    assert_eq!(value.at(&["RootFS", "Type"]).and_then(Json::as_text), Some("layers"));
    assert_eq!(
        value.at(&["Created"]).and_then(Json::as_text),
        Some("2023-11-14T22:05:00Z")
    );
}

#[test]
fn shared_layers_count_once_and_unique_bytes_are_the_rest() {
    let mut machine = Machine::new();
    let other = machine.add("other:1", |config| config.user = "web".to_owned());
    let usage = machine.daemon.image_usage();
    assert_eq!(
        usage
            .iter()
            .map(|image| (image.shared, image.unique))
            .collect::<Vec<_>>(),
        [(79, 0); 2]
    );
    let mut machine_alone = Machine::new();
    machine_alone
        .run(options("base:1", &["sh", "write /x 12345"]))
        .expect("it runs");
    let df = machine_alone.daemon.disk_usage(&Cache::default());
    assert_eq!(
        (df.images.total, df.images.active, df.images.size, df.images.reclaimable),
        (1, 1, 79, 0)
    );
    assert_eq!(
        (df.containers.total, df.containers.active, df.containers.size),
        (1, 0, 5)
    );
    assert_eq!(df.containers.reclaimable, 5);
    assert!(
        machine
            .daemon
            .image_by_id(other)
            .expect("it is here")
            .tree
            .get(&at("srv/second"))
            .is_some()
    );
}

#[test]
fn a_build_starts_from_what_the_machine_has_and_from_its_registry_otherwise() {
    let mut machine = Machine::new();
    let text = "FROM base:1\nCOPY a /srv/a\nCMD [\"sh\"]\n";
    let id = build(&mut machine, text, StepImages::Keep, "own:1");
    let image = machine.daemon.image_by_id(id).expect("it is here");
    assert_eq!(image.image.layers.len(), 3);
    assert_eq!(image.fidelity, Fidelity::Exact);
    let base = machine.daemon.image("base:1").expect("it is here").id;
    let parents = machine.daemon.parents(id);
    assert_eq!(
        parents.last().map(|image| image.id),
        Some(base),
        "the steps go back to the base image"
    );
    assert_eq!(parents.len(), 2);
    let id = build(
        &mut machine,
        "FROM alpine:3.9.3\nCOPY a /a\n",
        StepImages::Drop,
        "hub:1",
    );
    let image = machine.daemon.image_by_id(id).expect("it is here");
    assert_eq!(image.fidelity, Fidelity::Simulated);
    machine.check();
}
