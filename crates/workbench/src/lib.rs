//! The page's side of the engine: one project, what a build of it would do, the build, and what is in the image.
//!
//! [`Workbench::handle`] answers every [`Ask`] but a build. A build is begun by [`Workbench::start`] and walked by [`Workbench::step`], one
//! step a call, so that its host can let other messages through in between and fetch what [`Workbench::next`] says it needs.
//! It does no I/O and reads no clock: the time is an argument.
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod advising;
mod desk;
mod files;
mod image;
mod loading;
mod machines;
mod plan;
mod preview;
mod problems;
mod project;
mod running;
mod tape;
mod terminals;

use advising::{Costs, Made};
use builder::{Cache, Executor, Tools};
use desk::Desk;
use engine::{StandIn, StepImages};
use hosts::Lab;
use messages::{Answer, Ask, Options, PreviewView, Subject, View};
use preview::Past;
use project::Project;
use running::{Outcome, Running, Shop};
use std::rc::Rc;
use std::sync::Arc;
use store::{LentBlobs, Time};

/// The machine with the editor's project.
const WORKSTATION: usize = 0;

/// What the next [`Workbench::step`] will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// No build is going on.
    Idle,
    /// A step that needs no executor, or the end of the build.
    Step,
    /// A command will run: the executor is needed.
    Execute,
}

/// One project and what was built of it.
pub struct Workbench {
    project: Project,
    options: Options,
    blobs: LentBlobs,
    lab: Lab,
    desk: Desk,
    world: StandIn,
    running: Option<Box<Running>>,
    now: Time,
    made: Option<Box<Made>>,
    costs: Costs,
    tag: String,
}

impl Workbench {
    /// An empty project, and machines without an image.
    pub fn new(now: Time) -> Workbench {
        let mut blobs = LentBlobs::default();
        Workbench {
            project: Project::default(),
            options: Options::default(),
            lab: Lab::new(now, &mut blobs),
            blobs,
            desk: Desk::default(),
            world: StandIn::default(),
            running: None,
            now,
            made: None,
            costs: Costs::default(),
            tag: String::new(),
        }
    }

    /// What the worker says first.
    pub fn ready(&self) -> Answer {
        let named = |image: catalogue::CatalogueImage| {
            let tag = image.tags().next().unwrap_or("latest");
            (format!("{}:{tag}", image.name()), image.bytes())
        };
        Answer::Ready {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            images: catalogue::list().map(named).collect(),
        }
    }

    /// Answers everything but [`Ask::Build`] and [`Ask::Cancel`], for which there are functions of their own.
    pub fn handle(&mut self, ask: Ask, now: Time) -> Vec<Answer> {
        match ask {
            Ask::Open { files } => {
                let mut project = Project::default();
                let taken = project.put(files, now);
                if taken.is_ok() {
                    self.project = project;
                    self.forget_last_build();
                }
                let mut answers = self.after_edit(taken, now);
                answers.insert(0, Answer::Project(self.project.view(&self.options.dockerfile)));
                answers
            }
            Ask::Put { files } => {
                let taken = self.project.put(files, now);
                self.after_edit(taken, now)
            }
            Ask::Remove { paths } => {
                self.project.remove(&paths);
                self.after_edit(Ok(()), now)
            }
            Ask::Preview(options) => {
                self.options = options;
                vec![Answer::Preview(self.preview(now))]
            }
            Ask::ForgetCache => {
                *self.cache() = Cache::default();
                vec![Answer::Preview(self.preview(now))]
            }
            Ask::Files {
                subject: Subject::Built,
                view,
            } => vec![self.files(view)],
            Ask::Files { subject, view } => vec![self.files_of(&subject, view)],
            Ask::Content {
                subject: Subject::Built,
                view,
                path,
            } => vec![self.content(view, &path)],
            Ask::Content { subject, view, path } => vec![self.content_of(&subject, view, &path)],
            Ask::Archive(Subject::Built) => vec![self.archive()],
            Ask::Archive(subject) => vec![self.archive_of(&subject)],
            Ask::Inspect(subject) => vec![self.inspect(subject)],
            Ask::Look => self.look(now),
            Ask::Complete { host, text } => vec![self.complete(host, &text)],
            Ask::Load { host, name, bytes } => {
                self.load(host, &name, Rc::new(Arc::<[u8]>::from(bytes)), now, &mut |_, _| {})
            }
            // These run something: they are for `drive`.
            Ask::Type { .. } | Ask::Save { .. } | Ask::LeaveEditor { .. } => {
                vec![Answer::Failed(problems::plain("shell", "the shell is not there yet"))]
            }
            Ask::Build(options) => self.start(&options, now),
            Ask::Cancel => self.cancel(),
        }
    }

    /// Begins a build. What it answers comes before the first step; if it cannot begin, the last answer is [`Answer::Failed`].
    pub fn start(&mut self, options: &Options, now: Time) -> Vec<Answer> {
        self.options = options.clone();
        (self.running, self.now) = (None, now);
        let Some(text) = self.project.text(&options.dockerfile) else {
            return vec![Answer::Failed(problems::plain(
                "dockerfile",
                &plan::no_dockerfile(&options.dockerfile),
            ))];
        };
        match plan::prepare(&self.project, options, &text, now, &mut self.world, &mut self.blobs) {
            Err(failure) => {
                let mut found = problems::of_failure(&failure);
                let first = found.remove(0);
                vec![
                    Answer::Log(plan::failure_log(&options.dockerfile, &text, &first)),
                    Answer::Failed(first),
                ]
            }
            Ok(prepared) => {
                let mut shop = Shop {
                    cache: &mut self.lab.machines_mut()[WORKSTATION].cache,
                    blobs: &mut self.blobs,
                    costs: &mut self.costs,
                    now,
                };
                let (outcome, answers) = Running::begin(prepared, &text, options, &mut shop);
                self.settle(outcome);
                answers
            }
        }
    }

    /// What the next step will do.
    pub fn next(&self) -> Next {
        match &self.running {
            None => Next::Idle,
            Some(running) if running.needs_executor() => Next::Execute,
            Some(_) => Next::Step,
        }
    }

    /// Walks one step. The last step's last answer is [`Answer::Built`], with an [`Answer::Preview`] before it, or [`Answer::Failed`]; then
    /// [`Workbench::next`] is idle.
    pub fn step(&mut self, executor: &mut dyn Executor) -> Vec<Answer> {
        let Some(running) = self.running.take() else {
            return Vec::new();
        };
        let mut shop = Shop {
            cache: &mut self.lab.machines_mut()[WORKSTATION].cache,
            blobs: &mut self.blobs,
            costs: &mut self.costs,
            now: self.now,
        };
        let (outcome, mut answers) = running.step(executor, &mut shop);
        let is_built = matches!(outcome, Outcome::Built(_));
        self.settle(outcome);
        if let Some(built) = answers.pop_if(|_| is_built) {
            // The image tells more of the text than the text does.
            answers.push(Answer::Preview(self.preview(self.now)));
            answers.push(built);
        }
        answers
    }

    /// Gives the running build up; answers [`Answer::Failed`] if there was one. What it made so far stays in the cache.
    pub fn cancel(&mut self) -> Vec<Answer> {
        match self.running.take() {
            None => Vec::new(),
            Some(_) => vec![Answer::Failed(problems::plain("canceled", "the build was canceled"))],
        }
    }

    fn settle(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Going(running) => self.running = Some(running),
            Outcome::Failed => {}
            Outcome::Built(made) => {
                self.tag.clone_from(&self.options.tag);
                self.keep(&made);
                self.made = Some(made);
            }
        }
    }

    /// What is built in the editor is an image of the workstation.
    fn keep(&mut self, made: &Made) {
        let name = oci::Reference::parse(&self.tag).map(oci::Reference::or_latest);
        let names: Vec<oci::Reference> = name.into_iter().collect();
        let daemon = &mut self.lab.machines_mut()[WORKSTATION].daemon;
        // Its layers have just been laid over each other, and its documents are in the store.
        let _ = daemon.add_built(&made.built, &names, StepImages::Drop, self.now, &mut self.blobs);
    }

    /// Another project's steps are not what this one's changed from. What they made stays in the cache.
    fn forget_last_build(&mut self) {
        let mut records = self.cache().records().clone();
        records.seen.clear();
        *self.cache() = Cache::of_records(records);
    }

    /// The build cache: the workstation's, so that a build in its terminal finds what one here has made.
    fn cache(&mut self) -> &mut Cache {
        &mut self.lab.machines_mut()[WORKSTATION].cache
    }

    fn after_edit(&mut self, taken: Result<(), String>, now: Time) -> Vec<Answer> {
        self.desk.is_old();
        match taken {
            Ok(()) => vec![Answer::Preview(self.preview(now))],
            Err(why) => vec![Answer::Failed(problems::plain("files", &why))],
        }
    }

    fn preview(&mut self, now: Time) -> PreviewView {
        let project = self.project.view(&self.options.dockerfile);
        let Workbench {
            world,
            blobs,
            lab,
            made,
            costs,
            project: files,
            options,
            ..
        } = self;
        let past = Past {
            made: made.as_deref(),
            costs,
        };
        let mut tools = Tools {
            now,
            cache: &mut lab.machines_mut()[WORKSTATION].cache,
            blobs,
            executor: None,
        };
        PreviewView {
            project,
            ..preview::of_project(files, options, past, world, &mut tools)
        }
    }

    fn files(&self, view: View) -> Answer {
        let Some(Made { built, .. }) = self.made.as_deref() else {
            return not_built();
        };
        match files::rows(&built.image, view) {
            Ok(rows) => Answer::Files(rows),
            Err(error) => Answer::Failed(problems::plain("files", &error.to_string())),
        }
    }

    fn content(&self, view: View, path: &str) -> Answer {
        let Some(Made { built, .. }) = self.made.as_deref() else {
            return not_built();
        };
        Answer::Content(files::content(&built.image, view, path, &self.blobs))
    }

    fn archive(&self) -> Answer {
        let Some(Made { built, .. }) = self.made.as_deref() else {
            return not_built();
        };
        let name = image::archive_name(&self.tag, &built.image.id());
        match image::archive(&built.image, &self.tag, &self.blobs) {
            Ok(bytes) => Answer::Archive { name, bytes },
            Err(error) => Answer::Failed(problems::plain("archive", &error)),
        }
    }
}

fn not_built() -> Answer {
    Answer::Failed(problems::plain("image", "no image has been built yet"))
}
