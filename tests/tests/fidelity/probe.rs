//! Tries a piece of a Dockerfile: what the parser, the planner and a preview make of it.

use builder::{BuildErrorKind, Cache, ExecuteError, Fidelity, MemoryContext, Tools};
use engine::{Outside, Prepared, Request, StandIn, World};
use oci::Platform;
use planner::{Known, Options, Plan, Resolved};
use simulator::Simulator;
use std::collections::BTreeMap;
use store::{MemoryBlobs, Time};

const EPOCH: i64 = 1_700_000_000;

/// Two Dockerfiles that differ in the piece that is tried.
#[derive(Debug, Clone)]
pub(crate) struct Trial {
    /// The Dockerfile with it.
    pub(crate) with: String,
    /// The same without it.
    pub(crate) without: String,
    /// The line of `with` on which it begins, from 1.
    pub(crate) line: usize,
}

/// What one part of the program made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It counts, and what comes of it is BuildKit's.
    Exact,
    /// It counts, and what comes of it is a model.
    Model,
    /// It is accepted and changes nothing.
    Nothing,
    /// It is refused, in these words.
    Refused(String),
}

/// What each part made of it; [`Verdict::Refused`] by the first that refused it, and by all after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdicts {
    /// The parser.
    pub(crate) parsed: Verdict,
    /// The planner.
    pub(crate) planned: Verdict,
    /// A preview.
    pub(crate) simulated: Verdict,
}

/// What a preview shows: of an image its config and layers, of a failed build its error; and what commands wrote.
#[derive(Debug, Clone, PartialEq)]
struct Shown {
    result: String,
    log: String,
    /// Whether what the tried line made is a model.
    fidelity: Fidelity,
}

/// What trials are done with; images and what was seen before are kept from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Bench {
    world: StandIn,
    blobs: MemoryBlobs,
    seen: BTreeMap<(String, usize), Result<Shown, String>>,
}

impl Bench {
    /// Tries it.
    pub(crate) fn try_out(&mut self, trial: &Trial) -> Verdicts {
        let parsed = parse(&trial.with);
        let planned = parsed.clone().and_then(|()| {
            let with = self.plan(&trial.with)?;
            let same = self
                .plan(&trial.without)
                .is_ok_and(|without| meaning(&without) == meaning(&with));
            Ok(same)
        });
        let simulated = planned.clone().and_then(|_| {
            let with = self.preview(&trial.with, trial.line)?;
            let without = self.preview(&trial.without, trial.line);
            let same = without.is_ok_and(|without| (&without.result, &without.log) == (&with.result, &with.log));
            Ok((same, with.fidelity))
        });
        Verdicts {
            parsed: parsed.map_or_else(Verdict::Refused, |()| Verdict::Exact),
            planned: match planned {
                Ok(true) => Verdict::Nothing,
                Ok(false) => Verdict::Exact,
                Err(message) => Verdict::Refused(message),
            },
            simulated: match simulated {
                Ok((true, _)) => Verdict::Nothing,
                Ok((false, Fidelity::Exact)) => Verdict::Exact,
                Ok((false, Fidelity::Simulated)) => Verdict::Model,
                Err(message) => Verdict::Refused(message),
            },
        }
    }

    /// Whether the planner takes this Dockerfile.
    pub(crate) fn is_planned(&mut self, text: &str) -> bool {
        parse(text).is_ok() && self.plan(text).is_ok()
    }

    /// Plans with the images of the catalogue. Nothing else is fetched.
    fn plan(&mut self, text: &str) -> Result<Plan, String> {
        let file = dockerfile::parse(text).dockerfile;
        let options = options();
        let mut known = Known::new();
        let message = |problems: Vec<dockerfile::Diagnostic>| problems[0].message.clone();
        loop {
            let needs = planner::needs(&file, &options, &known).map_err(message)?;
            if needs.images.is_empty() {
                return planner::plan(&file, &options, &known).map_err(message);
            }
            for needed in needs.images {
                let found = self
                    .world
                    .image(&needed.image, &mut self.blobs)
                    .map_err(|error| error.message)?;
                let resolved = match found {
                    Outside::Image(base) => Resolved::Image(Box::new(base.image.config.clone())),
                    Outside::Directory(_) => Resolved::Directory,
                };
                known.insert(needed.image, resolved);
            }
        }
    }

    /// Builds in the simulator. `Err` says what the preview cannot do; a build that fails as it does in BuildKit is shown.
    fn preview(&mut self, text: &str, line: usize) -> Result<Shown, String> {
        let key = (text.to_owned(), line);
        if let Some(seen) = self.seen.get(&key) {
            return seen.clone();
        }
        let shown = self.build(text, line);
        self.seen.insert(key, shown.clone());
        shown
    }

    fn build(&mut self, text: &str, line: usize) -> Result<Shown, String> {
        let (context, options) = (context(), options());
        let now = Time { secs: EPOCH, nanos: 0 };
        let (mut cache, mut simulator) = (Cache::default(), Simulator::new());
        let request = Request {
            text,
            dockerfile: "Dockerfile",
            options: &options,
            context: &context,
            secrets: &BTreeMap::from([("token".to_owned(), b"secret\n".to_vec())]),
            now,
        };
        let Prepared { mut build, plan, .. } =
            engine::prepare(request, &mut self.world, &mut self.blobs).map_err(|failure| failure.to_string())?;
        let mut tools = Tools {
            now,
            cache: &mut cache,
            blobs: &mut self.blobs,
            executor: Some(&mut simulator),
        };
        let mut shown = Shown {
            result: String::new(),
            log: String::new(),
            fidelity: Fidelity::Exact,
        };
        loop {
            match build.step(&mut tools) {
                Ok(None) => break,
                Ok(Some(report)) => {
                    shown.log += &report.log;
                    let (first, last) = plan.steps[report.step].lines;
                    let is_model = report.fidelity == Fidelity::Simulated
                        || report.layer.as_ref().is_some_and(store::Layer::is_simulated);
                    if (first..=last).contains(&line) && is_model {
                        shown.fidelity = Fidelity::Simulated;
                    }
                }
                Err(error) => match error.kind {
                    BuildErrorKind::Execute(ExecuteError::Unsupported { .. }) | BuildErrorKind::NoExecutor => {
                        return Err(error.to_string());
                    }
                    _ => {
                        shown.result = error.to_string();
                        shown.log += error.log().unwrap_or_default();
                        return Ok(shown);
                    }
                },
            }
        }
        let built = build
            .finish(builder::Timestamps::Rewrite, &mut tools)
            .map_err(|error| error.to_string())?;
        // A base of the catalogue makes the whole image a model; of a FROM nothing else can be said.
        if plan.stages.iter().any(|stage| stage.lines.0 == line) {
            shown.fidelity = built.fidelity;
        }
        let mut config = built.image.config.clone();
        config.history.clear();
        let layers: Vec<_> = built.image.layers.iter().map(|layer| layer.diff_id).collect();
        shown.result = format!("{config:?} {layers:?}");
        Ok(shown)
    }
}

fn parse(text: &str) -> Result<(), String> {
    let parse = dockerfile::parse(text);
    dockerfile::first_error(&parse.diagnostics).map_or(Ok(()), |error| Err(error.message.clone()))
}

/// All of a plan that a build acts on; the texts for people and their places are not part of it.
fn meaning(plan: &Plan) -> String {
    let steps: Vec<_> = plan
        .steps
        .iter()
        .map(|step| (step.base, &step.action, &step.definition))
        .collect();
    format!("{steps:?} {:?} {:?}", plan.sources, plan.stages[plan.target].config)
}

fn options() -> Options {
    let mut options = Options::new(Platform::linux_amd64());
    options.build_args.push(("SOURCE_DATE_EPOCH".into(), EPOCH.to_string()));
    options
}

fn context() -> MemoryContext {
    let mut context = MemoryContext::default();
    let time = Time { secs: EPOCH, nanos: 0 };
    let mut pack = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(7);
    header.set_mode(0o644);
    pack.append_data(&mut header, "packed", &b"inside\n"[..])
        .expect("memory takes it");
    let pack = pack.into_inner().expect("memory takes it");
    let files: [(&str, &[u8]); 4] = [
        ("a.txt", b"a\n"),
        ("sub/b.txt", b"b\n"),
        ("sub/c.md", b"c\n"),
        ("pack.tar", &pack),
    ];
    for (path, bytes) in files {
        context.put(path, 0o644, time, bytes);
    }
    context
}
