//! Caches as BuildKit has written them: what this program writes of the same builds leads to the same results.
//!
//! `buildkit.json` was recorded from a running BuildKit; nothing in it is made by this program.

#[path = "support/script.rs"]
mod script;

use builder::{BaseImage, Build, Cache, ExportMode, Fidelity, Ignore, MemoryContext, Sources, Tools, load};
use oci::{DiffId, ImageConfig, Manifest, Platform};
use planner::{ImageName, Known, Network, Options, Resolved};
use script::Script;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::{BlobStore as _, Changeset, Content, Image, Layer, MemoryBlobs, Meta, Node, Time, Tree, TreePath};

const RECORDED: &str = include_str!("buildkit.json");

#[derive(Deserialize)]
struct Recorded {
    manifest: String,
    config: String,
    base: Vec<File>,
    context: Vec<File>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct File {
    path: String,
    #[serde(default)]
    mode: u32,
    #[serde(default)]
    text: String,
    link: Option<String>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    dockerfile: String,
    arguments: BTreeMap<String, String>,
    records: Vec<Operation>,
}

/// An operation, and for each input what of it is looked at and what it is known by.
#[derive(Deserialize)]
struct Operation {
    digest: String,
    inputs: Vec<BTreeSet<(String, String)>>,
}

impl Recorded {
    fn name() -> ImageName {
        ImageName {
            name: "mini".to_owned(),
            platform: "linux/amd64".to_owned(),
        }
    }

    /// The base image by its documents; of its files, those that are looked at.
    fn image(&self, blobs: &mut MemoryBlobs) -> BaseImage {
        let config = ImageConfig::parse(self.config.as_bytes()).unwrap();
        let manifest = Manifest::parse(self.manifest.as_bytes()).unwrap();
        let empty = Layer::make(Changeset::default(), None, blobs).unwrap();
        let layer = |(diff_id, descriptor): (&DiffId, &oci::Descriptor)| Layer {
            diff_id: *diff_id,
            descriptor: descriptor.clone(),
            ..empty.clone()
        };
        let image = Image {
            layers: config.diff_ids.iter().zip(&manifest.layers).map(layer).collect(),
            config,
            config_bytes: self.config.as_bytes().to_vec(),
            manifest,
            manifest_bytes: self.manifest.as_bytes().to_vec(),
        };
        let mut tree = Tree::new();
        tree.mkdir_all(&TreePath::clean("etc").unwrap(), &Meta::of_mode(0o755))
            .unwrap();
        for file in &self.base {
            let content = Content::Blob {
                digest: blobs.put(file.text.as_bytes()).unwrap(),
                size: file.text.len() as u64,
            };
            let node = Node::file(Meta::of_mode(file.mode), content);
            tree.insert(&TreePath::clean(&file.path).unwrap(), node).unwrap();
        }
        BaseImage {
            image: Arc::new(image),
            tree,
            fidelity: Fidelity::Exact,
        }
    }

    fn context(&self) -> MemoryContext {
        let mut context = MemoryContext::default();
        for file in &self.context {
            match &file.link {
                Some(target) => context.put_symlink(&file.path, Time::of_secs(1), target),
                None => context.put(&file.path, file.mode, Time::of_secs(1), file.text.as_bytes()),
            }
        }
        context
    }

    /// What this program tells of a build: operations with their inputs.
    fn export(&self, case: &Case) -> BTreeMap<String, Vec<BTreeSet<(String, String)>>> {
        let mut blobs = MemoryBlobs::default();
        let base = self.image(&mut blobs);
        let mut context = self.context();
        context.put("Dockerfile", 0o644, Time::of_secs(1), case.dockerfile.as_bytes());
        let mut options = Options::new(Platform::linux_amd64());
        options.build_args.extend(case.arguments.clone());
        // As they were recorded: `docker build --network none`.
        options.network = Network::None;
        let known: Known = [(Recorded::name(), Resolved::Image(Box::new(base.image.config.clone())))].into();
        let plan = planner::plan(&dockerfile::parse(&case.dockerfile).dockerfile, &options, &known).unwrap();
        let sources = Sources {
            context: load(&context, &Ignore::default(), &mut blobs).unwrap(),
            images: [(Recorded::name(), base)].into(),
            secrets: ["tok", "env"].map(|id| (id.to_owned(), b"x".to_vec())).into(),
            ..Sources::default()
        };
        let mut build = Build::new(Arc::new(plan), Arc::new(sources), Time::of_secs(1)).unwrap();
        let mut tools = Tools {
            now: Time::of_secs(1),
            cache: &mut Cache::default(),
            blobs: &mut blobs,
            executor: Some(&mut Script),
        };
        while build.step(&mut tools).unwrap().is_some() {}
        let records = build.export(ExportMode::Max).config.records;
        let told = records.iter().map(|record| {
            let inputs = record.inputs.iter().map(|input| {
                let ways = input.iter();
                ways.map(|way| (way.selector.clone(), records[way.link].digest.to_string()))
                    .collect()
            });
            (record.digest.to_string(), inputs.collect())
        });
        told.collect()
    }
}

#[test]
fn operations_and_their_inputs_are_known_by_what_buildkit_knows_them_by() {
    let recorded: Recorded = serde_json::from_str(RECORDED).unwrap();
    let mut wrong = Vec::new();
    for case in &recorded.cases {
        assert!(!case.records.is_empty(), "{}", case.name);
        let ours = recorded.export(case);
        for record in &case.records {
            let found = ours.get(&record.digest);
            // We may know more ways to an input than BuildKit had met; all of its own must be among them.
            let leads = found.is_some_and(|inputs| {
                let mut pairs = inputs.iter().zip(&record.inputs);
                inputs.len() == record.inputs.len() && pairs.all(|(ours, theirs)| theirs.is_subset(ours))
            });
            if !leads {
                wrong.push(format!(
                    "{}: {} {:?}, here {found:?}",
                    case.name, record.digest, record.inputs
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
