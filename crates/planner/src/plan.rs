//! What a plan says: stages, the steps that change filesystems, and what each of them takes.

use crate::options::ImageName;
use dockerfile::Span;
use oci::{ContainerConfig, ImageConfig, Platform};
use std::sync::Arc;

/// What a build of one Dockerfile with one set of options has to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Every stage of the file, in order.
    pub stages: Vec<Stage>,
    /// Index into `stages` of the stage that becomes the image.
    pub target: usize,
    /// The steps of the stages the target needs, in an order in which they can be done.
    pub steps: Vec<Step>,
    /// Where files come from that no step makes.
    pub sources: Vec<Source>,
    /// One for every instruction of the file, in order.
    pub lines: Vec<Line>,
    /// `SOURCE_DATE_EPOCH`, in seconds, if it is set.
    pub epoch: Option<i64>,
}

/// A stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Its name in lower case, or `stage-N` with N counting from 0.
    pub name: String,
    /// What progress calls it: empty where the Dockerfile has one stage and takes from no other.
    pub label: String,
    /// Index of its FROM in the file's instructions.
    pub instruction: usize,
    /// First and last line of the whole stage, from 1.
    pub lines: (usize, usize),
    /// What it starts from.
    pub base: Base,
    /// Whether the target needs it.
    pub needed: bool,
    /// Indexes of the stages it takes its base or files from, in order.
    pub needs: Vec<usize>,
    /// Its filesystem when all its steps are done; `Input::Scratch` if it is not needed.
    pub output: Input,
    /// The configuration of an image made of it, with the base's history but without layers; only if `needed`.
    pub config: ImageConfig,
    /// The history that follows the base image's, oldest first; that of base stages included.
    pub history: Vec<Past>,
    /// How many steps progress counts in it, FROM included.
    pub total: usize,
}

/// What a stage starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// Nothing.
    Scratch,
    /// Another stage.
    Stage(usize),
    /// An image, as it is named after variables were replaced.
    Image(String),
}

/// An entry of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// As BuildKit words it.
    pub created_by: String,
    /// The step that makes its layer; `None` if it makes none.
    pub step: Option<usize>,
    /// The defaults of containers after it; `None` for entries after the first hundred or so.
    pub config: Option<Arc<ContainerConfig>>,
}

/// A filesystem that a step starts from or takes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Input {
    /// An empty one.
    Scratch,
    /// What a source holds: index into [`Plan::sources`].
    Source(usize),
    /// What a step leaves: index into [`Plan::steps`].
    Step(usize),
}

/// Where files come from that no step makes. Equal sources stand in a plan once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An image.
    Image(ImageName),
    /// The build context.
    Context,
    /// A directory given by `--build-context NAME=DIR`.
    Named(String),
    /// A file from the network.
    Url(Url),
    /// A repository, as written in the Dockerfile.
    Git(String),
    /// A file that stands in the Dockerfile itself.
    Inline {
        /// Its name.
        name: String,
        /// Its permission bits.
        mode: u32,
        /// Its text.
        text: String,
    },
    /// A directory `cache` for a cache mount that asks for an owner or a mode.
    CacheDir {
        /// Permission bits.
        mode: u32,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
    },
}

/// A file to fetch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Url {
    /// Where it is.
    pub url: String,
    /// The name it gets: the last component of the URL's path, or `__unnamed__`.
    pub filename: String,
    /// `--checksum`.
    pub checksum: Option<String>,
}

/// A step: one filesystem becomes another.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The stage it belongs to.
    pub stage: usize,
    /// Its instruction; `None` for a trigger that came with the base image.
    pub instruction: Option<usize>,
    /// The instruction's text in the file; that of FROM for a trigger.
    pub span: Span,
    /// First and last line of that text, from 1.
    pub lines: (usize, usize),
    /// As BuildKit's progress words it: keyword in capitals, variables replaced where BuildKit replaces them.
    pub text: String,
    /// Its number in the stage, from 1, as progress counts.
    pub number: usize,
    /// The filesystem it starts from.
    pub base: Input,
    /// What it does.
    pub action: Action,
    /// Whether the cache may answer for it.
    pub caching: Caching,
    /// What it does, in named parts: equal parts, equal operation. Inputs are not part of it.
    pub definition: Vec<(String, String)>,
    /// An earlier step that does the same to the same: then this one is not done again.
    pub same_as: Option<usize>,
}

/// Whether the cache may answer for a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caching {
    /// It may.
    Use,
    /// `--no-cache`: the step runs whatever the cache holds.
    Ignore,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// WORKDIR: make a directory of mode 0755 and those above it.
    MakeDir(MakeDir),
    /// COPY or ADD.
    Copy(Copy),
    /// The second half of `COPY --link`: lay the layer that another step made from scratch over the base.
    Link {
        /// The step that made it.
        layer: usize,
    },
    /// RUN.
    Run(Run),
}

/// WORKDIR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MakeDir {
    /// Absolute path.
    pub path: String,
    /// Who owns what is made.
    pub owner: Option<Owner>,
    /// Its time, if it is not that of the build.
    pub created: Option<i64>,
}

/// COPY or ADD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// What is copied, in order.
    pub items: Vec<CopyItem>,
    /// Absolute; ends in `/` or `/.` if it was written so.
    pub dest: String,
    /// `--chown`.
    pub owner: Option<Owner>,
    /// `--chmod`.
    pub mode: Option<Mode>,
    /// `--exclude`, in order.
    pub exclude: Vec<String>,
}

/// One source of a COPY or ADD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyItem {
    /// Where it is.
    pub from: Input,
    /// Absolute path there; may hold wildcards if `kind` is local.
    pub path: String,
    /// With `--parents`: the pattern below `path` of what is wanted.
    pub include: Option<String>,
    /// With `--parents` and no wildcard: the path that must exist.
    pub required: Option<String>,
    /// How it is taken.
    pub kind: CopyKind,
}

/// How a source of a COPY or ADD is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyKind {
    /// A path of the context, a stage or an image: links followed, wildcards matched, a directory's content copied.
    Local {
        /// Whether archives are unpacked.
        unpack: bool,
    },
    /// A fetched file, a repository or a text of the Dockerfile.
    Remote {
        /// Whether archives are unpacked.
        unpack: bool,
    },
}

/// Who shall own files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub user: Id,
    /// The group; the user's own if `None`.
    pub group: Option<Id>,
}

/// A user or group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Id {
    /// By number.
    Number(u32),
    /// By its name in `/etc/passwd` or `/etc/group`.
    Name(String),
}

/// Permission bits to set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// Exactly these, at most 0o7777.
    Octal(u32),
    /// As `chmod` reads `u=rwX,go-w`; already known to be well formed.
    Symbolic(String),
}

/// RUN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Program and arguments, the shell included.
    pub argv: Vec<String>,
    /// Environment, in order of last assignment.
    pub env: Vec<(String, String)>,
    /// `HTTP_PROXY` and its like: given to the command, left out of the cache key.
    pub proxy: Vec<(String, String)>,
    /// Absolute working directory.
    pub cwd: String,
    /// As USER has it; empty for root.
    pub user: String,
    /// Network of the command.
    pub network: Network,
    /// `--security=insecure`: it may do what root of the machine may.
    pub insecure: bool,
    /// Mounts, in order.
    pub mounts: Vec<Mount>,
    /// What it runs on.
    pub platform: Platform,
}

impl Run {
    /// The mounts by their names: in this order BuildKit numbers what is mounted.
    pub fn sorted_mounts(&self) -> Vec<&Mount> {
        let mut mounts: Vec<&Mount> = self.mounts.iter().collect();
        mounts.sort_by(|a, b| a.name.cmp(&b.name));
        mounts
    }
}

/// Network of a RUN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// The usual one.
    #[default]
    Default,
    /// None.
    None,
    /// The host's.
    Host,
}

/// A mount of a RUN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Absolute path in the filesystem; empty for a secret that is only a variable.
    pub target: String,
    /// The target as BuildKit names it: an absolute path as it was written.
    pub name: String,
    /// What is mounted.
    pub kind: MountKind,
    /// Whether writes fail.
    pub read_only: bool,
}

/// What a RUN mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountKind {
    /// A path of a filesystem.
    Bind {
        /// Which filesystem.
        from: Input,
        /// Absolute path there.
        source: String,
    },
    /// A directory kept from build to build.
    Cache {
        /// Its identity.
        id: String,
        /// Who may use it at once.
        sharing: Sharing,
        /// What it starts as.
        from: Input,
        /// Absolute path there.
        source: String,
    },
    /// An empty directory in memory, of at most this many bytes; 0 for no limit.
    Tmpfs {
        /// The limit.
        size: u64,
    },
    /// A secret.
    Secret {
        /// Its identity.
        id: String,
        /// The variable that gets it.
        env: Option<String>,
        /// Whether the build fails without it.
        required: bool,
        /// Permission bits.
        mode: u32,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
    },
    /// A socket to an SSH agent.
    Ssh {
        /// Its identity.
        id: String,
        /// Whether the build fails without it.
        required: bool,
        /// Permission bits.
        mode: u32,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
    },
}

/// Who may use a cache mount at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sharing {
    /// Everyone.
    #[default]
    Shared,
    /// Everyone has an own copy.
    Private,
    /// One after the other.
    Locked,
}

/// What becomes of an instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The stage it belongs to; `None` before the first FROM.
    pub stage: Option<usize>,
    /// First and last line, from 1.
    pub lines: (usize, usize),
    /// Its steps; two for `COPY --link`, none for one that changes only the configuration or is not needed.
    pub steps: Vec<usize>,
    /// Whether the target needs it.
    pub needed: bool,
}
