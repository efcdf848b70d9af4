//! The native companion as the page knows it: the run that goes on, the report of the last one, the images of this machine.

use std::{collections::BTreeSet, rc::Rc};

use messages::{Comparison, Hello, LocalImage, NativePlan, RunEvent, Subject};

use super::{Lower, MAX_LOG, Model, Upper};

/// The version of reports that the page reads.
const REPORT: u32 = 1;

/// What is known of the companion and asked of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Native {
    /// Who answers; `None` if nobody does.
    pub(crate) hello: Option<Rc<Hello>>,
    /// The run.
    pub(crate) run: Run,
    /// What it said.
    pub(crate) log: Rc<Vec<Rc<str>>>,
    /// Preview and reality of the last run, or of a file.
    pub(crate) report: Option<Rc<Comparison>>,
    /// The file that the report came from; empty if it is that of a run.
    pub(crate) report_file: Rc<str>,
    /// The images of this machine, once listed.
    pub(crate) images: Option<Rc<[LocalImage]>>,
    /// An image on its way.
    pub(crate) moving: Option<Rc<Moving>>,
    /// Hashes of the plans that a person has agreed to while this page was open.
    agreed: Rc<BTreeSet<String>>,
    /// The image that is looked into once its archive is loaded: its ID.
    opening: Option<Rc<str>>,
}

/// The run on this machine.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Run {
    /// None yet.
    #[default]
    Idle,
    /// What it will execute is being found out.
    Planning,
    /// A person is asked.
    Asking(Rc<NativePlan>),
    /// Going on.
    Running {
        /// Of the plan.
        hash: Rc<str>,
        /// What began last.
        doing: Rc<str>,
        /// True once it was asked to stop.
        stopping: bool,
    },
    /// Ended without an image, or never begun; why.
    Failed(Rc<str>),
    /// Ended with an image.
    Done,
}

/// An image that is fetched, sent or opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moving {
    /// `Pulling busybox`.
    pub(crate) doing: Rc<str>,
    /// What was said last.
    pub(crate) said: Rc<str>,
}

/// What the host of the model has to ask of the companion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    /// The plan of the project as it stands.
    Plan,
    /// Execute the plan with this hash.
    Go(Rc<str>),
    /// Stop it.
    Stop(Rc<str>),
    /// List the images.
    List,
    /// The archive of an image, and load it.
    Save(Rc<str>),
    /// To its registry.
    Push(Rc<str>),
    /// From its registry.
    Pull(Rc<str>),
}

/// What happens with the companion.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NativeAction {
    /// It answers.
    Meet(Hello),
    /// Run the project.
    Run,
    /// The plan is there, or why there is none.
    Plan(Result<NativePlan, String>),
    /// A person agreed to the plan that is shown.
    Agree,
    /// A person did not.
    Decline,
    /// The run says something.
    Hear(RunEvent),
    /// Stop the run.
    Cancel,
    /// List the images.
    List,
    /// The images are there, or why not.
    Listed(Result<Vec<LocalImage>, String>),
    /// Look into an image: its ID.
    Open(Rc<str>),
    /// Send an image to its registry.
    Push(Rc<str>),
    /// Fetch an image.
    Pull(Rc<str>),
    /// What moves an image says something.
    Move(RunEvent),
    /// Show a report that came from a file.
    ShowReport(Rc<str>, Comparison),
}

impl Native {
    /// True while something is being executed, or about to be.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.run, Run::Planning | Run::Asking(_) | Run::Running { .. })
    }

    fn say(&mut self, line: &str) {
        let log = Rc::make_mut(&mut self.log);
        log.push(line.into());
        if log.len() > MAX_LOG {
            log.drain(..log.len() - MAX_LOG);
        }
    }
}

impl Model {
    pub(super) fn native(&mut self, action: NativeAction) {
        match action {
            NativeAction::Meet(hello) => self.native.hello = Some(Rc::new(hello)),
            NativeAction::Run => self.ask_plan(),
            NativeAction::Plan(plan) => self.take_plan(plan),
            NativeAction::Agree => self.agree(),
            NativeAction::Decline => {
                if matches!(self.native.run, Run::Asking(_)) {
                    self.native.run = Run::Idle;
                    self.status = "Nothing was executed.".into();
                }
            }
            NativeAction::Hear(event) => self.hear_run(event),
            NativeAction::Cancel => {
                if let Run::Running { hash, stopping, .. } = &mut self.native.run {
                    *stopping = true;
                    self.calls.push(Call::Stop(hash.clone()));
                }
            }
            NativeAction::List => self.calls.push(Call::List),
            NativeAction::Listed(Ok(images)) => self.native.images = Some(images.into()),
            NativeAction::Listed(Err(why)) => {
                self.trouble = Some(format!("The images of this machine cannot be listed: {why}").into());
            }
            NativeAction::Open(id) => {
                self.native.opening = Some(id.clone());
                self.move_image("Opening", &id.clone(), Call::Save(id));
            }
            NativeAction::Push(name) => self.move_image("Pushing", &name.clone(), Call::Push(name)),
            NativeAction::Pull(name) => self.move_image("Pulling", &name.clone(), Call::Pull(name)),
            NativeAction::Move(event) => self.hear_move(event),
            NativeAction::ShowReport(file, report) => self.show_report(file, report),
        }
    }

    fn ask_plan(&mut self) {
        if self.native.hello.is_some() && !self.native.is_busy() {
            self.native.run = Run::Planning;
            self.machines.lower = Lower::Native;
            self.calls.push(Call::Plan);
        }
    }

    fn take_plan(&mut self, plan: Result<NativePlan, String>) {
        if self.native.run != Run::Planning {
            return;
        }
        match plan {
            Ok(plan) if self.native.agreed.contains(&plan.hash) => self.go(&plan.hash),
            Ok(plan) => self.native.run = Run::Asking(Rc::new(plan)),
            Err(why) => self.fail_run(&why),
        }
    }

    fn agree(&mut self) {
        if let Run::Asking(plan) = self.native.run.clone() {
            Rc::make_mut(&mut self.native.agreed).insert(plan.hash.clone());
            self.go(&plan.hash);
        }
    }

    fn go(&mut self, hash: &str) {
        let hash: Rc<str> = hash.into();
        self.native.log = Rc::default();
        self.native.report = None;
        self.native.report_file = Rc::default();
        self.native.run = Run::Running {
            hash: hash.clone(),
            doing: "Starting".into(),
            stopping: false,
        };
        self.calls.push(Call::Go(hash));
    }

    fn hear_run(&mut self, event: RunEvent) {
        let Run::Running { doing, .. } = &mut self.native.run else {
            return;
        };
        match event {
            RunEvent::Begun { number, title } => {
                *doing = title.as_str().into();
                self.native.say(&format!("#{number} {title}"));
            }
            RunEvent::Log { number: 0, text } => self.native.say(&text),
            RunEvent::Log { number, text } => self.native.say(&format!("#{number} {text}")),
            RunEvent::Ended { number, how, text } => {
                let word = match how.as_str() {
                    "cached" => "CACHED",
                    "failed" => "ERROR:",
                    _ => "DONE",
                };
                self.native.say(format!("#{number} {word} {text}").trim_end());
            }
            RunEvent::Done { report } => {
                self.native.report = report.map(|report| Rc::new(*report));
                self.native.run = Run::Done;
                self.status = "The run on this machine is finished.".into();
                self.calls.push(Call::List);
            }
            RunEvent::Failed { message, report } => {
                self.native.report = report.map(|report| Rc::new(*report));
                self.fail_run(&message);
            }
        }
    }

    fn fail_run(&mut self, why: &str) {
        self.native.run = Run::Failed(why.into());
        self.status = "The run on this machine failed.".into();
    }

    fn move_image(&mut self, doing: &str, image: &str, call: Call) {
        if self.native.moving.is_none() {
            let doing = format!("{doing} {}", crate::words::short_digest(image)).into();
            self.native.moving = Some(Rc::new(Moving {
                doing,
                said: Rc::default(),
            }));
            self.calls.push(call);
        }
    }

    fn hear_move(&mut self, event: RunEvent) {
        let Some(moving) = &mut self.native.moving else {
            return;
        };
        match event {
            RunEvent::Begun { title: text, .. } | RunEvent::Log { text, .. } | RunEvent::Ended { text, .. } => {
                Rc::make_mut(moving).said = text.into();
            }
            RunEvent::Done { .. } => {
                self.status = format!("{}: done.", moving.doing).into();
                self.native.moving = None;
                self.calls.push(Call::List);
            }
            RunEvent::Failed { message, .. } => {
                self.trouble = Some(format!("{}: {message}", moving.doing).into());
                self.native.moving = None;
                self.native.opening = None;
            }
        }
    }

    fn show_report(&mut self, file: Rc<str>, report: Comparison) {
        if report.version != REPORT {
            let found = report.version;
            self.trouble = Some(
                format!("{file} was not opened: expected a preview report of version {REPORT}, found version {found}.")
                    .into(),
            );
            return;
        }
        self.native.report = Some(Rc::new(report));
        self.native.report_file = file;
        self.machines.lower = Lower::Native;
    }

    /// Looks into the image whose archive was just loaded, if it was loaded for that.
    pub(super) fn look_into_opened(&mut self) {
        let Some(id) = self.native.opening.take() else {
            return;
        };
        let is_it = |host: &messages::HostView| host.images.iter().any(|image| *image.id == *id);
        if let Some(host) = self.machines.hosts.iter().position(is_it) {
            self.inspect(Subject::Image {
                host,
                id: id.to_string(),
            });
        }
    }

    /// Asks for the images of this machine when their list comes into view.
    pub(super) fn show_local(&mut self) {
        if self.machines.upper == Upper::Local && self.native.hello.is_some() {
            self.calls.push(Call::List);
        }
    }
}
