//! What the preview expected of a build and what came: the document of `layerlab build --preview-report`.

use serde::{Deserialize, Serialize};

/// The value of [`Comparison::kind`].
pub const COMPARISON_KIND: &str = "layerlab.preview-report.v1";

/// Preview and reality of one build.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// [`COMPARISON_KIND`].
    pub kind: String,
    /// Digest of the config that the preview made; empty if it made none.
    #[serde(default)]
    pub expected_image: String,
    /// Digest of the config that the build made; empty if it failed.
    #[serde(default)]
    pub image: String,
    /// One for every step of the plan, in its order.
    pub steps: Vec<ComparedStep>,
}

/// One step, twice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComparedStep {
    /// First line of its instruction.
    pub line: usize,
    /// Name of its stage; empty where there is one only.
    #[serde(default)]
    pub stage: String,
    /// As progress words it.
    pub instruction: String,
    /// What the preview expected.
    pub expected: Option<StepOutcome>,
    /// What came; `None` if the build did not come so far.
    pub actual: Option<StepOutcome>,
    /// Why the two differ, in words; empty if they do not, or nobody knows.
    #[serde(default)]
    pub why: String,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepOutcome {
    /// Whether the cache had it.
    pub cached: bool,
    /// Why the cache did not have it; empty if it had, or nobody knows.
    #[serde(default)]
    pub reason: String,
    /// Bytes of the files in its layer.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Digest of its layer's tar; `None` if it made none.
    #[serde(default)]
    pub diff_id: Option<String>,
    /// How long it took.
    #[serde(default)]
    pub millis: Option<u64>,
    /// Whether bytes, digest and time are simulated.
    #[serde(default)]
    pub simulated: bool,
}
