//! Commands that go on beside each other make what they make one after the other; what one machine has built, another need not build.

#[path = "support/script.rs"]
mod script;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use builder::{
    Begun, Build, BuildErrorKind, Built, Cache, CacheConfig, ExecuteError, Executor, Export, ExportMode, Fidelity,
    Instruction, RunOutcome, RunRequest, Sources, Timestamps, Tools,
};
use oci::{ImageConfig, Platform, Time};
use planner::{Known, Options};
use script::Script;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::{BlobStore, Content, Layer, MemoryBlobs, Tree};

const DOCKERFILE: &str = "\
FROM scratch AS first
RUN write /a a
RUN write /b b
FROM scratch AS second
RUN write /c c
FROM scratch AS third
RUN write /d d
FROM scratch
COPY --from=third /d /
COPY --from=second /c /
COPY --from=first /a /b /
RUN write /e e
";

/// A command makes a file and is called by its text; the one that began last ends first.
#[derive(Default)]
struct Beside {
    lanes: usize,
    goes_on: Vec<(usize, RunOutcome)>,
    /// Names of the commands, as they began.
    begun: Vec<String>,
    /// How many went on at once.
    most: usize,
    fails: Option<&'static str>,
    simulates: bool,
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
        let line = request.argv.last().expect("a command");
        let name = line.split(' ').next_back().unwrap_or_default().to_owned();
        let fidelity = if self.simulates {
            Fidelity::Simulated
        } else {
            Fidelity::Exact
        };
        let exit = i32::from(self.fails == Some(name.as_str()));
        self.begun.push(name);
        let outcome = Script.run(request, tree, blobs)?;
        Ok(RunOutcome {
            exit,
            millis: 40,
            fidelity,
            ..outcome
        })
    }
}

fn build() -> Build {
    build_of(DOCKERFILE)
}

fn build_of(dockerfile: &str) -> Build {
    let parse = dockerfile::parse(dockerfile);
    let mut options = Options::new(Platform::linux_amd64());
    options
        .build_args
        .push(("SOURCE_DATE_EPOCH".to_owned(), "1700000000".to_owned()));
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
        let mut executor = Beside {
            lanes,
            ..Beside::default()
        };
        walk(&mut executor);
        assert_eq!(executor.most, most, "{lanes} lanes");
        assert_eq!(executor.begun.len(), 5);
        assert_eq!(
            executor.begun.last().map(String::as_str),
            Some("e"),
            "it needs the others"
        );
        let place = |name: &str| executor.begun.iter().position(|begun| begun == name);
        assert!(place("a") < place("b"), "it runs over the other: {:?}", executor.begun);
    }
}

#[test]
fn the_image_is_the_same_however_many_run_at_once() {
    let ids: Vec<_> = [1, 2, 16]
        .map(|lanes| {
            walk(&mut Beside {
                lanes,
                ..Beside::default()
            })
            .image
            .id()
        })
        .into();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[test]
fn a_command_that_fails_may_be_tried_again_while_others_go_on() {
    let mut build = build();
    let mut executor = Beside {
        lanes: 16,
        fails: Some("c"),
        ..Beside::default()
    };
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

/// A machine of its own.
#[derive(Default)]
struct Machine {
    cache: Cache,
    blobs: MemoryBlobs,
}

impl Machine {
    fn build(&mut self, dockerfile: &str, executor: &mut Beside) -> (Build, Built, Vec<bool>) {
        let mut build = build_of(dockerfile);
        let mut tools = Tools {
            now: Time::of_secs(1),
            cache: &mut self.cache,
            blobs: &mut self.blobs,
            executor: Some(executor),
        };
        let mut cached = Vec::new();
        while let Some(step) = build.step(&mut tools).expect("a good build") {
            cached.push(step.is_cached());
        }
        let built = build.finish(Timestamps::Keep, &mut tools).expect("a good build");
        (build, built, cached)
    }

    /// An image that is its own cache.
    fn build_as_cache(&mut self, dockerfile: &str, executor: &mut Beside) -> Built {
        let mut tools = Tools {
            now: Time::of_secs(1),
            cache: &mut self.cache,
            blobs: &mut self.blobs,
            executor: Some(executor),
        };
        let built = build_of(dockerfile).finish_as_cache(Timestamps::Keep, &mut tools);
        built.expect("a good build")
    }

    /// Takes what `dockerfile` wants of what another machine gives away; returns which layers those are.
    fn import(&mut self, dockerfile: &str, given: &Export, from: &Machine) -> BTreeSet<usize> {
        let config = CacheConfig::parse(&given.config.to_json()).expect("a good document");
        let layers: Vec<Layer> = given.layers.iter().map(|(layer, _)| layer.clone()).collect();
        self.take(dockerfile, &config, &layers, from)
    }

    fn take(&mut self, dockerfile: &str, config: &CacheConfig, layers: &[Layer], from: &Machine) -> BTreeSet<usize> {
        let mut build = build_of(dockerfile);
        let mut tools = Tools {
            now: Time::of_secs(1),
            cache: &mut self.cache,
            blobs: &mut self.blobs,
            executor: None,
        };
        let wanted = build.wanted(config, &mut tools);
        let fetch = |place: &usize| {
            let layer = layers[*place].clone();
            for (_, content) in layer.changes.files() {
                if let Content::Blob { digest, .. } = content {
                    let bytes = from.blobs.get(&digest).expect("it is there");
                    tools.blobs.put(&bytes).expect("room for it");
                }
            }
            (*place, layer)
        };
        let layers: BTreeMap<usize, Layer> = wanted.iter().map(fetch).collect();
        self.cache.import(config, &layers);
        wanted
    }
}

/// Six steps: two of the stage below, four of the image.
const SHARED: &str = "\
FROM scratch AS first
RUN write /a a
RUN write /b b
FROM scratch
COPY <<EOF /text
hello
EOF
COPY --from=first /a /b /
WORKDIR /w
RUN write /e e
";

fn lanes() -> Beside {
    Beside {
        lanes: 16,
        ..Beside::default()
    }
}

fn first_machine(mode: ExportMode) -> (Machine, Built, Export) {
    let mut machine = Machine::default();
    let (build, built, cached) = machine.build(SHARED, &mut lanes());
    assert_eq!(cached, [false; 6]);
    let export = build.export(mode);
    (machine, built, export)
}

#[test]
fn what_one_machine_has_built_another_takes_from_it() {
    let (first, built, given) = first_machine(ExportMode::Max);
    let mut second = Machine::default();
    let wanted = second.import(SHARED, &given, &first);
    assert_eq!(wanted.len(), 6);
    let mut executor = lanes();
    let (build, again, cached) = second.build(SHARED, &mut executor);
    assert_eq!(cached, [true; 6]);
    assert!(executor.begun.is_empty(), "nothing was run");
    assert_eq!(again.image.id(), built.image.id());
    // A third one takes it from the second as it would from the first.
    let given = build.export(ExportMode::Max);
    let mut third = Machine::default();
    third.import(SHARED, &given, &second);
    assert_eq!(third.build(SHARED, &mut lanes()).2, [true; 6]);
}

#[test]
fn of_the_stages_below_the_least_tells_nothing_and_equal_files_count() {
    let (first, built, given) = first_machine(ExportMode::Min);
    assert_eq!(given.layers.len(), 4);
    let mut second = Machine::default();
    second.import(SHARED, &given, &first);
    let mut executor = lanes();
    let (_, again, cached) = second.build(SHARED, &mut executor);
    assert_eq!(executor.begun, ["a", "b"]);
    assert_eq!(cached.iter().filter(|cached| **cached).count(), 4);
    assert_eq!(again.image.id(), built.image.id());
}

#[test]
fn only_layers_that_the_build_may_use_are_wanted() {
    let (first, _, given) = first_machine(ExportMode::Max);
    let changed = SHARED.replace("hello", "bye");
    let mut second = Machine::default();
    let wanted = second.import(&changed, &given, &first);
    assert_eq!(wanted.len(), 2, "those of the stage below");
    let mut executor = lanes();
    second.build(&changed, &mut executor);
    assert_eq!(executor.begun, ["e"]);
    let nothing = Machine::default().import("FROM scratch\nRUN write /x other\n", &given, &first);
    assert!(nothing.is_empty());
}

#[test]
fn an_image_is_its_own_cache_if_it_is_to_be() {
    let (mut first, ..) = first_machine(ExportMode::Min);
    let built = first.build_as_cache(SHARED, &mut lanes());
    let (config, layers) = cache_of(&built);
    let mut second = Machine::default();
    let wanted = second.take(SHARED, &config, layers, &first);
    assert_eq!(wanted, [0, 1, 2, 3].into());
    let mut executor = lanes();
    let again = second.build_as_cache(SHARED, &mut executor);
    assert_eq!(executor.begun, ["a", "b"], "the stage below is not in the image");
    assert_eq!(again.image.layers, built.image.layers);
    // To build on it is to build on its files: its cache is of itself.
    assert_eq!(
        ImageConfig::parse(&built.image.config_bytes).unwrap().inline_cache,
        None
    );
}

#[test]
fn an_image_that_is_its_own_cache_tells_of_linked_copies_too() {
    let dockerfile = "FROM scratch\nWORKDIR /w\nCOPY --link <<EOF /text\nhello\nEOF\nRUN write /e e\n";
    let mut first = Machine::default();
    let built = first.build_as_cache(dockerfile, &mut lanes());
    let (config, layers) = cache_of(&built);
    // The copy itself is one layer of the image, and not the lowest.
    let chains: Vec<_> = config.records.iter().flat_map(|record| &record.chains).collect();
    assert_eq!(chains.len(), 1);
    assert_eq!(chains[0].layers, [1]);
    let mut second = Machine::default();
    second.take(dockerfile, &config, layers, &first);
    assert_eq!(second.build(dockerfile, &mut lanes()).2, [true; 4]);
}

/// What an image tells of itself, and its layers.
fn cache_of(built: &Built) -> (CacheConfig, &[Layer]) {
    let config: serde_json::Value = serde_json::from_slice(&built.image.config_bytes).unwrap();
    let records = config["moby.buildkit.cache.v0"].as_str().expect("a cache");
    let records = STANDARD.decode(records).unwrap();
    let layers = built.image.layers.iter().map(|layer| layer.descriptor.digest);
    let config = CacheConfig::parse_inline(&records, &layers.collect::<Vec<_>>()).unwrap();
    (config, &built.image.layers)
}

#[test]
fn what_is_here_already_is_not_taken_again() {
    let (mut first, _, given) = first_machine(ExportMode::Max);
    let config = CacheConfig::parse(&given.config.to_json()).expect("a good document");
    let layers = given
        .layers
        .iter()
        .map(|(layer, _)| layer.clone())
        .enumerate()
        .collect();
    assert_eq!(first.cache.import(&config, &layers), 0);
    assert_eq!(Machine::default().cache.import(&config, &layers), 6);
}

#[test]
fn what_is_simulated_is_not_given_away() {
    let mut machine = Machine::default();
    let mut executor = Beside {
        simulates: true,
        ..lanes()
    };
    let (build, ..) = machine.build(SHARED, &mut executor);
    let given = build.export(ExportMode::Max);
    // The text does not depend on a command.
    assert_eq!(given.layers.len(), 1);
    assert_eq!(
        given
            .config
            .records
            .iter()
            .map(|record| record.results.len())
            .sum::<usize>(),
        1
    );
}
