//! A build from its first step to its image, each step printed as it is done.

use crate::failure::Failure;
use crate::input::Input;
use crate::progress::{Printer, Title, Took, full_name};
use crate::session::Session;
use crate::units::size;
use builder::{Build, BuildError, Built, Executor, Fidelity, StepReport, Timestamps, Tools};
use engine::Prepared;
use planner::Source;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Instant;
use store::{Content, Node, Time, Tree};

/// A build that came to its end.
#[derive(Debug, Clone)]
pub struct Walked {
    /// The image.
    pub built: Built,
    /// Its steps, in the order in which they were done.
    pub steps: Vec<DoneStep>,
    /// The build itself, which is done.
    pub build: Build,
}

impl Walked {
    /// Whether anything in the image is simulated: a command, its base, a file that nobody downloaded.
    pub fn is_simulated(&self) -> bool {
        is_simulated(&self.built)
    }
}

fn is_simulated(built: &Built) -> bool {
    built.fidelity == Fidelity::Simulated || built.image.is_simulated()
}

/// A step that is done.
#[derive(Debug, Clone)]
pub struct DoneStep {
    /// What became of it.
    pub report: StepReport,
    /// How long it took here; how long it would take, if it is simulated.
    pub millis: u64,
}

/// Under which number a step is shown that was begun.
struct Section {
    number: usize,
    begun: Instant,
}

/// A build that is to be walked.
pub struct Walk<'a, 'p> {
    /// The Dockerfile.
    pub input: &'a Input,
    /// Everything before the first step.
    pub prepared: &'a Prepared,
    /// What becomes of times.
    pub timestamps: Timestamps,
    /// When it begins.
    pub now: Time,
    /// When what a command writes is printed.
    pub logs: Logs,
    /// Whether others will be told what the build has learned.
    pub gives_away: bool,
    /// Whether the image is its own cache.
    pub as_cache: bool,
    /// Where to.
    pub printer: &'a RefCell<Printer<'p>>,
}

/// When what a command writes is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logs {
    /// When it is done.
    Whole,
    /// The executor does so while it runs.
    Live,
}

impl Walk<'_, '_> {
    /// Walks the build to its end.
    ///
    /// # Errors
    ///
    /// [`Failure`] with the place of the step that failed.
    pub fn run(&self, executor: &mut dyn Executor, session: &mut Session) -> Result<Walked, Failure> {
        print_sources(self.input, self.prepared, &mut self.printer.borrow_mut());
        let mut build = self.prepared.build.clone();
        let mut tools = Tools {
            now: self.now,
            cache: &mut session.cache,
            blobs: &mut session.blobs,
            executor: Some(executor),
        };
        let mut steps = Vec::new();
        let mut shown = BTreeMap::new();
        loop {
            let next = if build.has_room(&tools) {
                build.peek(&mut tools)
            } else {
                Ok(None)
            };
            let done = match next {
                Ok(Some(next)) => {
                    let mut printer = self.printer.borrow_mut();
                    printer.step(&Title::of(&self.prepared.plan, next.step));
                    let section = Section {
                        number: printer.count(),
                        begun: Instant::now(),
                    };
                    drop(printer);
                    shown.insert(self.prepared.plan.canonical(next.step), section);
                    match build.begin(&mut tools) {
                        Ok(None) => continue,
                        done => done,
                    }
                }
                Ok(None) => build.wait(&mut tools),
                Err(error) => Err(error),
            };
            match done.map_err(|error| self.failed(&error, &mut shown))? {
                Some(report) => steps.push(self.print_step(report, &mut shown)),
                None => break,
            }
        }
        let begun = Instant::now();
        self.printer.borrow_mut().begin("exporting to image");
        let built = if self.as_cache {
            build.finish_as_cache(self.timestamps, &mut tools)
        } else {
            build.finish(self.timestamps, &mut tools)
        };
        let built = built.map_err(|error| self.failed(&error, &mut shown))?;
        if self.gives_away {
            build.know_contents(&mut tools);
        }
        let mark = if built.fidelity == Fidelity::Simulated {
            " (simulated)"
        } else {
            ""
        };
        let mut printer = self.printer.borrow_mut();
        printer.note(&format!("writing image {}{mark} done", built.image.id()));
        printer.done(Took::Real(
            u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        ));
        Ok(Walked { built, steps, build })
    }

    /// Says that a step failed, and that those which went on beside it were ended.
    fn failed(&self, error: &BuildError, shown: &mut BTreeMap<usize, Section>) -> Failure {
        let mut printer = self.printer.borrow_mut();
        let section = error
            .step
            .and_then(|step| shown.remove(&self.prepared.plan.canonical(step)));
        for Section { number, .. } in shown.values() {
            printer.turn_to(*number);
            printer.cancelled();
        }
        if let Some(section) = section {
            printer.turn_to(section.number);
        }
        if let Some(log) = error.log().filter(|_| self.logs == Logs::Whole) {
            printer.log(0.0, log);
        }
        printer.failed(&error.to_string());
        step_failure(self.input, error)
    }

    fn print_step(&self, report: StepReport, shown: &mut BTreeMap<usize, Section>) -> DoneStep {
        let mut printer = self.printer.borrow_mut();
        let elapsed = match shown.remove(&self.prepared.plan.canonical(report.step)) {
            Some(Section { number, begun }) => {
                printer.turn_to(number);
                u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
            }
            None => 0,
        };
        let simulated = report.fidelity == Fidelity::Simulated;
        let took = if simulated {
            Took::Simulated(report.millis)
        } else {
            Took::Real(elapsed)
        };
        if report.is_cached() {
            printer.cached();
        } else {
            if self.logs == Logs::Whole {
                printer.log(report.millis as f64 / 1000.0, &report.log);
            }
            printer.done(took);
        }
        let (Took::Real(millis) | Took::Simulated(millis)) = took;
        DoneStep { report, millis }
    }
}

/// The failure of a step, with its place in the Dockerfile.
pub fn step_failure(input: &Input, error: &BuildError) -> Failure {
    let failure = Failure::solve(error);
    let Some(first) = error.line else { return failure };
    let before_end = input.source.get(..error.span.end).unwrap_or("");
    let last = before_end.trim_end_matches(['\n', '\r']).matches('\n').count() + 1;
    failure.at(&input.name, &input.source, (first, last.max(first)))
}

fn print_sources(input: &Input, prepared: &Prepared, printer: &mut Printer<'_>) {
    printer.begin(&format!("[internal] load build definition from {}", input.name));
    printer.note(&format!(
        "transferring dockerfile: {} done",
        size(input.source.len() as u64)
    ));
    printer.done(Took::Real(0));
    for source in &prepared.plan.sources {
        match source {
            Source::Image(image) => {
                printer.begin(&format!("[internal] load metadata for {}", full_name(&image.name)));
                match prepared.sources.images.get(image) {
                    Some(base) if base.fidelity == Fidelity::Simulated => {
                        printer.note("simulated: from the catalogue");
                    }
                    Some(base) => printer.note(&format!("image {}", base.image.id())),
                    None => {}
                }
                printer.done(Took::Real(0));
            }
            Source::Context => {
                printer.begin("[internal] load build context");
                let bytes = size(bytes_of(&prepared.sources.context));
                printer.note(&format!("transferring context: {bytes} done"));
                printer.done(Took::Real(0));
            }
            Source::Url(url) => {
                printer.begin(&url.url);
                let content = prepared.sources.urls.get(url).map(|download| download.content);
                if let Some(Content::Blob { size: bytes, .. }) = content {
                    printer.note(&format!("downloading: {} done", size(bytes)));
                    printer.done(Took::Real(0));
                } else {
                    printer.note("simulated: nothing is downloaded");
                    printer.done(Took::Simulated(0));
                }
            }
            Source::Named(_) | Source::Git(_) | Source::Inline { .. } | Source::CacheDir { .. } => {}
        }
    }
    printer.bases(&prepared.plan);
}

fn bytes_of(tree: &Tree) -> u64 {
    let size = |node: &Node| node.as_file().map_or(0, |file| Content::size(&file.content));
    tree.walk().map(|(_, node)| size(node)).sum()
}
