//! Everything the page shows, and how each action changes it: no browser in here.
//!
//! [`Model::update`] is pure. What has to be said to the worker is left in [`Model::asks`] for the host to post.

mod action;
mod commands;
mod complete;
mod editing;
mod filter;
mod machines;
mod moving;
mod native;
mod pieces;
mod project;
mod reading;
mod replies;
mod selecting;
mod sharing;
mod shift;
mod terminal;
#[cfg(test)]
mod tests;
mod tree;
mod utf16;
mod wire;

use std::{collections::BTreeSet, rc::Rc};

use messages::{
    Ask, ContentView, FileRow, ImageView, LineView, Options, Problem, ProjectView, Request, StageView, Subject,
};

pub(crate) use action::Action;
pub(crate) use commands::{Offer, Then, of_container, of_image};
pub(crate) use complete::{Known, offers};
pub(crate) use filter::Filter;
pub(crate) use machines::{Lower, Machines, Upper};
pub(crate) use native::{Call, Native, NativeAction, Run};
pub(crate) use pieces::{Piece, lines as pieces};
pub(crate) use project::{MAX_BYTES, MAX_FILES, PathError, Project, SourceFile, check_path};
pub(crate) use reading::{CLASSES, Reading};
pub(crate) use sharing::{Cell, Labelled, Picture, counts as layer_counts, name as image_name};
pub(crate) use terminal::{Chunk, Edit, Editing, History, Key, Line, Look, Row, Terminal};
pub(crate) use tree::{Branch, branches, name, parent};
pub(crate) use utf16::Utf16Map;
pub(crate) use wire::Wire;

/// The most lines of log that are kept.
const MAX_LOG: usize = 4_000;

/// The page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Model {
    /// Files and options.
    pub(crate) project: Rc<Project>,
    /// What was there before an example, a link or a folder replaced it.
    pub(crate) before: Option<Rc<Project>>,
    /// What happened to it, for the button that brings it back.
    pub(crate) before_said: Rc<str>,
    /// Path of the file in the editor.
    pub(crate) open: Rc<str>,
    /// Rises when the editor's text changes other than by typing, so that the editor takes it over.
    pub(crate) revision: u32,
    /// Text of the Dockerfile.
    pub(crate) text: Rc<str>,
    /// What the page itself reads in it.
    pub(crate) reading: Rc<Reading>,
    /// The worker.
    pub(crate) engine: Engine,
    /// False while a change has not been answered by a preview.
    pub(crate) settled: bool,
    /// A cell for every instruction whose state is known, by the text as it now stands.
    pub(crate) tape: Rc<[LineView]>,
    /// What the worker finds wrong, by the text as it now stands.
    pub(crate) findings: Rc<[Problem]>,
    /// The context as the worker sees it.
    pub(crate) context: Rc<ProjectView>,
    /// The stages.
    pub(crate) stages: Rc<[StageView]>,
    /// The preview in one sentence.
    pub(crate) summary: Rc<str>,
    /// The build.
    pub(crate) build: Build,
    /// Lines of its log.
    pub(crate) log: Rc<Vec<Rc<str>>>,
    /// The image last built.
    pub(crate) built: Option<Rc<ImageView>>,
    /// For each of its layers the line that made it, by the text as it now stands.
    pub(crate) layer_lines: Rc<[Option<usize>]>,
    /// The image that is looked into: the one last built, or one of a host.
    pub(crate) image: Option<Rc<ImageView>>,
    /// Which one that is.
    pub(crate) subject: Subject,
    /// The simulated hosts.
    pub(crate) machines: Machines,
    /// The companion on this machine.
    pub(crate) native: Native,
    /// The selected line, layer and path: one selection for all rooms.
    pub(crate) selection: Selection,
    /// Which side of the image is shown.
    pub(crate) inside: Inside,
    /// Whether files are those of one layer or of all up to it.
    pub(crate) scope: Scope,
    /// Files of the selected layer.
    pub(crate) files: Load<Rc<[FileRow]>>,
    /// Directories that are folded.
    pub(crate) folded: Rc<BTreeSet<String>>,
    /// What the files are narrowed to.
    pub(crate) filter: Rc<str>,
    /// Changes of each layer, for the matrix; as many as the image has layers, once asked for.
    pub(crate) matrix: Rc<[Load<Rc<[FileRow]>>]>,
    /// Content of the selected file.
    pub(crate) content: Load<Rc<ContentView>>,
    /// Said last, to be read aloud.
    pub(crate) status: Rc<str>,
    /// Something that went wrong outside a build, until dismissed.
    pub(crate) trouble: Option<Rc<str>>,
    /// To be posted by the host after this update.
    pub(crate) asks: Vec<Request>,
    /// To be asked of the companion after this update.
    pub(crate) calls: Vec<Call>,
    sent: Sent,
}

/// What has been asked last of each kind, by the number of the request, and what the worker was told.
#[derive(Debug, Clone, PartialEq, Default)]
struct Sent {
    next: u32,
    preview: u32,
    /// The last preview that was answered.
    answered: u32,
    build: u32,
    files: u32,
    content: u32,
    /// The first request of the matrix; layer `n` is that number plus `n`.
    matrix: u32,
    /// The project as the worker knows it.
    project: Option<Rc<Project>>,
    options: Option<Options>,
    /// The project as it was built last.
    built: Option<Rc<Project>>,
    /// The Dockerfile of the last preview and of the last build asked for.
    preview_text: Rc<str>,
    build_text: Rc<str>,
}

/// The worker's state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Engine {
    /// On its way.
    Starting,
    /// There.
    Ready {
        /// The program's version.
        version: Rc<str>,
        /// Base images of the catalogue and their sizes.
        images: Rc<[(String, u64)]>,
    },
    /// Gone, or never came.
    Failed(Rc<str>),
}

/// The build's state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Build {
    /// None yet.
    Idle,
    /// Going on.
    Running {
        /// Steps done, and steps in all.
        steps: (usize, usize),
        /// What is being done, in words.
        doing: Rc<str>,
        /// True once it was asked to stop.
        stopping: bool,
    },
    /// Ended without an image.
    Failed(Rc<Problem>),
    /// Ended with the image in [`Model::image`].
    Done,
}

/// Something that is asked of the worker.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Load<T> {
    /// Not asked for.
    Nothing,
    /// Asked for.
    Loading,
    /// Here.
    Here(T),
    /// Refused, with the reason.
    Failed(Rc<str>),
}

/// What is selected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Selection {
    /// First line of an instruction.
    pub(crate) line: Option<usize>,
    /// Index of a layer.
    pub(crate) layer: Option<usize>,
    /// Path of a file in that layer.
    pub(crate) path: Option<Rc<str>>,
}

/// A side of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inside {
    /// The tree.
    Files,
    /// Paths by layers.
    Matrix,
    /// As `docker history` tells it.
    History,
    /// Config, manifest and digests.
    Config,
}

/// Which files are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// What the layer changed.
    Layer,
    /// The filesystem up to it.
    UpTo,
}

impl Model {
    /// A page with this project, before the worker is there.
    pub(crate) fn new(project: Project) -> Model {
        let text: Rc<str> = project.dockerfile().into();
        Model {
            open: project.options.dockerfile.as_str().into(),
            reading: Rc::new(Reading::of(&text)),
            text,
            project: Rc::new(project),
            before: None,
            before_said: Rc::default(),
            revision: 0,
            engine: Engine::Starting,
            settled: false,
            tape: Rc::default(),
            findings: Rc::default(),
            context: Rc::default(),
            stages: Rc::default(),
            summary: Rc::default(),
            build: Build::Idle,
            log: Rc::default(),
            built: None,
            layer_lines: Rc::default(),
            image: None,
            subject: Subject::Built,
            machines: Machines::default(),
            native: Native::default(),
            selection: Selection::default(),
            inside: Inside::Files,
            scope: Scope::Layer,
            files: Load::Nothing,
            folded: Rc::default(),
            filter: Rc::default(),
            matrix: Rc::default(),
            content: Load::Nothing,
            status: Rc::default(),
            trouble: None,
            asks: Vec::new(),
            calls: Vec::new(),
            sent: Sent {
                next: 1,
                ..Sent::default()
            },
        }
    }

    /// The page after `action`.
    pub(crate) fn update(&self, action: Action) -> Model {
        let mut next = Model {
            asks: Vec::new(),
            calls: Vec::new(),
            ..self.clone()
        };
        match action {
            Action::Type(text) => next.type_text(&text),
            Action::OpenFile(path) => next.open_file(&path),
            Action::AddFile(path) => next.add_file(&path),
            Action::RenameFile(from, to) => next.rename_file(&from, &to),
            Action::RemoveFile(path) => next.remove_file(&path),
            Action::SetMode(path, mode) => next.set_mode(&path, mode),
            Action::PutFiles(files) => next.put_files(files),
            Action::Replace(project, said) => next.replace(project, &said),
            Action::Undo => next.undo(),
            Action::KeepNew => next.before = None,
            Action::SetOptions(options) => next.set_options(options),
            Action::Fix(problem) => next.fix(&problem),
            Action::Settle => next.settle(),
            Action::Build => next.start_build(),
            Action::Cancel => next.cancel(),
            Action::ForgetCache => next.forget_cache(),
            Action::Download => _ = next.ask(Ask::Archive(next.subject.clone())),
            Action::Reply(reply) => next.take(reply),
            Action::EngineFailed(why) => next.lose_engine(&why),
            Action::EngineRestarted => next.engine = Engine::Starting,
            Action::SelectLine(line) => next.select_line(line),
            Action::SelectLayer(layer) => next.select_layer(layer),
            Action::SelectPath(path) => next.select_path(path),
            Action::SelectCell(layer, path) => next.select_cell(layer, path),
            Action::Show(inside) => next.show(inside),
            Action::ShowScope(scope) => next.show_scope(scope),
            Action::Narrow(filter) => next.filter = filter.into(),
            Action::Fold(path) => next.fold(path),
            Action::Remember(histories) => next.remember(histories),
            Action::Press(host, line, key) => next.press(host, line, key),
            Action::LeaveEditor(host, text) => next.leave_editor(host, text),
            Action::TypeOffer(host, offer) => next.type_offer(host, &offer),
            Action::Inspect(subject) => next.inspect(subject),
            Action::Fetch(subject) => _ = next.ask(Ask::Archive(subject)),
            Action::ShowUpper(upper) => next.show_upper(upper),
            Action::ShowLower(lower) => next.show_lower(lower),
            Action::ShowHost(host) => next.show_host(host),
            Action::Stretch => next.machines.is_tall = !next.machines.is_tall,
            Action::FocusTerminal => next.machines.focus += 1,
            Action::OpenRow(row) => next.open_row(row),
            Action::Load(name, bytes) => next.load(name, bytes),
            Action::Native(action) => next.native(action),
            Action::Say(text) => next.status = text.into(),
            Action::Trouble(text) => next.trouble = Some(text.into()),
            Action::Dismiss => next.trouble = None,
        }
        next
    }

    /// What is wrong with the Dockerfile: what the page reads itself, and what the worker adds, in the order of lines.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let own = &self.reading.problems;
        let same = |found: &Problem| own.iter().any(|p| p.line == found.line && p.message == found.message);
        let mut all: Vec<Problem> = own
            .iter()
            .chain(self.findings.iter().filter(|found| !same(found)))
            .cloned()
            .collect();
        all.sort_by_key(|problem| (problem.line.unwrap_or(usize::MAX), problem.span));
        all
    }

    /// The cell of the instruction that begins on `line`.
    pub(crate) fn cell(&self, line: usize) -> Option<&LineView> {
        self.tape.iter().find(|cell| cell.lines.0 == line)
    }

    /// The text in the editor; `None` if the open file is no text.
    pub(crate) fn open_text(&self) -> Option<&str> {
        self.project.files.get(&self.open).and_then(SourceFile::as_text)
    }

    /// True if the editor shows the Dockerfile.
    pub(crate) fn shows_dockerfile(&self) -> bool {
        *self.open == *self.project.options.dockerfile
    }

    /// True if the cells are those of the text and files as they stand.
    pub(crate) fn is_fresh(&self) -> bool {
        self.settled && self.sent.answered == self.sent.preview
    }

    /// True while a build is going on.
    pub(crate) fn is_building(&self) -> bool {
        matches!(self.build, Build::Running { .. })
    }

    /// The line that made a layer of the image that is looked into, by the text as it now stands.
    pub(crate) fn line_of(&self, layer: usize) -> Option<usize> {
        let is_own = self.subject == Subject::Built;
        self.layer_lines.get(layer).copied().flatten().filter(|_| is_own)
    }

    /// True if the image that is looked into is the one last built, and the project is no longer the one that it was built of.
    pub(crate) fn is_image_old(&self) -> bool {
        let is_same = |built: &Rc<Project>| Rc::ptr_eq(built, &self.project) || *built == self.project;
        self.image.is_some() && self.subject == Subject::Built && !self.sent.built.as_ref().is_some_and(is_same)
    }

    fn ask(&mut self, ask: Ask) -> u32 {
        let id = self.sent.next;
        self.sent.next += 1;
        self.asks.push(Request { id, ask });
        id
    }

    /// True if the worker answers.
    pub(crate) fn has_engine(&self) -> bool {
        matches!(self.engine, Engine::Ready { .. })
    }
}
