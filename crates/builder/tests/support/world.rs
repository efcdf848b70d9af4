//! Builds of a case.

use super::script::Script;
use builder::{
    BaseImage, Build, BuildError, Cache, Context, Expected, Ignore, MemoryContext, Sources, StepReport, Timestamps,
    Tools, ignore_file, load,
};
use dockerfile::{Diagnostic, first_error, parse};
use oci::{Platform, Time};
use planner::{ImageName, Known, NoCache, Options, Plan};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Image, MemoryBlobs};

/// `SOURCE_DATE_EPOCH` of every case.
pub(crate) const EPOCH: i64 = 1_700_000_000;

/// What one build of a case made.
pub(crate) struct Outcome {
    pub(crate) plan: Option<Arc<Plan>>,
    pub(crate) steps: Vec<StepReport>,
    pub(crate) image: Result<Image, String>,
}

/// What builds of a case share.
pub(crate) struct World<'a> {
    pub(crate) context: &'a MemoryContext,
    pub(crate) known: &'a Known,
    pub(crate) images: &'a BTreeMap<ImageName, BaseImage>,
    pub(crate) options: &'a str,
}

impl World<'_> {
    pub(crate) fn build(&self, dockerfile: &str, cache: &mut Cache, blobs: &mut MemoryBlobs) -> Outcome {
        let mut outcome = Outcome {
            plan: None,
            steps: Vec::new(),
            image: Err(String::new()),
        };
        let plan = match plan(dockerfile, &self.read_options(), self.known) {
            Ok(plan) => Arc::new(plan),
            Err(error) => {
                outcome.image = Err(at_line(error.line, &error.message));
                return outcome;
            }
        };
        outcome.plan = Some(plan.clone());
        outcome.image = self
            .walk(plan, cache, blobs, &mut outcome.steps)
            .map_err(|e| at_line(e.line, &e.to_string()));
        if let Ok(image) = &outcome.image {
            let findings: Vec<String> = store::validate(image, blobs).iter().map(ToString::to_string).collect();
            assert!(findings.is_empty(), "{dockerfile}\n{findings:?}");
        }
        outcome
    }

    fn walk(
        &self,
        plan: Arc<Plan>,
        cache: &mut Cache,
        blobs: &mut MemoryBlobs,
        steps: &mut Vec<StepReport>,
    ) -> Result<Image, BuildError> {
        let ignore = match ignore_file(self.context as &dyn Context, "Dockerfile").expect("a readable context") {
            Some((_, text)) => Ignore::parse(&text).expect("a good ignore file"),
            None => Ignore::default(),
        };
        let sources = Sources {
            context: load(self.context, &ignore, blobs).expect("a good context"),
            images: self.images.clone(),
            secrets: BTreeMap::from([("token".to_owned(), b"secret".to_vec())]),
            ..Sources::default()
        };
        let now = Time::of_secs(EPOCH + 100);
        let mut build = Build::new(plan, Arc::new(sources), now)?;
        let mut script = Script;
        let mut tools = Tools {
            now,
            cache,
            blobs,
            executor: Some(&mut script),
        };
        let predictions = build.predict(&mut tools);
        while let Some(report) = build.step(&mut tools)? {
            let prediction = &predictions[steps.len()];
            assert_eq!(prediction.step, report.step, "steps come in the order predicted");
            match &prediction.expected {
                Expected::Cached => assert!(report.is_cached(), "predicted from the cache: {report:?}"),
                Expected::Runs(miss) => assert_eq!(report.miss.as_ref().map(|m| &m.reason), Some(&miss.reason)),
                Expected::Depends(_) => {}
                Expected::Fails(error) => panic!("predicted to fail: {error}"),
            }
            steps.push(report);
        }
        Ok(build.finish(Timestamps::Rewrite, &mut tools)?.image)
    }

    fn read_options(&self) -> Options {
        let mut options = Options::new(Platform::linux_amd64());
        options
            .build_args
            .push(("SOURCE_DATE_EPOCH".to_owned(), EPOCH.to_string()));
        for line in self.options.lines() {
            match line.split_once(' ').unwrap_or((line, "")) {
                ("arg", pair) => {
                    let (name, value) = pair.split_once('=').expect("NAME=VALUE");
                    options.build_args.push((name.to_owned(), value.to_owned()));
                }
                ("target", name) => options.target = Some(name.to_owned()),
                ("no-cache", _) => options.no_cache = NoCache::Always,
                other => panic!("expected arg, target or no-cache, found {other:?}"),
            }
        }
        options
    }
}

fn plan(dockerfile: &str, options: &Options, known: &Known) -> Result<Plan, Diagnostic> {
    let parse = parse(dockerfile);
    match first_error(&parse.diagnostics) {
        Some(error) => Err(error.clone()),
        None => planner::plan(&parse.dockerfile, options, known).map_err(|errors| errors[0].clone()),
    }
}

fn at_line(line: Option<usize>, message: &str) -> String {
    line.map_or_else(|| format!("{message}\n"), |line| format!("line {line}: {message}\n"))
}

/// Puts the files of the sections under `prefix` into the context; `-> TARGET` as the text makes a link.
pub(crate) fn fill(context: &mut MemoryContext, sections: &[(String, String)], prefix: &str) {
    let time = Time::of_secs(EPOCH + 50);
    for (name, body) in sections
        .iter()
        .filter_map(|(n, body)| Some((n.strip_prefix(prefix)?, body)))
    {
        let mode = name
            .rsplit_once(' ')
            .filter(|(_, mode)| mode.bytes().all(|byte| matches!(byte, b'0'..=b'7')));
        let (path, mode) = mode.unwrap_or((name, "644"));
        match (path.strip_suffix('/'), body.trim_end().strip_prefix("-> ")) {
            (Some(dir), _) => context.put_dir(dir, 0o755, time),
            (None, Some(target)) => context.put_symlink(path, time, target),
            (None, None) => {
                let mode = u32::from_str_radix(mode, 8).expect("an octal mode");
                context.put(path, mode, time, body.as_bytes());
            }
        }
    }
}
