//! What the page and the native companion say to each other over HTTP, as JSON: plans, runs, local images, and preview against reality.
//!
//! A run is two requests: a [`Project`] is answered by a [`NativePlan`], which a person reads; a [`Go`] with its hash starts it, and is
//! answered by one [`RunEvent`] a line.

use crate::{Comparison, Options};
use serde::{Deserialize, Serialize};

/// The companion as it introduces itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hello {
    /// Version of the program.
    pub version: String,
    /// The most files of a project.
    pub max_files: usize,
    /// The most bytes that they have together.
    pub max_bytes: usize,
}

/// A build context and how to build it. No path in it is one of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Project {
    /// All files of the context, the Dockerfile among them.
    pub files: Vec<ProjectFile>,
    /// How to build.
    pub options: Options,
}

/// A file of a [`Project`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProjectFile {
    /// Relative, `/` between components.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// The bytes in base64, of the standard alphabet and padded.
    pub base64: String,
}

/// What a build will execute: to be read before it does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NativePlan {
    /// SHA-256 of all that decides what is executed: files, options, and what stands below. 64 digits.
    pub hash: String,
    /// The commands, in the order of the plan.
    pub commands: Vec<PlannedCommand>,
    /// The images that it takes.
    pub bases: Vec<PlannedBase>,
    /// Addresses and repositories that ADD fetches.
    pub downloads: Vec<String>,
    /// Name of the image; empty for none.
    pub tag: String,
}

/// A command that will be executed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedCommand {
    /// First line of its instruction.
    pub line: usize,
    /// Name of the stage.
    pub stage: String,
    /// Program and arguments, the shell included, exactly.
    pub argv: Vec<String>,
    /// Who executes it; empty for root, or whom the base image names.
    pub user: String,
    /// `default`, `none` or `host`.
    pub network: String,
    /// What is mounted besides the filesystem, each in words.
    pub mounts: Vec<String>,
    /// True for a trigger that came with the base image.
    pub trigger: bool,
}

/// An image that a build takes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedBase {
    /// As the Dockerfile names it.
    pub name: String,
    /// The registry that it comes from if it is not here; empty if it is here.
    pub registry: String,
}

/// Permission to execute a plan, given by a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Go {
    /// [`NativePlan::hash`].
    pub hash: String,
}

/// The wish that what goes on under this name ends: a plan's hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// [`NativePlan::hash`].
    pub hash: String,
}

/// An image that something is done with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfImage {
    /// Its name or ID.
    pub image: String,
}

/// What happens while a command of the companion runs. [`RunEvent::Done`] or [`RunEvent::Failed`] comes last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunEvent {
    /// Something has begun: a step, `[2/4] RUN make`, or what comes before.
    Begun {
        /// From 1, in the order in which they begin.
        number: usize,
        /// What it is.
        title: String,
    },
    /// It wrote a line, or there is something to be known of it.
    Log {
        /// Of what; 0 of none.
        number: usize,
        /// Without control characters.
        text: String,
    },
    /// It ended.
    Ended {
        /// Of what.
        number: usize,
        /// `cached`, `done` or `failed`.
        how: String,
        /// The words that stood behind it: a time, or why it failed.
        text: String,
    },
    /// All is done.
    Done {
        /// Preview and reality, of a build.
        #[serde(skip_serializing_if = "Option::is_none")]
        report: Option<Box<Comparison>>,
    },
    /// It could not be done.
    Failed {
        /// Why, and what to do, one line each.
        message: String,
        /// Preview and reality as far as it came, of a build.
        #[serde(skip_serializing_if = "Option::is_none")]
        report: Option<Box<Comparison>>,
    },
}

/// An image that the companion holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalImage {
    /// Digest of its config.
    pub id: String,
    /// Name and tag; empty without one.
    pub name: String,
    /// As the program prints it: `2 minutes ago`.
    pub created: String,
    /// As the program prints it: `7.5MB`.
    pub size: String,
}

/// What the companion says instead of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Why, one line each.
    pub error: String,
}
