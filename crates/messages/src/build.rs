//! What a build would do, line by line, and what is wrong with its text.

use serde::{Deserialize, Serialize};

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
