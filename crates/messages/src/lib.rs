//! What the page says to its worker and to the native companion, and what they answer: plain data, no logic.
//!
//! A [`Request`] carries a number; every [`Reply`] to it carries the same one. A build answers with many replies, the last of which is
//! [`Answer::Built`] or [`Answer::Failed`]. Sizes are in bytes, times in milliseconds, lines count from 1, spans are byte offsets (UTF-8).
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod build;
mod companion;
mod comparison;
mod image;
mod machines;
mod terminal;
mod wire;

use serde::{Deserialize, Serialize};

pub use build::{Edits, LineState, LineView, MissView, PreviewView, Problem, ProjectView, StageView};
pub use companion::{
    Go, Hello, LocalImage, NativePlan, OfImage, PlannedBase, PlannedCommand, Project, ProjectFile, Refusal, RunEvent,
    Stop,
};
pub use comparison::{BuiltStep, ComparedStep, Comparison, ExpectedStep};
pub use image::{ChangeView, ContentView, FileRow, HistoryView, ImageView, LayerView};
pub use machines::{ContainerRow, HostView, ImageRow, LayerCell, Origin, PathRow, RepositoryRow, SharingView, Subject};
pub use terminal::{Input, TerminalView, Wants};
pub use wire::WireRow;

/// A message from the page to the worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Chosen by the page, ever rising.
    pub id: u32,
    /// What is asked.
    pub ask: Ask,
}

/// What the page can ask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Ask {
    /// Replace the project's files with these. Answered by [`Answer::Project`] and, once known, like [`Ask::Preview`].
    Open {
        /// All files of the context, the Dockerfile among them.
        files: Vec<FileInput>,
    },
    /// Add or change files. Answered like [`Ask::Preview`].
    Put {
        /// The files.
        files: Vec<FileInput>,
    },
    /// Remove files or whole folders. Answered like [`Ask::Preview`].
    Remove {
        /// Their paths.
        paths: Vec<String>,
    },
    /// What would a build do now? Answered by [`Answer::Preview`].
    Preview(Options),
    /// Build. Answered by [`Answer::Log`] and [`Answer::Line`] many times, then [`Answer::Failed`], or [`Answer::Preview`] for what the
    /// image tells of the text, and [`Answer::Built`].
    Build(Options),
    /// Stop the running build after its current step. Answered by [`Answer::Failed`].
    Cancel,
    /// Forget the build cache, as `docker builder prune -a` does. Answered like [`Ask::Preview`].
    ForgetCache,
    /// The files of an image or a container. Answered by [`Answer::Files`].
    Files {
        /// Of what.
        subject: Subject,
        /// Where to look.
        view: View,
    },
    /// The text of one file. Answered by [`Answer::Content`].
    Content {
        /// Of what.
        subject: Subject,
        /// Where to look.
        view: View,
        /// The file's path, without a leading slash.
        path: String,
    },
    /// An image as an archive that `docker load` accepts, a container's filesystem as `docker export` writes it. Answered by
    /// [`Answer::Archive`].
    Archive(Subject),
    /// Look into an image or a container. Answered by [`Answer::Inspected`].
    Inspect(Subject),
    /// The hosts as they now stand. Answered by [`Answer::Machines`], then one [`Answer::Terminal`] a host, without text, that says what it
    /// waits for. The page asks this when the worker is ready, and whenever a command or a build has ended.
    Look,
    /// Give something to a host's terminal. Answered by [`Answer::Terminal`], any number of times as text comes; the last one waits for
    /// something. [`Answer::Wire`] and [`Answer::Edit`] may come between.
    Type {
        /// Index of the host in [`Answer::Machines`].
        host: usize,
        /// What is given.
        input: Input,
    },
    /// What could stand at the end of a line. Answered by [`Answer::Completions`].
    Complete {
        /// Index of the host in [`Answer::Machines`].
        host: usize,
        /// The line up to the cursor.
        text: String,
    },
    /// Write the file of [`Answer::Edit`] and leave the editor. Answered by [`Answer::Terminal`], with the reason if it cannot be written.
    Save {
        /// Index of the host in [`Answer::Machines`].
        host: usize,
        /// The file's path, as [`Answer::Edit`] gave it.
        path: String,
        /// Its new text.
        text: String,
    },
    /// Leave the editor of [`Answer::Edit`] without writing. Answered by [`Answer::Terminal`].
    LeaveEditor {
        /// Index of the host in [`Answer::Machines`].
        host: usize,
    },
    /// Load an archive, as `docker load` does: of `docker save`, old or new, or an OCI layout. Answered by [`Answer::Terminal`], with what
    /// docker says of it, and [`Answer::Machines`]; or by [`Answer::Failed`], and nothing changed. [`Answer::Progress`] may come before. The page
    /// posts the file itself beside the request, as `file`, and `worker.js` reads it.
    Load {
        /// Index of the host in [`Answer::Machines`].
        host: usize,
        /// The file's name.
        name: String,
        /// A tar, or a tar compressed.
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
}

/// A file of the build context.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileInput {
    /// Relative, `/` between components.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// The bytes.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// How to build.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Options {
    /// Path of the Dockerfile in the context.
    pub dockerfile: String,
    /// `--target`; empty for the last stage.
    pub target: String,
    /// `--build-arg`, in order.
    pub build_args: Vec<(String, String)>,
    /// `-t`; empty for none.
    pub tag: String,
    /// `--no-cache`.
    pub no_cache: bool,
}

/// Which files to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    /// What layer `n` (from 0, base first) changed.
    Layer(usize),
    /// The filesystem after layers 0 to `n`.
    UpTo(usize),
}

/// A message from the worker to the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The request's number.
    pub id: u32,
    /// What is answered.
    pub answer: Answer,
}

/// What the worker can answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// The worker is there; sent once, with id 0.
    Ready {
        /// Version of the program.
        version: String,
        /// The base images the catalogue knows, with their whole size.
        images: Vec<(String, u64)>,
    },
    /// The project's files as they now stand.
    Project(ProjectView),
    /// What a build would do.
    Preview(PreviewView),
    /// A line of the build has a new state.
    Line(LineView),
    /// Text of the build's log, as `docker build --progress=plain` prints it; whole lines.
    Log(String),
    /// How far the build is.
    Progress {
        /// Steps that are done.
        done: usize,
        /// Steps in all.
        total: usize,
        /// What is being done, in words.
        doing: String,
    },
    /// The build made an image.
    Built(Box<ImageView>),
    /// It could not be done.
    Failed(Problem),
    /// Rows of [`Ask::Files`].
    Files(Vec<FileRow>),
    /// The answer to [`Ask::Content`].
    Content(ContentView),
    /// The answer to [`Ask::Archive`].
    Archive {
        /// A name to save it under.
        name: String,
        /// A tar.
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    /// The answer to [`Ask::Inspect`].
    Inspected {
        /// What was asked for.
        subject: Subject,
        /// What is in it. For a container [`ImageView::tag`] is its name, and the last layer is its writable one.
        image: Box<ImageView>,
    },
    /// The hosts as they now stand, always in the same order.
    Machines(Vec<HostView>),
    /// A terminal says something, or waits for something else.
    Terminal(TerminalView),
    /// The answer to [`Ask::Complete`].
    Completions {
        /// Index of the host in [`Answer::Machines`].
        host: usize,
        /// Where the word that is completed begins, in bytes of the text asked about.
        start: usize,
        /// What could stand from there, in order; each is whole (a directory ends in `/`, anything final in a space).
        words: Vec<String>,
    },
    /// `vi` or `nano` was typed: the page opens an editor, and answers with [`Ask::Save`] or [`Ask::LeaveEditor`].
    Edit {
        /// Index of the host in [`Answer::Machines`].
        host: usize,
        /// The file's path, in full.
        path: String,
        /// Its text; empty for a new file.
        text: String,
    },
    /// A command on the workstation changed files of the project. [`Answer::Preview`] follows.
    Edited {
        /// Files that are new or have other bytes now.
        files: Vec<FileInput>,
        /// Paths of files that are gone.
        removed: Vec<String>,
    },
    /// Requests that went over the simulated network since the last time, in order.
    Wire(Vec<WireRow>),
}
