//! The command line: what a person can ask of `layerlab`, and the values their words become.

#![allow(clippy::doc_markdown)] // doc comments of arguments are their help text, where backticks would show

mod all;
mod caches;
mod named_context;
mod output;
mod pairs;
mod play;
mod registry;
mod sandbox;
mod secret;
mod verbs;

pub use all::command;
pub use caches::{CacheArgs, CachePlace, CacheSpec, CacheTarget};
pub use named_context::{ContextSource, NamedContext};
pub(crate) use output::parse_bool;
pub use output::{Destination, OutputKind, OutputSpec};
pub use pairs::{BuildArg, Label, resolve_build_args};
pub use play::{Opening, PlayArgs};
pub use registry::{CollectArgs, RegistryCommand, RegistryFsckArgs, ServeArgs};
pub use sandbox::{AddHost, AgentSpec, Bytes, Entitlement, SandboxArgs};
pub use secret::{SecretSource, SecretSpec};
pub use verbs::{for_clap, is_docker};

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  layerlab build -t site .                      build the Dockerfile of this folder, for real
  layerlab preview .                            the same in a simulation
  layerlab preview -t site --target web .       only what the stage `web` needs, named site:latest
  layerlab preview -o type=oci,dest=i.tar .     keep the image as an archive
  layerlab check .                              what BuildKit would warn about, without building
  layerlab preview --check -f other.Dockerfile .
  layerlab images                               the images of this machine
  layerlab save site -o site.tar                one of them as an archive, for docker load
  layerlab load -i site.tar                     the other way round
  layerlab system df; layerlab system prune     what everything takes, and freeing what nobody needs
  layerlab system fsck                          whether everything is as its name says

In a preview a RUN is simulated, and so is a base image that comes from the catalogue: both are marked `simulated`. \
Everything else is what BuildKit would make, to the digest.";

const BUILD_EXAMPLES: &str = "\
Examples:
  layerlab build -t site .
        Build the Dockerfile of this folder, and keep the image as site:latest. Every RUN runs, in a sandbox of its own.
  layerlab build --build-context alpine=oci-layout://./alpine .
        A base image from a folder. Otherwise it is one that `-t` has named here.
  layerlab build --secret id=token,env=TOKEN --ssh default .
        What RUN --mount=type=secret and RUN --mount=type=ssh may see. Neither becomes part of the image.
  layerlab build --preview-report report.json .
        Keep what was expected of each step beside what came.
  layerlab build -o type=docker,dest=- . | docker load
        Hand the image to Docker.

  layerlab build --builder 'buildkit://build.example:1234?cacert=ca.pem&cert=cert.pem&key=key.pem' -t site .
        Build on a BuildKit worker. The image comes back and is kept here. docker:// is the Docker engine of this machine.

What a RUN does is confined: its own filesystem, processes and network view, Docker's capabilities and system calls.";

const PREVIEW_EXAMPLES: &str = "\
Examples:
  layerlab preview .
        Build, and show what each line did: taken from the cache, run, or not needed, with its bytes and its time.
  layerlab preview . && layerlab preview .
        The second build takes every step from the cache, or says why not.
  layerlab preview --build-arg VERSION=1.2 --build-arg HTTP_PROXY .
        A build argument with a value, and one whose value is that of the environment.
  layerlab preview --build-context alpine=oci-layout://./alpine .
        A real base image from a folder, instead of the simulated one.
  layerlab preview -o type=docker,dest=- . | docker load
        Hand the image to Docker.
  SOURCE_DATE_EPOCH=0 layerlab preview -o type=oci,dest=i.tar,rewrite-timestamp=true .
        The same digests on every machine.";

const COMPLETION_EXAMPLES: &str = "\
Examples:
  eval \"$(layerlab completion bash)\"                                    for this shell; in ~/.bashrc for all
  layerlab completion zsh > \"${fpath[1]}/_layerlab\"
  layerlab completion fish > ~/.config/fish/completions/layerlab.fish";

const FSCK_EXAMPLES: &str = "\
Examples:
  layerlab system fsck
        Hash every blob, look for everything that images and the build cache name. Exit code 1 if something is wrong.
  layerlab system fsck --repair
        Broken files are moved to the folder `quarantine`; images and cached steps that need them lose their names.";

/// See what a Dockerfile does: build it without a daemon, look at every layer.
#[derive(Debug, Parser)]
#[command(name = "layerlab", version, after_help = EXAMPLES, max_term_width = 100, subcommand_required = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `layerlab` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build a Dockerfile for real
    Build(Box<BuildArgs>),
    /// Build a Dockerfile in a simulation and show what each line does
    Preview(Box<PreviewArgs>),
    /// Say what BuildKit's build checks find in a Dockerfile, without building it
    Check(Box<CheckArgs>),
    /// Print a script that completes commands, names of images and paths
    Completion(CompletionArgs),
    /// Write the manual pages
    Man(ManArgs),
    /// Check that everything in the store is whole (also: system fsck)
    Fsck(FsckArgs),
    /// Serve the page, and run its builds on this machine
    Play(PlayArgs),
    /// Run a registry
    #[command(subcommand)]
    Registry(RegistryCommand),
}

/// `layerlab completion`.
#[derive(Debug, Args)]
#[command(after_help = COMPLETION_EXAMPLES)]
pub struct CompletionArgs {
    /// Whose script
    pub shell: Shell,
}

/// A shell that completes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash.
    Bash,
    /// Fish.
    Fish,
    /// Zsh.
    Zsh,
}

/// `layerlab man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Where they go: a folder man1 in one that MANPATH names
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}

/// `layerlab system fsck`.
#[derive(Debug, Args)]
#[command(after_help = FSCK_EXAMPLES)]
pub struct FsckArgs {
    /// Repair what is broken: make it again, or put it away, so that it is fetched or built again
    #[arg(long)]
    pub repair: bool,

    /// Where the store, the build cache and the images are [default: $LAYERLAB_ROOT, or $XDG_DATA_HOME/layerlab]
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
}

/// What both commands need to read a Dockerfile as BuildKit would.
#[derive(Debug, Args)]
pub struct InputArgs {
    /// The build context: a folder, or - to read a Dockerfile from standard input
    #[arg(value_name = "CONTEXT", default_value = ".")]
    pub context: PathBuf,

    /// Where the Dockerfile is; - reads it from standard input [default: CONTEXT/Dockerfile]
    #[arg(short, long, value_name = "PATH")]
    pub file: Option<PathBuf>,

    /// Set a build argument; without a value it is taken from the environment
    #[arg(long = "build-arg", value_name = "NAME[=VALUE]")]
    pub build_args: Vec<BuildArg>,

    /// Use this instead of the image or stage NAME: oci-layout://DIR, docker-image://REFERENCE, or a folder
    #[arg(long = "build-context", value_name = "NAME=SOURCE")]
    pub build_contexts: Vec<NamedContext>,

    /// Stop at this stage
    #[arg(long, value_name = "STAGE")]
    pub target: Option<String>,

    /// Build for this platform, such as linux/arm64
    #[arg(long, value_name = "PLATFORM")]
    pub platform: Option<String>,

    /// Where the store, the build cache and the images are [default: $LAYERLAB_ROOT, or $XDG_DATA_HOME/layerlab]
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,

    /// How to print the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// `layerlab check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// What to read.
    #[command(flatten)]
    pub input: InputArgs,

    /// Say also what could be better and what it costs: builds in a simulation to find out
    #[arg(long)]
    pub advice: bool,
}

/// `layerlab preview`.
#[derive(Debug, Args)]
#[command(after_help = PREVIEW_EXAMPLES)]
pub struct PreviewArgs {
    /// What to read.
    #[command(flatten)]
    pub input: InputArgs,

    /// Name the image, NAME[:TAG]
    #[arg(short, long = "tag", value_name = "NAME")]
    pub tags: Vec<String>,

    /// Add a label to the image
    #[arg(long = "label", value_name = "KEY=VALUE")]
    pub labels: Vec<Label>,

    /// Do not take steps from the build cache
    #[arg(long)]
    pub no_cache: bool,

    /// Do not take the steps of these stages from the build cache
    #[arg(long, value_name = "STAGE", value_delimiter = ',')]
    pub no_cache_filter: Vec<String>,

    /// The network that RUN sees
    #[arg(long, value_name = "MODE", default_value = "default")]
    pub network: NetworkMode,

    /// A secret that RUN --mount=type=secret may read
    #[arg(long = "secret", value_name = "id=ID[,src=FILE|,env=VARIABLE]")]
    pub secrets: Vec<SecretSpec>,

    /// Where the image goes: type=oci|docker|tar|local|image[,dest=PATH][,rewrite-timestamp=true]
    #[arg(short, long = "output", value_name = "SPEC")]
    pub outputs: Vec<OutputSpec>,

    /// Keep the image in the store; it is kept there always, so this changes nothing
    #[arg(long, hide = true)]
    pub load: bool,

    /// Provenance is never added; only `false` is accepted
    #[arg(long, hide = true, value_parser = ["false"])]
    pub provenance: Option<String>,

    /// Write the image ID to a file
    #[arg(long, value_name = "FILE")]
    pub iidfile: Option<PathBuf>,

    /// Write digests and the steps, as JSON, to a file
    #[arg(long, value_name = "FILE")]
    pub metadata_file: Option<PathBuf>,

    /// How to show the build: line by line, redrawn in place, or not at all
    #[arg(long, value_name = "KIND", default_value = "auto")]
    pub progress: Progress,

    /// Print nothing but the image ID
    #[arg(short, long)]
    pub quiet: bool,

    /// The same as --call=check
    #[arg(long)]
    pub check: bool,

    /// What to do: build, or check the Dockerfile only
    #[arg(long, value_name = "METHOD", default_value = "build")]
    pub call: Call,
}

/// `layerlab build`.
#[derive(Debug, Args)]
#[command(after_help = BUILD_EXAMPLES)]
pub struct BuildArgs {
    /// What it has in common with a preview.
    #[command(flatten)]
    pub common: PreviewArgs,

    /// What commands run in.
    #[command(flatten)]
    pub sandbox: SandboxArgs,

    /// Ask registries for base images even if this machine has them
    #[arg(long)]
    pub pull: bool,

    /// Caches that builds on other machines use, too.
    #[command(flatten)]
    pub caches: CacheArgs,

    /// Where it is built.
    #[cfg(feature = "remote")]
    #[command(flatten)]
    pub remote: crate::remote::BuilderArgs,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person.
    Text,
    /// For a program.
    Json,
}

/// The network of RUN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NetworkMode {
    /// The usual one.
    Default,
    /// None.
    None,
    /// The host's.
    Host,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Progress {
    /// In place on a terminal, else plain.
    Auto,
    /// Line by line.
    Plain,
    /// In place.
    Tty,
    /// Not at all.
    Quiet,
}

/// What is done with the Dockerfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Call {
    /// It is built.
    Build,
    /// It is checked.
    #[value(alias = "lint")]
    Check,
}

/// A word of the command line that could not be read: always `expected X, found Y`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found:?}")]
pub struct ArgError {
    /// What would have been right.
    pub expected: &'static str,
    /// What was given.
    pub found: String,
}

impl ArgError {
    pub(crate) fn new(expected: &'static str, found: &str) -> ArgError {
        ArgError {
            expected,
            found: found.to_owned(),
        }
    }
}
