//! What a caller says about a build, and what it knows of base images.

use crate::plan::Network;
use oci::{ImageConfig, Platform};
use std::collections::BTreeMap;

/// How to build. The flags are those of `docker buildx build`.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// `--target`; `None` for the last stage.
    pub target: Option<String>,
    /// `--build-arg`, in order; the last of equal names counts.
    pub build_args: Vec<(String, String)>,
    /// `--label`, in order.
    pub labels: Vec<(String, String)>,
    /// The machine that builds.
    pub build_platform: Platform,
    /// `--platform`; `None` for that of the base image, or of the machine that builds.
    pub platform: Option<Platform>,
    /// Names of `--build-context`: a stage of that name is replaced by it.
    pub contexts: Vec<String>,
    /// `--no-cache` and `--no-cache-filter`.
    pub no_cache: NoCache,
    /// `--network`, for a RUN that does not say.
    pub network: Network,
    /// Which stages are planned.
    pub reach: Reach,
}

impl Options {
    /// A plain build of the last stage for `platform`, on a machine of that platform.
    pub fn new(platform: Platform) -> Options {
        Options {
            target: None,
            build_args: Vec::new(),
            labels: Vec::new(),
            build_platform: platform,
            platform: None,
            contexts: Vec::new(),
            no_cache: NoCache::Never,
            network: Network::Default,
            reach: Reach::Target,
        }
    }

    /// The value of a build argument.
    pub fn build_arg(&self, name: &str) -> Option<&str> {
        self.build_args
            .iter()
            .rfind(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The platform of stages that do not say.
    pub fn target_platform(&self) -> &Platform {
        self.platform.as_ref().unwrap_or(&self.build_platform)
    }
}

/// Which steps run whatever the cache holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum NoCache {
    /// None.
    #[default]
    Never,
    /// All.
    Always,
    /// Those of these stages.
    Stages(Vec<String>),
}

impl NoCache {
    /// Whether it holds for the stage called `name`, empty if it has no name.
    pub(crate) fn covers(&self, name: &str) -> bool {
        match self {
            NoCache::Never => false,
            NoCache::Always => true,
            NoCache::Stages(names) => names.iter().any(|n| !name.is_empty() && n.eq_ignore_ascii_case(name)),
        }
    }
}

/// Which stages are planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// Those the target needs.
    #[default]
    Target,
    /// All of them, as `--check` does without a target.
    All,
}

/// An image by the name the Dockerfile gives it, and for which platform.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageName {
    /// The name, variables replaced: `alpine:3.9`.
    pub name: String,
    /// `linux/amd64`.
    pub platform: String,
}

/// What is known of images and named contexts.
pub type Known = BTreeMap<ImageName, Resolved>;

/// What is known of one.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolved {
    /// It is an image with this config.
    Image(Box<ImageConfig>),
    /// It is a directory of files, given by `--build-context`.
    Directory,
}
