//! A scene from a text, a few files and a few layers.

use crate::{Advice, Cost, Scene, Shipped, advise};
use planner::{Known, Options, Plan};
use std::collections::BTreeMap;
use store::{BlobStore, Change, ChangeKind, Changeset, Content, Layer, MemoryBlobs, Meta, Node, Tree, TreePath, Usage};

#[derive(Clone)]
pub(crate) struct Bench {
    file: dockerfile::Dockerfile,
    plan: Plan,
    context: Option<Tree>,
    blobs: MemoryBlobs,
    usage: Option<Usage>,
    costs: BTreeMap<usize, Cost>,
}

impl Bench {
    pub(crate) fn new(text: &str, files: &[(&str, &str)]) -> Bench {
        let mut bench = Bench::without_context(text);
        let mut tree = Tree::new();
        for (path, text) in files {
            let digest = bench.blobs.put(text.as_bytes()).unwrap();
            let path = TreePath::parse(path).unwrap();
            if let Some(above) = path.parent() {
                tree.mkdir_all(&above, &Meta::of_mode(0o755)).unwrap();
            }
            let size = text.len() as u64;
            let node = Node::file(Meta::of_mode(0o644), Content::Blob { digest, size });
            tree.insert(&path, node).unwrap();
        }
        bench.context = Some(tree);
        bench
    }

    pub(crate) fn without_context(text: &str) -> Bench {
        let file = dockerfile::parse(text).dockerfile;
        let options = Options::new(oci::Platform::linux_amd64());
        let plan = planner::plan(&file, &options, &Known::new()).unwrap();
        Bench {
            file,
            plan,
            context: None,
            blobs: MemoryBlobs::default(),
            usage: None,
            costs: BTreeMap::new(),
        }
    }

    /// The layer of each step of the image: paths and bytes; `.wh.NAME` deletes.
    pub(crate) fn layers(mut self, layers: &[&[(&str, u64)]]) -> Bench {
        let layer = |files: &&[(&str, u64)]| {
            let changes = files.iter().map(|(path, size)| {
                let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
                let node = Node::file(Meta::of_mode(0o644), Content::Absent { size: *size });
                let (name, kind) = name
                    .strip_prefix(".wh.")
                    .map_or((name, ChangeKind::Put(node)), |name| (name, ChangeKind::Delete));
                Change {
                    path: TreePath::clean(&format!("{above}/{name}")).unwrap(),
                    kind,
                }
            });
            let changes = Changeset {
                changes: changes.collect(),
            };
            Layer {
                changes: changes.into(),
                ..Layer::make(Changeset::default(), None, &self.blobs).unwrap()
            }
        };
        let layers: Vec<Layer> = layers.iter().map(layer).collect();
        self.usage = Some(Usage::of(&layers).unwrap());
        self
    }

    /// What the step on `line` once cost, in a simulation.
    pub(crate) fn costing(mut self, line: usize, millis: u64, bytes: u64) -> Bench {
        let step = self.plan.steps.iter().position(|step| step.lines.0 == line).unwrap();
        let simulated = true;
        self.costs.insert(
            step,
            Cost {
                bytes,
                millis,
                simulated,
            },
        );
        self
    }

    pub(crate) fn advise(&self) -> Vec<Advice> {
        let history = &self.plan.stages[self.plan.target].history;
        let origins: Vec<Option<usize>> = history.iter().filter_map(|past| past.step).map(Some).collect();
        let shipped = self.usage.as_ref().map(|usage| Shipped {
            usage,
            origins: &origins,
        });
        advise(&Scene {
            file: &self.file,
            plan: &self.plan,
            context: self.context.as_ref(),
            blobs: Some(&self.blobs),
            shipped,
            costs: &self.costs,
        })
    }
}

pub(crate) fn codes(advice: &[Advice]) -> Vec<&'static str> {
    advice.iter().map(|advice| advice.code).collect()
}

/// The text with the mend of a piece of advice.
pub(crate) fn fixed(text: &str, advice: &Advice) -> String {
    let mut text = text.to_owned();
    let fix = advice.fix.as_ref().expect("a fix");
    for (span, new) in fix.edits.iter().rev() {
        text.replace_range(span.start..span.end, new);
    }
    text
}
