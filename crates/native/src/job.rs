//! One build, from arguments to outputs, whoever runs its commands.

use crate::args::{Destination, Format, OutputKind, OutputSpec, PreviewArgs, Progress};
use crate::atomic::write_file;
use crate::check::failure;
use crate::excerpt::printable;
use crate::failure::Failure;
use crate::input::{Input, read_input};
use crate::outputs::{Metadata, Packed, prepare};
use crate::progress::Look;
use crate::report::Report;
use crate::request;
use crate::rows;
use crate::session::Session;
use crate::terminal::Terminal;
use crate::walk::{Walked, step_failure};
use builder::{Ignore, Timestamps};
use dockerfile::{Diagnostic, Severity};
use engine::{Prepared, Request, World};
use oci::Reference;
use planner::Options;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What is to be built, read and checked.
pub struct Job<'a> {
    /// As a person said it.
    pub args: &'a PreviewArgs,
    /// How the plan is made.
    pub options: Options,
    /// Names of the image.
    pub names: Vec<Reference>,
    /// The Dockerfile and the context.
    pub input: Input,
    /// What commands may read and no image holds, by identity.
    pub(crate) secrets: BTreeMap<String, Vec<u8>>,
}

impl<'a> Job<'a> {
    /// Reads what the arguments name.
    ///
    /// # Errors
    ///
    /// [`Failure`] for arguments that make no sense, and files that cannot be read.
    pub fn read(args: &'a PreviewArgs, terminal: &mut Terminal<'_>) -> Result<Job<'a>, Failure> {
        let options = request::build_options(args, terminal.environment)?;
        let names = request::tags(&args.tags)?;
        let secrets = request::secrets(&args.secrets, terminal.environment)?;
        check_outputs(args)?;
        let input =
            read_input(&args.input.context, args.input.file.as_deref(), terminal.stdin).map_err(Failure::solve)?;
        Ok(Job {
            args,
            options,
            names,
            input,
            secrets: secrets.into_iter().collect(),
        })
    }

    /// Opens what lasts from one build to the next.
    ///
    /// # Errors
    ///
    /// As [`Session::open`].
    pub fn open(&self, terminal: &mut Terminal<'_>) -> Result<Session, Failure> {
        Session::open(self.args.input.root.as_deref(), &project(self.args), terminal)
    }

    /// Everything before the first step, and what the build checks warn of.
    ///
    /// # Errors
    ///
    /// [`Failure`]; nothing has been built then.
    pub fn prepare(
        &self,
        world: &mut dyn World,
        session: &mut Session,
        terminal: &Terminal<'_>,
    ) -> Result<(Prepared, Vec<Diagnostic>), Failure> {
        let context = session.context(&self.input);
        let request = Request {
            text: &self.input.source,
            dockerfile: &self.input.name,
            options: &self.options,
            context: &context,
            secrets: &self.secrets,
            now: terminal.now,
        };
        let prepared = session
            .prepare(request, world)
            .map_err(|error| cannot_begin(&self.input, error))?;
        let warnings = checks(&self.input, &prepared, &self.options)?;
        Ok((prepared, warnings))
    }

    /// How progress is shown.
    pub fn look(&self, terminal: &Terminal<'_>) -> Look {
        look(self.args, terminal.colour)
    }

    /// What becomes of times.
    pub fn timestamps(&self) -> Timestamps {
        timestamps(&self.args.outputs)
    }

    /// Writes what was asked for and prints the result.
    ///
    /// # Errors
    ///
    /// [`Failure`] if an output cannot be written.
    pub fn finish(
        &self,
        prepared: &Prepared,
        warnings: &[Diagnostic],
        walked: &Walked,
        session: &mut Session,
        terminal: &mut Terminal<'_>,
    ) -> Result<(), Failure> {
        let report = rows::report(prepared, walked, &self.names);
        write_outputs(self.args, walked, &self.names, prepared, session, terminal)?;
        if !self.args.quiet {
            print_warnings(warnings, terminal);
        }
        show_result(self.args, &report, terminal)
    }
}

/// What the build checks warn of.
///
/// # Errors
///
/// [`Failure`] if the Dockerfile says that a warning fails its build.
fn checks(input: &Input, prepared: &Prepared, options: &Options) -> Result<Vec<Diagnostic>, Failure> {
    let ignore = Ignore::parse(&input.ignore).map_err(Failure::solve)?;
    let found = engine::check(&input.source, &prepared.parse, options, &prepared.known, &ignore);
    match found.iter().find(|finding| finding.severity == Severity::Error) {
        Some(error) => Err(failure(input, error)),
        None => Ok(found),
    }
}

/// As `docker build` prints them when it is done.
fn print_warnings(warnings: &[Diagnostic], terminal: &mut Terminal<'_>) {
    match warnings.len() {
        0 => return,
        1 => terminal.remark("1 warning found (layerlab check shows it in full):"),
        count => terminal.remark(&format!("{count} warnings found (layerlab check shows them in full):")),
    }
    for warning in warnings {
        let line = warning.line.map(|line| format!(" (line {line})")).unwrap_or_default();
        terminal.remark(&format!(" - {}: {}{line}", warning.code, printable(&warning.message)));
    }
    terminal.remark("");
}

/// Refuses outputs that cannot work before anything is built.
fn check_outputs(args: &PreviewArgs) -> Result<(), Failure> {
    let archives = args
        .outputs
        .iter()
        .filter_map(|output| match (output.kind, &output.dest) {
            (OutputKind::Oci | OutputKind::Docker | OutputKind::Tar, Some(Destination::Path(path))) => Some(path),
            _ => None,
        });
    for path in archives.chain(&args.iidfile).chain(&args.metadata_file) {
        if path.is_dir() {
            return Err(Failure::usage(format!(
                "could not write {}: it is a folder",
                path.display()
            )));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(Failure::usage(format!(
                "could not write {}: no such folder: {}",
                path.display(),
                folder.display()
            )));
        }
    }
    Ok(())
}

/// What tells one project from another: where its context and its Dockerfile are.
pub(crate) fn project(args: &PreviewArgs) -> String {
    let place = |path: &Path| {
        path.canonicalize()
            .unwrap_or_else(|_| path.to_owned())
            .display()
            .to_string()
    };
    let file = args.input.file.as_deref().map(place).unwrap_or_default();
    format!("{}\0{file}", place(&args.input.context))
}

fn look(args: &PreviewArgs, colour: bool) -> Look {
    match args.progress {
        _ if args.quiet => Look::Silent,
        Progress::Quiet => Look::Silent,
        Progress::Tty => Look::Colour,
        Progress::Auto if colour => Look::Colour,
        Progress::Auto | Progress::Plain => Look::Plain,
    }
}

fn timestamps(outputs: &[OutputSpec]) -> Timestamps {
    if outputs.iter().any(|output| output.rewrite_timestamp) {
        Timestamps::Rewrite
    } else {
        Timestamps::Keep
    }
}

fn cannot_begin(input: &Input, error: engine::Failure) -> Failure {
    match error.problems().first() {
        Some(problem) => failure(input, problem),
        None => match error {
            engine::Failure::Build(error) => step_failure(input, &error),
            engine::Failure::World(error) => Failure {
                hints: error.hints.clone(),
                ..Failure::solve(error)
            },
            other => Failure::solve(other),
        },
    }
}

/// Writes everything aside, and only then puts it in its place.
fn write_outputs(
    args: &PreviewArgs,
    walked: &Walked,
    names: &[Reference],
    prepared: &Prepared,
    session: &mut Session,
    terminal: &mut Terminal<'_>,
) -> Result<(), Failure> {
    let image = &walked.built.image;
    let mut manifest = image.digest();
    let mut ready = Vec::new();
    if args.outputs.iter().any(|output| output.dest.is_some()) {
        let packed = Packed::new(image, names, &mut session.blobs).map_err(Failure::new)?;
        manifest = packed.image.digest();
        for output in &args.outputs {
            ready.extend(prepare(output, &packed, &mut session.blobs).map_err(Failure::new)?);
        }
    }
    for output in ready {
        let left = output.put(&session.blobs, terminal.stdout).map_err(Failure::new)?;
        if left.simulated > 0 {
            let files = left.simulated;
            terminal.remark(&format!(
                "warning: {files} simulated files have their size but no content"
            ));
        }
    }
    if !names.is_empty() {
        session.keep(&walked.built, names, terminal)?;
    }
    let metadata = Metadata {
        config: image.id(),
        manifest,
        names: names.iter().map(ToString::to_string).collect(),
        steps: rows::steps(&prepared.plan, &walked.steps),
    };
    let write = |path: &Option<PathBuf>, bytes: &[u8]| match path {
        Some(path) => write_file(path, bytes)
            .map_err(|error| Failure::new(format!("could not write {}: {error}", path.display()))),
        None => Ok(()),
    };
    write(&args.metadata_file, &metadata.to_json())?;
    write(&args.iidfile, image.id().to_string().as_bytes())
}

fn show_result(args: &PreviewArgs, report: &Report, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    let stdout_taken = args
        .outputs
        .iter()
        .any(|output| output.dest == Some(Destination::Stdout));
    if stdout_taken {
        return Ok(());
    }
    match (args.quiet, args.input.format) {
        (true, _) => terminal.print(&format!("{}\n", report.image_id)),
        (false, Format::Json) => terminal.print(&report.to_json()),
        (false, Format::Text) => terminal.print(&report.to_text()),
    }
}
