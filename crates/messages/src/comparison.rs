//! What was expected of a build and what came: the document that `layerlab build --preview-report` writes.

use serde::{Deserialize, Serialize};

/// A build beside what was expected of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Of the format: 1.
    pub version: u32,
    /// The image ID; `None` if the build failed.
    pub image_id: Option<String>,
    /// The steps in the order in which they were done.
    pub steps: Vec<ComparedStep>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComparedStep {
    /// The stage's name; empty if there is one stage only.
    #[serde(default)]
    pub stage: String,
    /// Its first line, from 1.
    pub line: usize,
    /// The instruction.
    pub step: String,
    /// What was expected.
    pub expected: ExpectedStep,
    /// What came; `None` if it was not reached.
    pub built: Option<BuiltStep>,
    /// `same`, `not-known-before`, `different` or `not-reached`.
    pub verdict: String,
    /// The verdict in words.
    #[serde(default)]
    pub remark: String,
}

/// What was expected of a step.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExpectedStep {
    /// `cached`, `runs`, `depends` or `fails`.
    pub state: String,
    /// Why it is not from the cache.
    #[serde(default)]
    pub reason: Option<String>,
    /// Bytes of its layer's files, where the cache knows them.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Digest of its layer's tar, where the cache knows it.
    #[serde(default)]
    pub diff_id: Option<String>,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuiltStep {
    /// Whether it was taken from the cache.
    pub cached: bool,
    /// Why it was not.
    #[serde(default)]
    pub reason: Option<String>,
    /// Bytes of its layer's files; `None` if it made no layer.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Digest of its layer's tar.
    #[serde(default)]
    pub diff_id: Option<String>,
    /// How long it took.
    #[serde(default)]
    pub millis: u64,
}
