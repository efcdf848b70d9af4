//! What the page and its worker say to each other: plain data, no logic.
//!
//! A [`Request`] carries a number; every [`Reply`] to it carries the same one. A build answers with many replies, the last of which is
//! [`Answer::Built`] or [`Answer::Failed`]. Sizes are in bytes, times in milliseconds, lines count from 1, spans are byte offsets (UTF-8).
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use serde::{Deserialize, Serialize};

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
    /// The files of the last built image. Answered by [`Answer::Files`].
    Files(View),
    /// The text of one file. Answered by [`Answer::Content`].
    Content {
        /// Where to look.
        view: View,
        /// The file's path, without a leading slash.
        path: String,
    },
    /// The image as an archive that `docker load` accepts. Answered by [`Answer::Archive`].
    Archive,
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
}

/// The context's files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProjectView {
    /// Path, bytes, and whether an ignore file keeps it out of the context; in order of path.
    pub files: Vec<(String, u64, bool)>,
    /// What the context weighs without the ignored files.
    pub context_bytes: u64,
}

/// What each line will do, and what is wrong with the text.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PreviewView {
    /// The context.
    pub project: ProjectView,
    /// One for every instruction, in order.
    pub lines: Vec<LineView>,
    /// Errors, build checks and advice, in order of the text.
    pub problems: Vec<Problem>,
    /// Names of the stages, `stage-0` where none is given.
    pub stages: Vec<StageView>,
    /// One sentence: `7 steps: 5 from the cache, 2 run again because index.html changed`.
    pub summary: String,
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StageView {
    /// Its name, or `stage-N`.
    pub name: String,
    /// First and last line.
    pub lines: (usize, usize),
    /// False if the target does not need it.
    pub needed: bool,
    /// Indexes of the stages it takes its base or files from.
    pub needs: Vec<usize>,
}

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum LineState {
    /// Comes with the base image.
    Base,
    /// Will come, or came, from the cache.
    Cached,
    /// Will run.
    Runs,
    /// May come from the cache: it depends on what an earlier step makes.
    MayRun,
    /// Is running.
    Running,
    /// Ran and made a layer.
    Made,
    /// Not needed for the target.
    Pruned,
    /// Changes only the image's configuration.
    #[default]
    Config,
    /// Failed, or cannot be read.
    Failed,
}

/// One instruction's cell beside the text.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LineView {
    /// First and last line of the instruction.
    pub lines: (usize, usize),
    /// Which stage, from 0; `None` before the first FROM.
    pub stage: Option<usize>,
    /// What becomes of it.
    pub state: LineState,
    /// Bytes it adds to the image, where known.
    pub bytes: Option<u64>,
    /// How long it took, or will (simulated for RUN).
    pub millis: Option<u64>,
    /// True if bytes or time are simulated.
    pub simulated: bool,
    /// What the instruction does, one sentence in a learner's words.
    pub meaning: String,
    /// Why it runs again, if it does.
    pub miss: Option<MissView>,
    /// Index into [`ImageView::layers`] of the layer it made.
    pub layer: Option<usize>,
}

/// Why a step is not taken from the cache.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MissView {
    /// One sentence: `index.html changed since the last build`.
    pub reason: String,
    /// Parts of the two keys: what, then, now. Equal parts say `same` in `now`.
    pub parts: Vec<(String, String, String)>,
}

/// Replacements of text: start, end (byte offsets), and what to put there; in order and not overlapping.
pub type Edits = Vec<(usize, usize, String)>;

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Problem {
    /// `error`, `warning` or `advice`.
    pub severity: String,
    /// Its stable name.
    pub code: String,
    /// Line, if one is known.
    pub line: Option<usize>,
    /// Bytes of the source to underline.
    pub span: Option<(usize, usize)>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hints: Vec<String>,
    /// A mend: title, and the edits as (start, end, new text), in order.
    pub fix: Option<(String, Edits)>,
}

/// An image that was built.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ImageView {
    /// Name and tag, if it has one.
    pub tag: String,
    /// Digest of the config.
    pub id: String,
    /// Digest of the manifest.
    pub manifest: String,
    /// True if any layer or the base is simulated: then the digests are this page's, not BuildKit's.
    pub simulated: bool,
    /// Bytes of all layers, as `docker image ls` counts.
    pub bytes: u64,
    /// Layers, base first.
    pub layers: Vec<LayerView>,
    /// The history, oldest first.
    pub history: Vec<HistoryView>,
    /// The config, as JSON with indentation.
    pub config: String,
    /// The manifest, as JSON.
    pub manifest_json: String,
    /// Steps that ran and steps that came from the cache.
    pub ran: usize,
    /// See `ran`.
    pub cached: usize,
}

/// A layer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LayerView {
    /// The instruction that made it, or the base image's name.
    pub instruction: String,
    /// Line of the Dockerfile, if this build made it.
    pub line: Option<usize>,
    /// True for a layer of the base image.
    pub base: bool,
    /// True if its content is simulated.
    pub simulated: bool,
    /// Digest of the uncompressed tar.
    pub diff_id: String,
    /// Digest of this layer and all below it.
    pub chain_id: String,
    /// Bytes of the files in it.
    pub bytes: u64,
    /// Of those, bytes in new files.
    pub added: u64,
    /// Of those, bytes in files that a lower layer had.
    pub changed: u64,
    /// Of those, bytes that an upper layer hides or replaces: shipped for nothing.
    pub hidden: u64,
    /// Files that upper layers hide, `41.2 MB hidden by line 4`; empty if none.
    pub hidden_by: String,
}

/// A line of `docker history`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HistoryView {
    /// RFC 3339.
    pub created: String,
    /// As BuildKit words it.
    pub created_by: String,
    /// Bytes of its layer.
    pub bytes: u64,
    /// True if it made no layer.
    pub empty: bool,
    /// The layer it made.
    pub layer: Option<usize>,
}

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ChangeView {
    /// New in this layer.
    Added,
    /// Was there, is replaced or changed.
    Changed,
    /// Removed by a whiteout.
    Deleted,
    /// Only seen through (in a merged view, or a directory on the way).
    #[default]
    Same,
}

/// One row of a tree, parents before children, in order of path.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FileRow {
    /// Without a leading slash.
    pub path: String,
    /// `dir`, `file`, `link`, `symlink`, `device`, `fifo`.
    pub kind: String,
    /// Bytes; for a directory the sum of what is in it.
    pub bytes: u64,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Target of a symbolic or hard link.
    pub target: String,
    /// What became of it.
    pub change: ChangeView,
    /// The layer it comes from.
    pub layer: usize,
    /// True if a later layer hides it.
    pub hidden: bool,
    /// True if its bytes are not there, only its size.
    pub absent: bool,
}

/// A file's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContentView {
    /// Text, cut at 64 KiB if `more`.
    Text {
        /// The text.
        text: String,
        /// True if there is more.
        more: bool,
    },
    /// Not text; the first bytes as a hex dump.
    Binary {
        /// Sixteen bytes a line.
        dump: String,
        /// All its bytes.
        bytes: u64,
    },
    /// A simulated file: only its size is known.
    Absent {
        /// The size.
        bytes: u64,
    },
    /// No such file.
    Missing,
}
