//! Commands that go on beside each other make what they make one after the other.

use builder::{
    Begun, Build, BuildErrorKind, Built, Cache, ExecuteError, Executor, Fidelity, Instruction, RunOutcome, RunRequest,
    Sources, Timestamps, Tools,
};
use oci::{Platform, Time};
use planner::{Known, Options};
use std::sync::Arc;
use store::{BlobStore, Content, MemoryBlobs, Meta, Node, Tree, TreePath};

const DOCKERFILE: &str = "\
FROM scratch AS first
RUN a
RUN b
FROM scratch AS second
RUN c
FROM scratch AS third
RUN d
FROM scratch
COPY --from=third /d /
COPY --from=second /c /
COPY --from=first /a /b /
RUN e
";

/// A command makes a file of its own name; the one that began last ends first.
#[derive(Default)]
struct Beside {
    lanes: usize,
    goes_on: Vec<(usize, RunOutcome)>,
    /// Names of the commands, as they began.
    begun: Vec<String>,
    /// How many went on at once.
    most: usize,
    fails: Option<&'static str>,
}

impl Executor for Beside {
    fn lanes(&self) -> usize {
        self.lanes
    }

    fn begin(
        &mut self,
        number: usize,
        _instruction: &Instruction<'_>,
        request: &RunRequest,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<Begun, ExecuteError> {
        let outcome = self.run(request, tree, blobs)?;
        self.goes_on.push((number, outcome));
        self.most = self.most.max(self.goes_on.len());
        Ok(Begun::Runs)
    }

    fn wait(&mut self, _blobs: &mut dyn BlobStore) -> Option<(usize, Result<RunOutcome, ExecuteError>)> {
        self.goes_on.pop().map(|(number, outcome)| (number, Ok(outcome)))
    }

    fn run(
        &mut self,
        request: &RunRequest,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<RunOutcome, ExecuteError> {
        let name = request.argv.last().expect("a command").clone();
        let mut tree = tree.clone();
        let content = Content::Blob {
            digest: blobs.put(name.as_bytes())?,
            size: name.len() as u64,
        };
        let path = TreePath::clean(&name).expect("a path");
        tree.insert(&path, Node::file(Meta::of_mode(0o644), content)).expect("room for it");
        let exit = i32::from(self.fails == Some(name.as_str()));
        self.begun.push(name);
        Ok(RunOutcome {
            tree,
            caches: Vec::new(),
            exit,
            lasting: None,
            output: Vec::new(),
            millis: 40,
            fidelity: Fidelity::Exact,
        })
    }
}

fn build() -> Build {
    let parse = dockerfile::parse(DOCKERFILE);
    let mut options = Options::new(Platform::linux_amd64());
    options.build_args.push(("SOURCE_DATE_EPOCH".to_owned(), "1700000000".to_owned()));
    let plan = planner::plan(&parse.dockerfile, &options, &Known::default()).expect("a good plan");
    Build::new(Arc::new(plan), Arc::new(Sources::default()), Time::of_secs(1)).expect("nothing is missing")
}

fn walk(executor: &mut Beside) -> Built {
    let mut tools = Tools {
        now: Time::of_secs(1),
        cache: &mut Cache::default(),
        blobs: &mut MemoryBlobs::default(),
        executor: Some(executor),
    };
    build().finish(Timestamps::Keep, &mut tools).expect("a good build")
}

#[test]
fn stages_that_do_not_need_each_other_run_beside_each_other() {
    for (lanes, most) in [(1, 1), (2, 2), (16, 3)] {
        let mut executor = Beside { lanes, ..Beside::default() };
        walk(&mut executor);
        assert_eq!(executor.most, most, "{lanes} lanes");
        assert_eq!(executor.begun.len(), 5);
        assert_eq!(executor.begun.last().map(String::as_str), Some("e"), "it needs the others");
        let place = |name: &str| executor.begun.iter().position(|begun| begun == name);
        assert!(place("a") < place("b"), "it runs over the other: {:?}", executor.begun);
    }
}

#[test]
fn the_image_is_the_same_however_many_run_at_once() {
    let ids: Vec<_> = [1, 2, 16]
        .map(|lanes| walk(&mut Beside { lanes, ..Beside::default() }).image.id().clone())
        .into();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[test]
fn a_command_that_fails_may_be_tried_again_while_others_go_on() {
    let mut build = build();
    let mut executor = Beside { lanes: 16, fails: Some("c"), ..Beside::default() };
    let (mut cache, mut blobs) = (Cache::default(), MemoryBlobs::default());
    let mut tools = Tools {
        now: Time::of_secs(1),
        cache: &mut cache,
        blobs: &mut blobs,
        executor: Some(&mut executor),
    };
    let error = loop {
        match build.step(&mut tools) {
            Ok(step) => assert!(step.is_some(), "it cannot come to its end"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error.kind, BuildErrorKind::Exit { code: 1, .. }), "{error:?}");
    assert_eq!(error.line, Some(5));
    executor.fails = None;
    tools = Tools {
        now: Time::of_secs(1),
        cache: &mut cache,
        blobs: &mut blobs,
        executor: Some(&mut executor),
    };
    build.finish(Timestamps::Keep, &mut tools).expect("now it goes well");
    assert_eq!(build.progress(), (8, 8));
    assert_eq!(executor.begun.iter().filter(|name| *name == "a").count(), 1);
}
