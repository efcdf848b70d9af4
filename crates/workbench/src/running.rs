//! A build under way: one step a call, with what the page is told of each.

use crate::advising::{Costs, Made, cost};
use crate::{image, problems, tape};
use builder::{Build, BuildError, Executor, StepReport, Timestamps, Tools};
use cli::excerpt::excerpt;
use cli::progress::{Look, Printer, Title, Took};
use engine::Prepared;
use messages::{Answer, LineState, LineView, Options};
use planner::{Base, Plan};
use store::{BlobStore, Time};

/// A build between two steps.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    prepared: Prepared,
    text: String,
    dockerfile: String,
    tag: String,
    cells: Vec<LineView>,
    /// Things printed so far.
    printed: usize,
    ran: usize,
    cached: usize,
    /// The next step; `None` if only the image remains to be made.
    upcoming: Option<builder::Next>,
}

/// What came of the last call.
pub(crate) enum Outcome {
    /// More steps are to come.
    Going(Box<Running>),
    /// An image.
    Built(Box<Made>),
    /// Nothing: the last answer says why.
    Failed,
}

/// What a step may use.
pub(crate) struct Shop<'a> {
    pub(crate) cache: &'a mut builder::Cache,
    pub(crate) blobs: &'a mut dyn BlobStore,
    pub(crate) costs: &'a mut Costs,
    pub(crate) now: Time,
}

impl Shop<'_> {
    fn tools<'b>(&'b mut self, executor: Option<&'b mut dyn Executor>) -> Tools<'b> {
        Tools {
            now: self.now,
            cache: self.cache,
            blobs: self.blobs,
            executor,
        }
    }
}

impl Running {
    /// A build before its first step, and what the page is told of it.
    pub(crate) fn begin(
        prepared: Prepared,
        text: &str,
        options: &Options,
        shop: &mut Shop<'_>,
    ) -> (Outcome, Vec<Answer>) {
        let bases = tape::base_bytes(&prepared.plan, &prepared.sources);
        let cells = tape::of_plan(&prepared.parse, &prepared.plan, &bases);
        let mut running = Running {
            prepared,
            text: text.to_owned(),
            dockerfile: options.dockerfile.clone(),
            tag: options.tag.clone(),
            cells,
            printed: 0,
            ran: 0,
            cached: 0,
            upcoming: None,
        };
        let mut answers: Vec<Answer> = running.cells.iter().cloned().map(Answer::Line).collect();
        let opening = running.print(|printer, running| running.print_opening(printer));
        answers.push(opening);
        let outcome = running.look_ahead(shop, &mut answers);
        (outcome, answers)
    }

    /// Whether the next step is a command that runs.
    pub(crate) fn needs_executor(&self) -> bool {
        self.upcoming.as_ref().is_some_and(|next| next.needs_executor)
    }

    /// Does the next step, or makes the image.
    pub(crate) fn step(mut self, executor: &mut dyn Executor, shop: &mut Shop<'_>) -> (Outcome, Vec<Answer>) {
        let mut answers = Vec::new();
        let Some(next) = self.upcoming.take() else {
            return (self.finish(shop, &mut answers), answers);
        };
        let report = self.build().step(&mut shop.tools(Some(executor)));
        match report {
            Err(error) => (self.fail(&error, Some(next.step), &mut answers), answers),
            Ok(None) => (self.finish(shop, &mut answers), answers),
            Ok(Some(report)) => {
                shop.costs
                    .insert(self.plan().steps[report.step].text.clone(), cost(&report));
                self.take(&report, &mut answers);
                let outcome = self.look_ahead(shop, &mut answers);
                (outcome, answers)
            }
        }
    }

    fn build(&mut self) -> &mut Build {
        &mut self.prepared.build
    }

    fn plan(&self) -> &Plan {
        &self.prepared.plan
    }

    /// Finds out what comes next and says that it is being done.
    fn look_ahead(mut self, shop: &mut Shop<'_>, answers: &mut Vec<Answer>) -> Outcome {
        let next = match self.build().peek(&mut shop.tools(None)) {
            Ok(next) => next,
            Err(error) => {
                let step = error.step;
                return self.fail(&error, step, answers);
            }
        };
        let (done, total) = self.prepared.build.progress();
        let doing = match &next {
            Some(next) => self.plan().steps[next.step].text.clone(),
            None => "writing the image".to_owned(),
        };
        if let Some(next) = next.as_ref().filter(|next| !next.cached) {
            let line = tape::line_of(self.plan(), next.step);
            self.cells[line].state = LineState::Running;
            answers.push(Answer::Line(self.cells[line].clone()));
        }
        answers.push(Answer::Progress { done, total, doing });
        self.upcoming = next;
        Outcome::Going(Box::new(self))
    }

    fn take(&mut self, report: &StepReport, answers: &mut Vec<Answer>) {
        if report.is_cached() {
            self.cached += 1;
        } else {
            self.ran += 1;
        }
        let line = tape::line_of(self.plan(), report.step);
        tape::record(&mut self.cells[line], report);
        answers.push(Answer::Line(self.cells[line].clone()));
        answers.push(self.print(|printer, running| {
            running.print_title(printer, report.step);
            if report.is_cached() {
                printer.cached();
                return;
            }
            printer.log(report.millis as f64 / 1000.0, &report.log);
            printer.done(match report.fidelity {
                builder::Fidelity::Exact => Took::Real(report.millis),
                builder::Fidelity::Simulated => Took::Simulated(report.millis),
            });
        }));
    }

    fn finish(mut self, shop: &mut Shop<'_>, answers: &mut Vec<Answer>) -> Outcome {
        let built = match self.build().finish(Timestamps::Rewrite, &mut shop.tools(None)) {
            Ok(built) => built,
            Err(error) => return self.fail(&error, None, answers),
        };
        for (layer, origin) in built.origins.iter().enumerate() {
            if let Some(step) = origin {
                let line = tape::line_of(self.plan(), *step);
                self.cells[line].layer = Some(layer);
                answers.push(Answer::Line(self.cells[line].clone()));
            }
        }
        let view = image::view(&built, self.plan(), &self.tag, (self.ran, self.cached));
        let tag = self.tag.clone();
        answers.push(self.print(|printer, _| {
            printer.begin("exporting to image");
            printer.note("exporting layers done");
            printer.note(&format!(
                "writing image {}{}",
                view.id,
                if view.simulated { " (simulated)" } else { "" }
            ));
            if !tag.is_empty() {
                printer.note(&format!("naming to {tag} done"));
            }
            printer.done(Took::Real(0));
        }));
        answers.push(Answer::Built(Box::new(view)));
        Outcome::Built(Box::new(Made::new(built, self.prepared.plan.clone())))
    }

    fn fail(mut self, error: &BuildError, step: Option<usize>, answers: &mut Vec<Answer>) -> Outcome {
        if let Some(step) = step {
            let line = tape::line_of(self.plan(), step);
            self.cells[line].state = LineState::Failed;
            answers.push(Answer::Line(self.cells[line].clone()));
        }
        let lines = step.map(|step| self.plan().steps[step].lines);
        answers.push(self.print(|printer, running| {
            if let Some(step) = step {
                running.print_title(printer, step);
            }
            printer.log(0.0, error.log().unwrap_or_default());
            printer.failed(&error.to_string());
        }));
        if let Some(lines) = lines {
            answers.push(Answer::Log(excerpt(&self.dockerfile, &self.text, lines)));
        }
        answers.push(Answer::Failed(problems::of_build(error)));
        Outcome::Failed
    }

    fn print_opening(&self, printer: &mut Printer<'_>) {
        printer.begin(&format!("[internal] load build definition from {}", self.dockerfile));
        printer.note(&format!(
            "transferring dockerfile: {} done",
            cli::units::size(self.text.len() as u64)
        ));
        printer.done(Took::Real(0));
        for stage in self.plan().stages.iter().filter(|stage| stage.needed) {
            if let Base::Image(name) = &stage.base {
                printer.step(&Title {
                    stage: &stage.label,
                    number: 1,
                    total: stage.total,
                    text: &format!("FROM {name}"),
                });
                printer.note("simulated: from the catalogue, nothing was pulled");
                printer.done(Took::Real(0));
            }
        }
    }

    fn print_title(&self, printer: &mut Printer<'_>, step: usize) {
        let step = &self.plan().steps[step];
        let stage = &self.plan().stages[step.stage];
        printer.step(&Title {
            stage: &stage.label,
            number: step.number,
            total: stage.total,
            text: &step.text,
        });
    }

    fn print(&mut self, act: impl FnOnce(&mut Printer<'_>, &Running)) -> Answer {
        let mut out = Vec::new();
        let mut printer = Printer::new(&mut out, Look::Plain).after(self.printed);
        act(&mut printer, self);
        let printed = printer.count();
        // Writing to memory cannot fail.
        let _ = printer.finish();
        self.printed = printed;
        // The printer ends with an empty line; the next text begins with one.
        let text = String::from_utf8_lossy(&out);
        Answer::Log(
            text.strip_suffix("\n\n")
                .map_or_else(|| text.to_string(), |text| format!("{text}\n")),
        )
    }
}
