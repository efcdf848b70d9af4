//! What an instruction sees: variables, configuration, filesystem.

use crate::env::{self, Env};
use crate::options::Options;
use crate::path;
use crate::plan::{Input, Past};
use oci::{ContainerConfig, ImageConfig, Platform};
use std::sync::Arc;

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// So many entries of a history keep their configuration: each is as large as the stage's variables, and images have no more
/// layers than this.
const MAX_CONFIGS: usize = 128;

/// A stage while it is planned.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    /// Variables, ARGs included.
    pub(crate) env: Env,
    /// ARGs so far, in order, with their values.
    pub(crate) args: Vec<(String, Option<String>)>,
    /// The configuration so far.
    pub(crate) image: ImageConfig,
    /// The filesystem so far.
    pub(crate) at: Input,
    /// Working directory.
    pub(crate) cwd: String,
    /// As USER has it.
    pub(crate) user: String,
    /// The history so far.
    pub(crate) history: Vec<Past>,
    /// What it is built for.
    pub(crate) platform: Platform,
    /// Whether this stage has a CMD of its own.
    pub(crate) has_cmd: bool,
    /// Steps counted so far.
    pub(crate) number: usize,
}

impl Scope {
    /// `FROM scratch`.
    pub(crate) fn scratch(platform: &Platform) -> Scope {
        let mut image = ImageConfig {
            platform: platform.clone(),
            ..ImageConfig::default()
        };
        "/".clone_into(&mut image.config.working_dir);
        image.config.env = vec![format!("PATH={DEFAULT_PATH}")];
        Scope::of_image(image, Input::Scratch, platform)
    }

    /// `FROM` an image whose files are `at`.
    pub(crate) fn of_image(image: ImageConfig, at: Input, platform: &Platform) -> Scope {
        let mut image = image;
        image.created = None;
        image.diff_ids = Vec::new();
        image.config.on_build = Vec::new();
        Scope {
            env: Env::default(),
            args: Vec::new(),
            image,
            at,
            cwd: "/".to_owned(),
            user: String::new(),
            history: Vec::new(),
            platform: platform.clone(),
            has_cmd: false,
            number: 0,
        }
    }

    /// `FROM` another stage: its ARGs stay, its triggers do not.
    pub(crate) fn of_stage(base: &Scope) -> Scope {
        let mut scope = base.clone();
        scope.image.config.on_build = Vec::new();
        scope.has_cmd = false;
        scope.number = 0;
        scope
    }

    /// Takes over what the configuration says of variables, directory and user.
    pub(crate) fn enter(&mut self) {
        let config = &mut self.image.config;
        if self.platform.os != "windows" && !config.env.iter().any(|pair| env::split(pair).0 == "PATH") {
            config.env.push(format!("PATH={DEFAULT_PATH}"));
        }
        self.env.set_all(config.env.iter().map(|pair| env::split(pair)));
        if !config.working_dir.is_empty() {
            config.working_dir = path::workdir(&config.working_dir, &config.working_dir);
            self.cwd.clone_from(&config.working_dir);
        }
        if !config.user.is_empty() {
            self.user.clone_from(&config.user);
        }
    }

    /// What it costs to start another stage from this one, in bytes.
    pub(crate) fn size(&self) -> usize {
        let env: usize = self
            .env
            .pairs()
            .iter()
            .map(|(name, value)| name.len() + value.len() + 16)
            .sum();
        let history: usize = self.history.iter().map(|past| past.created_by.len() + 16).sum();
        env + history + self.args.len()
    }

    /// The configuration of containers.
    pub(crate) fn config(&mut self) -> &mut ContainerConfig {
        &mut self.image.config
    }

    /// `args` after the shell of the shell forms.
    pub(crate) fn with_shell(&self, text: String) -> Vec<String> {
        let mut argv = self.image.config.shell.clone();
        if argv.is_empty() {
            let shell: &[&str] = match self.image.platform.os.as_str() {
                "windows" => &["cmd", "/S", "/C"],
                _ => &["/bin/sh", "-c"],
            };
            argv.extend(shell.iter().map(|&word| word.to_owned()));
        }
        argv.push(text);
        argv
    }

    /// Notes an entry of the history that makes no layer.
    pub(crate) fn note(&mut self, created_by: String) {
        self.history.push(Past {
            created_by,
            step: None,
            config: None,
        });
    }

    /// Gives the entries of the history from `first` on the configuration as it is now.
    pub(crate) fn keep_config(&mut self, first: usize) {
        let end = self.history.len().min(MAX_CONFIGS);
        if first < end {
            let config = Arc::new(self.image.config.clone());
            for past in &mut self.history[first..end] {
                past.config = Some(config.clone());
            }
        }
    }

    /// The configuration of the image this stage makes.
    pub(crate) fn finish(&self, options: &Options, is_target: IsTarget) -> ImageConfig {
        let mut image = self.image.clone();
        if is_target == IsTarget::Yes {
            for (name, value) in &options.labels {
                image.config.labels.insert(name.clone(), value.clone());
            }
            if let Some(wanted) = &options.platform {
                let same = wanted.os == image.platform.os && wanted.architecture == image.platform.architecture;
                let found = std::mem::replace(&mut image.platform, wanted.clone());
                if same && wanted.variant.is_empty() {
                    image.platform.variant = found.variant;
                }
                if same && wanted.os_version.is_empty() {
                    image.platform.os_version = found.os_version;
                }
                if wanted.os_features.is_empty() {
                    image.platform.os_features = found.os_features;
                }
            }
        }
        image.platform = image.platform.normalised();
        image
    }
}

/// Whether a stage becomes the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IsTarget {
    Yes,
    No,
}
