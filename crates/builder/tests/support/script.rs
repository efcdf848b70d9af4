//! An executor that does what a case's command says, and nothing else.

use builder::{ExecuteError, Executor, Fidelity, RunOutcome, RunRequest};
use store::{BlobStore, Content, Meta, Node, Tree, TreePath};

/// `write PATH TEXT`, `remove PATH`, `fail CODE`, as the last argument of the command; anything else does nothing.
pub(crate) struct Script;

impl Executor for Script {
    fn run(
        &mut self,
        request: &RunRequest,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<RunOutcome, ExecuteError> {
        let mut tree = tree.clone();
        let mut exit = 0;
        let line = request.argv.last().cloned().unwrap_or_default();
        let words: Vec<&str> = line.trim().splitn(3, ' ').collect();
        let path = |text: &str| TreePath::clean(text).expect("a path without NUL");
        match words.as_slice() {
            ["write", at, text] => {
                let content = Content::Blob {
                    digest: blobs.put(text.as_bytes())?,
                    size: text.len() as u64,
                };
                let meta = Meta {
                    mtime: request.now,
                    ..Meta::of_mode(0o644)
                };
                let parent = path(at).parent().expect("not the root");
                tree.mkdir_all(
                    &parent,
                    &Meta {
                        mode: 0o755,
                        ..meta.clone()
                    },
                )
                .expect("room for it");
                tree.insert(&path(at), Node::file(meta, content)).expect("room for it");
            }
            ["remove", at] => {
                tree.remove(&path(at)).expect("it is there");
            }
            ["fail", code] => exit = code.parse().expect("a number"),
            _ => {}
        }
        Ok(RunOutcome {
            tree,
            caches: Vec::new(),
            exit,
            lasting: None,
            output: Vec::new(),
            millis: 1,
            fidelity: Fidelity::Exact,
        })
    }
}
