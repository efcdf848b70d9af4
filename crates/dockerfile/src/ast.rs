//! What a Dockerfile says: instructions with their flags, words and heredocs, each with its place.

/// A range of bytes in the source, end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset just past the last byte.
    pub end: usize,
}

/// A value and the text it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value, unquoted where the instruction unquotes.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

/// A parsed Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    /// `# syntax=`, `# escape=` and `# check=`, in order.
    pub directives: Vec<Directive>,
    /// `\` or a backtick.
    pub escape: char,
    /// The instructions that could be read, in order. An unknown keyword is kept as [`Kind::Unknown`].
    pub instructions: Vec<Instruction>,
}

/// A parser directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// `syntax`, `escape` or `check`, in lower case.
    pub name: Spanned<String>,
    /// The text after `=`, blanks trimmed.
    pub value: Spanned<String>,
}

/// One instruction with everything written around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// From the keyword to the end of the last line or heredoc, line break excluded.
    pub span: Span,
    /// First and last line, from 1.
    pub lines: (usize, usize),
    /// The keyword as written.
    pub keyword: Spanned<String>,
    /// The instruction's text after joining continued lines, comments removed, blanks around it trimmed, as progress prints it.
    /// Of a trigger of ONBUILD: what ONBUILD stores, heredoc bodies included and trailing blanks kept.
    pub original: String,
    /// Flags in the order written, `--from=build` as (`from`, Some(`build`)); known and unknown ones.
    pub flags: Vec<Flag>,
    /// Heredocs in the order of their openers.
    pub heredocs: Vec<Heredoc>,
    /// The comment lines directly above, without `#` and the blanks after it.
    pub comments: Vec<Spanned<String>>,
    /// If an empty line stands among its continued lines: its last line, heredoc bodies aside, where BuildKit's
    /// `NoEmptyContinuation` reports it.
    pub empty_continuation: Option<usize>,
    /// What it says.
    pub kind: Kind,
}

/// `--name` or `--name=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Without the dashes.
    pub name: Spanned<String>,
    /// The text after `=`; `None` if there is no `=`.
    pub value: Option<Spanned<String>>,
}

/// A heredoc and its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc {
    /// The unquoted name.
    pub name: String,
    /// The file descriptor before `<<`; 0 if none is written.
    pub fd: u32,
    /// False if any part of the opener's word is quoted.
    pub expand: bool,
    /// True for `<<-`: leading tabs are already stripped from `body`.
    pub chomp: bool,
    /// The lines between opener and terminator, each with its line break as in the file.
    pub body: String,
    /// The same with the leading tabs that `<<-` strips: what a shell gets that reads the heredoc itself.
    pub raw: String,
    /// Where the body stands, terminator excluded.
    pub span: Span,
}

/// Words of an instruction that takes a JSON list or a shell text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A JSON list: the arguments as they are.
    Exec(Vec<String>),
    /// Anything else: one text for the shell. A lone heredoc opener is kept in the text; see [`Instruction::heredocs`].
    Shell(String),
}

/// `KEY=value`; both still to be expanded, quotes kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyValue {
    /// The raw key.
    pub key: Spanned<String>,
    /// The raw value, quotes and all.
    pub value: Spanned<String>,
    /// False for the old `KEY value` form.
    pub equals: bool,
}

/// One name that an ARG declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgName {
    /// The name.
    pub name: Spanned<String>,
    /// The raw default, still to be expanded.
    pub default: Option<Spanned<String>>,
}

/// Sources and destination of COPY and ADD; words are raw unless they came as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Paths, globs, URLs; heredocs are in [`Transfer::inline`] instead.
    pub sources: Vec<Spanned<String>>,
    /// Indexes into [`Instruction::heredocs`] of the heredocs used as sources, with the raw word that opened each (`<<EOF`).
    pub inline: Vec<(usize, String)>,
    /// Where to.
    pub dest: Spanned<String>,
    /// `--from`, never expanded.
    pub from: Option<Spanned<String>>,
    /// `--chown`, raw.
    pub chown: Option<Spanned<String>>,
    /// `--chmod`, raw.
    pub chmod: Option<Spanned<String>>,
    /// `--link`.
    pub link: bool,
    /// `--parents` (COPY).
    pub parents: bool,
    /// `--exclude`, in order.
    pub exclude: Vec<Spanned<String>>,
    /// `--checksum` (ADD), raw.
    pub checksum: Option<Spanned<String>>,
    /// `--keep-git-dir` (ADD); `None` if absent.
    pub keep_git_dir: Option<bool>,
    /// `--unpack` (ADD); `None` if absent.
    pub unpack: Option<bool>,
}

/// A `RUN --mount`, fields raw; see BuildKit's `commands_runmount.go`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The whole flag.
    pub span: Span,
    /// The `key[=value]` pairs in order, keys in lower case, values raw (still to be expanded).
    pub fields: Vec<(String, Option<String>)>,
}

/// A HEALTHCHECK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// `NONE`: no check, not even the base image's.
    None,
    /// `CMD …` with its options; durations in nanoseconds, 0 where not given.
    Cmd {
        /// What to run.
        command: Command,
        /// `--interval`.
        interval: i64,
        /// `--timeout`.
        timeout: i64,
        /// `--start-period`.
        start_period: i64,
        /// `--start-interval`.
        start_interval: i64,
        /// `--retries`.
        retries: i64,
    },
}

/// What an instruction says. Words are raw (quoted, unexpanded) unless the field says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `FROM [--platform=P] image [AS name]`; `alias` in lower case.
    From {
        /// The base, raw.
        image: Spanned<String>,
        /// The stage's name in lower case.
        alias: Option<Spanned<String>>,
        /// `AS` as written.
        as_keyword: Option<Spanned<String>>,
        /// The stage's name as written.
        written_alias: Option<String>,
        /// `--platform`, raw.
        platform: Option<Spanned<String>>,
    },
    /// `ARG name[=default] …`
    Arg(Vec<ArgName>),
    /// `ENV key=value …`
    Env(Vec<KeyValue>),
    /// `LABEL key=value …`
    Label(Vec<KeyValue>),
    /// `RUN …`
    Run {
        /// What to run.
        command: Command,
        /// `--mount`, in order.
        mounts: Vec<Mount>,
        /// `--network`: `default`, `none` or `host`.
        network: Option<Spanned<String>>,
        /// `--security`: `sandbox` or `insecure`.
        security: Option<Spanned<String>>,
    },
    /// `COPY …`
    Copy(Transfer),
    /// `ADD …`
    Add(Transfer),
    /// `WORKDIR path`
    Workdir(Spanned<String>),
    /// `USER name`
    User(Spanned<String>),
    /// `CMD …`
    Cmd(Command),
    /// `ENTRYPOINT …`
    Entrypoint(Command),
    /// `EXPOSE port …`, raw words.
    Expose(Vec<Spanned<String>>),
    /// `VOLUME path …`, raw words.
    Volume(Vec<Spanned<String>>),
    /// `STOPSIGNAL signal`
    Stopsignal(Spanned<String>),
    /// `HEALTHCHECK …`
    Healthcheck(Health),
    /// `SHELL [...]`, never empty.
    Shell(Vec<String>),
    /// `ONBUILD instruction`: the trigger parsed as an instruction of its own, spans into this file.
    Onbuild(Box<Instruction>),
    /// `MAINTAINER name`
    Maintainer(Spanned<String>),
    /// A keyword that does not exist, or an instruction whose words could not be read; a diagnostic says why.
    Unknown,
}

/// What a stretch of the source is, for highlighting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// `FROM`, `AS`, `NONE`.
    Keyword,
    /// A comment line.
    Comment,
    /// A parser directive's line.
    Directive,
    /// `--from=`, the value excluded.
    Flag,
    /// Quoted text, JSON strings.
    String,
    /// `$NAME`, `${NAME:-x}`.
    Variable,
    /// A heredoc's opener or terminator.
    Heredoc,
    /// A heredoc's body.
    HeredocBody,
    /// `key` of `key=value`, a stage's name, an image.
    Name,
    /// The escape character at a line's end.
    Continuation,
    /// A keyword that does not exist.
    Invalid,
    /// Anything else, blanks included.
    Text,
}

/// A stretch of the source. Tokens cover the source without gap or overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: TokenKind,
}

/// What [`crate::parse`] makes of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parse {
    /// What could be read.
    pub dockerfile: Dockerfile,
    /// What is wrong, in the order of the text.
    pub diagnostics: Vec<crate::Diagnostic>,
    /// Every byte of the source, once.
    pub tokens: Vec<Token>,
}
