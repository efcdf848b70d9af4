//! What there is to say about a command and its flags.

/// A command.
#[derive(Debug)]
pub struct Spec {
    /// What it does.
    pub verb: Verb,
    /// Every way to call it, without `docker`, the canonical one first: `image ls`, `image list`, `images`.
    pub names: &'static [&'static str],
    /// What follows the name in the usage line.
    pub usage: &'static str,
    /// What it is for. The first line stands in lists of commands.
    pub about: &'static str,
    /// How many arguments it takes.
    pub arguments: Arguments,
    /// What its arguments name.
    pub takes: Takes,
    /// Its flags, in groups that other commands may share.
    pub flags: &'static [&'static [Flag]],
    /// Where its flags may stand.
    pub order: Order,
}

/// How many arguments a command takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arguments {
    /// None at all.
    None,
    /// So many.
    Exactly(usize),
    /// So many or more.
    AtLeast(usize),
    /// So many or fewer.
    AtMost(usize),
    /// From the first to the second, both included.
    Between(usize, usize),
}

/// What the arguments of a command name: what completion offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Nothing that can be offered.
    Nothing,
    /// One image.
    Image,
    /// An image, then words of a command.
    ImageFirst,
    /// Images.
    Images,
    /// Containers, running or not.
    Containers,
    /// Containers that run.
    Running,
    /// Paths, in a container or here.
    ContainersAndPaths,
    /// Volumes.
    Volumes,
    /// Networks.
    Networks,
    /// Registries.
    Registry,
    /// Paths.
    Paths,
    /// Images, containers, volumes and networks.
    Anything,
}

/// Where flags may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Anywhere.
    Any,
    /// Before the first argument: what follows belongs to the command in the container.
    FlagsFirst,
}

/// A flag.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// One letter; empty if it has none.
    pub short: &'static str,
    /// The long name.
    pub long: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// The value without it, as the help shows it; empty if it shows none.
    pub default: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Whether it does anything here.
    pub effect: Effect,
}

/// Whether a flag of Docker does anything here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It does.
    Has,
    /// It does where processes are real. Elsewhere it is as one that does nothing.
    Real,
    /// It is accepted, checked, and said to have no effect.
    Idle,
}

/// What the value of a flag is, after the types of Docker's command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// None: the flag is given or not, `--flag=false` takes it back.
    Switch,
    /// Any text; the last one counts.
    Text,
    /// Texts, one for each time it is given.
    List,
    /// `key=value`, one for each time it is given.
    Map,
    /// Texts, separated by commas.
    Strings,
    /// A whole number.
    Int,
    /// A whole number, not negative.
    Uint,
    /// A whole number below 65,536.
    Uint16,
    /// An amount of memory: `512m`.
    Bytes,
    /// A number with a fraction: `1.5`.
    Decimal,
    /// A time: `1m30s`.
    Duration,
    /// `name=value`, one for each time it is given.
    Filter,
    /// `type=bind,source=/a,target=/b`.
    Mount,
    /// A network's name or mode.
    Network,
    /// `nofile=1024:2048`.
    Ulimit,
    /// Graphics processors.
    Gpu,
}

impl Kind {
    /// The word for it in the help; empty for a switch.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Switch => "",
            Kind::Text => "string",
            Kind::List => "list",
            Kind::Map => "map",
            Kind::Strings => "strings",
            Kind::Int => "int",
            Kind::Uint => "uint",
            Kind::Uint16 => "uint16",
            Kind::Bytes => "bytes",
            Kind::Decimal => "decimal",
            Kind::Duration => "duration",
            Kind::Filter => "filter",
            Kind::Mount => "mount",
            Kind::Network => "network",
            Kind::Ulimit => "ulimit",
            Kind::Gpu => "gpu-request",
        }
    }

    /// Whether each time it is given adds a value.
    pub fn repeats(self) -> bool {
        matches!(
            self,
            Kind::List | Kind::Map | Kind::Strings | Kind::Filter | Kind::Mount | Kind::Network | Kind::Ulimit
        )
    }
}

macro_rules! effect {
    () => {
        $crate::grammar::Effect::Has
    };
    (real) => {
        $crate::grammar::Effect::Real
    };
    (idle) => {
        $crate::grammar::Effect::Idle
    };
}

/// A table of flags: `short long kind default about`, and `idle` if it does nothing here.
macro_rules! flags {
    ($name:ident: $($short:literal $long:literal $kind:ident $default:literal $about:tt $($idle:ident)?;)*) => {
        const $name: &[Flag] = &[$(Flag {
            short: $short,
            long: $long,
            kind: $crate::grammar::Kind::$kind,
            default: $default,
            about: $about,
            effect: $crate::grammar::spec::effect!($($idle)?),
        }),*];
    };
}
pub(super) use {effect, flags};

/// What `--format` says where lists are printed.
pub(super) const FORMAT_LIST: &str = "Format output using a custom template:
'table':            Print output in table format with column headers (default)
'table TEMPLATE':   Print output in table format using the given Go template
'json':             Print in JSON format
'TEMPLATE':         Print output using the given Go template.
Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates";

/// What `--format` says where one thing is printed.
pub(super) const FORMAT: &str = "Format output using a custom template:
'json':             Print in JSON format
'TEMPLATE':         Print output using the given Go template.
Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates";

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the command of its name")]
pub enum Verb {
    Attach,
    Build,
    BuilderPrune,
    Commit,
    ContainerInspect,
    ContainerPrune,
    Cp,
    Create,
    Diff,
    Exec,
    Export,
    ImageHistory,
    ImageImport,
    ImageInspect,
    ImageLoad,
    ImageLs,
    ImagePrune,
    ImageRm,
    ImageSave,
    ImageTag,
    Info,
    Inspect,
    Kill,
    Login,
    Logout,
    Logs,
    NetworkInspect,
    NetworkLs,
    Pause,
    Port,
    Ps,
    Pull,
    Push,
    Rename,
    Restart,
    Rm,
    Run,
    Search,
    Start,
    Stop,
    SystemDf,
    SystemPrune,
    Top,
    Unpause,
    Version,
    VolumeCreate,
    VolumeInspect,
    VolumeLs,
    VolumePrune,
    VolumeRm,
    Wait,
}
