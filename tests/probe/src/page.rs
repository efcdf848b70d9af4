//! The page's preview of a project that was built before.

use crate::samples;
use builder::{ExecuteError, Executor, Fidelity, RunOutcome, RunRequest};
use messages::{Answer, Ask, FileInput, LineState, Options, PreviewView};
use store::{BlobStore, Content, Meta, Node, Time, Tree, TreePath};
use workbench::{Next, Workbench};

const NOW: Time = Time {
    secs: 1_760_000_000,
    nanos: 0,
};

/// A project of 50 steps and 2,000 files that was just built, so that the cache holds every step.
pub struct CachedPreview {
    bench: Workbench,
}

impl CachedPreview {
    /// Builds it.
    ///
    /// # Panics
    ///
    /// If it cannot be built, or is not taken from the cache afterwards: then there is nothing to measure.
    #[allow(clippy::new_without_default, reason = "it is work, no default")]
    pub fn new() -> CachedPreview {
        let (text, files) = samples::project_of_50_steps();
        let file = |(path, text): (String, String)| FileInput {
            path,
            mode: 0o644,
            bytes: text.into_bytes(),
        };
        let mut files: Vec<FileInput> = files.into_iter().map(file).collect();
        files.push(file(("Dockerfile".to_owned(), text)));
        let mut bench = Workbench::new(NOW);
        bench.handle(Ask::Open { files }, NOW);
        let mut last = bench.start(&options(), NOW).pop();
        while bench.next() != Next::Idle {
            last = bench.step(&mut Stamp).pop();
        }
        assert!(matches!(last, Some(Answer::Built(_))), "built, found {last:?}");
        let mut preview = CachedPreview { bench };
        let view = preview.preview();
        let is_cached = |line: &&messages::LineView| line.state == LineState::Cached;
        let cached = view.lines.iter().filter(is_cached).count();
        assert_eq!(cached, 50, "{}", view.summary);
        preview
    }

    /// What the page asks for after each edit.
    ///
    /// # Panics
    ///
    /// If the answer is no preview.
    pub fn preview(&mut self) -> PreviewView {
        match self.bench.handle(Ask::Preview(options()), NOW).pop() {
            Some(Answer::Preview(view)) => view,
            other => panic!("expected a preview, found {other:?}"),
        }
    }
}

fn options() -> Options {
    Options {
        dockerfile: "Dockerfile".to_owned(),
        ..Options::default()
    }
}

/// Stands in for a shell: every command leaves itself in a file. What is measured runs no command.
struct Stamp;

impl Executor for Stamp {
    fn run(
        &mut self,
        request: &RunRequest,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<RunOutcome, ExecuteError> {
        let text = request.argv.join(" ");
        let content = Content::Blob {
            digest: blobs.put(text.as_bytes())?,
            size: text.len() as u64,
        };
        let meta = Meta {
            mtime: request.now,
            ..Meta::of_mode(0o644)
        };
        let mut tree = tree.clone();
        let path = TreePath::parse("app/last").expect("a good path");
        tree.insert(&path, Node::file(meta, content))
            .expect("the working directory is there");
        Ok(RunOutcome {
            tree,
            caches: Vec::new(),
            exit: 0,
            lasting: None,
            output: Vec::new(),
            millis: 1,
            fidelity: Fidelity::Exact,
        })
    }
}
