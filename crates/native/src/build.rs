//! `layerlab build`: a build for real, every RUN in a sandbox.

use crate::args::{BuildArgs, Entitlement, NetworkMode, parse_bool};
use crate::atomic::write_file;
use crate::beyond::Beyond;
use crate::comparison::{Comparison, Expectations};
use crate::executor::{Caches, HostEntry, SandboxExecutor, Settings};
use crate::failure::Failure;
use crate::git::Git;
use crate::images;
use crate::job::Job;
use crate::live_logs::LiveLogs;
use crate::outside::RealWorld;
use crate::progress::{Printer, Took};
use crate::request;
use crate::session::Session;
use crate::shared_caches::SharedCaches;
use crate::snapshots::{Kept, Snapshots, prune};
use crate::terminal::Terminal;
use crate::walk::{Logs, Walk, Walked};
use engine::{Daemon, Prepared};
use planner::Options;
use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// As many commands run beside each other, if nobody says otherwise: BuildKit knows no limit, and steps of that many stages
/// that wait for a network or a disk do not wait for each other.
const MAX_LANES: NonZeroUsize = NonZeroUsize::new(16).unwrap();

/// As what this program may make sandboxes, or why it may not.
pub type Isolation = Result<sandbox::Entered, sandbox::SandboxError>;

/// Builds, prints, and writes what was asked for.
///
/// # Errors
///
/// [`Failure`]. No output has been written then; what the cache learned is kept.
pub fn build(args: &BuildArgs, isolation: Option<&Isolation>, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    let settings = settings(args, isolation, terminal.environment)?;
    let caches = SharedCaches::read(&args.caches, terminal.environment)?;
    let job = Job::read(&args.common, terminal)?;
    let mut session = job.open(terminal)?;
    session.forget_simulated();
    let machine = session.world(&args.common.input.build_contexts);
    let kept = kept_images(&mut session, terminal)?;
    let mut git = fetcher(&session)?;
    let mut beyond = caches.reach(Beyond::new(terminal.environment, session.state.layout(), &kept));
    let mut world = RealWorld {
        machine: &machine,
        kept: &kept,
        beyond: &mut beyond,
        git: &mut git,
        pull: args.pull,
    };
    let (prepared, warnings) = job.prepare(&mut world, &mut session, terminal)?;
    let mut snapshots = open_snapshots(&session)?;
    let shared = Shared {
        caches: &caches,
        beyond: &mut beyond,
    };
    let (walked, comparison) = walk(
        &job,
        &prepared,
        &settings,
        shared,
        &mut snapshots,
        &mut session,
        terminal,
    );
    // Steps that were done before one failed are done: the next build need not do them again.
    let saved = session.save(terminal);
    if let Some(path) = &args.sandbox.preview_report {
        write_file(path, comparison.to_json().as_bytes())
            .map_err(|error| Failure::new(format!("could not write {}: {error}", path.display())))?;
    }
    let walked = walked?;
    match saved {
        Ok(()) => snapshots.mark_durable(),
        Err(error) => terminal.remark(&format!("warning: the build cache could not be kept: {error}")),
    }
    drop(snapshots);
    job.finish(&prepared, &warnings, &walked, &mut session, terminal)?;
    if !args.common.quiet {
        for line in comparison.surprises() {
            terminal.remark(&line);
        }
    }
    clean_up(&session, terminal);
    Ok(())
}

/// Whether a build argument asks for a cache in the image, as it did before there was `--cache-to`.
fn wants_inline(options: &Options) -> bool {
    let mut given = options
        .build_args
        .iter()
        .filter(|(name, _)| name == "BUILDKIT_INLINE_CACHE");
    given.next_back().and_then(|(_, value)| parse_bool(value)) == Some(true)
}

/// What other machines know, and the way to them.
struct Shared<'s, 'b> {
    caches: &'s SharedCaches,
    beyond: &'s mut Beyond<'b>,
}

/// Walks the build; what came of it is told beside what was expected.
fn walk(
    job: &Job<'_>,
    prepared: &Prepared,
    settings: &Settings,
    shared: Shared<'_, '_>,
    snapshots: &mut Snapshots,
    session: &mut Session,
    terminal: &mut Terminal<'_>,
) -> (Result<Walked, Failure>, Comparison) {
    let look = job.look(terminal);
    let printer = RefCell::new(Printer::new(terminal.stderr, look));
    let Shared { caches, beyond } = shared;
    caches.import(prepared, session, beyond, terminal.now, &mut printer.borrow_mut());
    let expectations = Expectations::of(prepared, session, terminal.now);
    expectations.print(prepared, &mut printer.borrow_mut());
    print_isolation(settings, &mut printer.borrow_mut());
    for base in prepared.sources.images.values() {
        snapshots.add_base(&base.tree);
    }
    let mut live = LiveLogs::new(&printer);
    let mounts = Caches::new(session.state.cache_mounts());
    let mut executor = SandboxExecutor::new(snapshots, mounts, settings, &mut live);
    let walk = Walk {
        input: &job.input,
        prepared,
        timestamps: job.timestamps(),
        now: terminal.now,
        logs: Logs::Live,
        gives_away: caches.gives_away(),
        as_cache: caches.inline() || wants_inline(&job.options),
        printer: &printer,
    };
    let walked = walk.run(&mut executor, session).and_then(|walked| {
        let mut printer = printer.borrow_mut();
        let exported = caches.export(&walked, &job.names, &mut session.blobs, beyond, &mut printer);
        exported.map(|()| walked)
    });
    // Progress that nobody can read stops no build.
    let _ = printer.into_inner().finish();
    let comparison = expectations.compare(prepared, walked.as_ref().ok());
    (walked, comparison)
}

/// Says what commands run in.
fn print_isolation(settings: &Settings, printer: &mut Printer<'_>) {
    printer.begin("[internal] sandbox");
    match &settings.isolation {
        Ok(isolation) => {
            let runtime = settings.runtime.as_ref();
            let by = runtime.map_or_else(String::new, |program| format!("commands by {}; ", program.display()));
            printer.note(&format!("{isolation}; {by}filesystems by overlayfs"));
        }
        Err(why) => printer.note(&format!("none: {why}")),
    }
    printer.done(Took::Real(0));
}

/// The images of this machine, which builds start from.
fn kept_images(session: &mut Session, terminal: &mut Terminal<'_>) -> Result<Daemon, Failure> {
    let loaded = images::load(&session.state, &mut session.blobs)
        .map_err(|error| Failure::new(format!("could not read the images: {error}")))?;
    for warning in &loaded.warnings {
        terminal.remark(&format!("warning: {warning}"));
    }
    Ok(loaded.daemon)
}

fn fetcher(session: &Session) -> Result<Git, Failure> {
    let folder = session.state.repositories();
    Git::new(&folder, session.blobs.lender())
        .map_err(|error| Failure::new(format!("could not open {}: {error}", folder.display())))
}

fn open_snapshots(session: &Session) -> Result<Snapshots, Failure> {
    let folder = session.state.snapshots();
    Snapshots::open(&folder).map_err(|error| Failure::new(format!("could not open {}: {error}", folder.display())))
}

/// Keeps the snapshots few, if nobody else is here: they are only there to save time.
fn clean_up(session: &Session, terminal: &mut Terminal<'_>) {
    let folder = session.state.snapshots();
    let is_alone = session.state.alone().unwrap_or(false);
    if let Some(Err(error)) = is_alone.then(|| prune(&folder, Kept::default())) {
        terminal.remark(&format!("warning: old snapshots could not be removed: {error}"));
    }
}

/// The program of an OCI runtime: a path, or a name that is looked for in the `PATH`.
fn find_runtime(program: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<PathBuf, Failure> {
    if !rustix::process::geteuid().is_root() {
        return Err(Failure::usage(
            "--runtime takes root: without it there is the sandbox that is built in",
        ));
    }
    let found = request::find_program(program, environment);
    found.ok_or_else(|| {
        Failure::usage(format!(
            "expected an OCI runtime, found no program {}",
            program.display()
        ))
    })
}

/// What commands are run with.
///
/// # Errors
///
/// [`Failure`] if an agent or a runtime is wanted that is not there.
fn settings(
    args: &BuildArgs,
    isolation: Option<&Isolation>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Settings, Failure> {
    let agents = request::agents(&args.sandbox.ssh, environment)?;
    let allows = |right| args.sandbox.allow.contains(&right);
    let entry = |host: &crate::args::AddHost| HostEntry {
        name: host.name.clone(),
        address: host.address,
    };
    Ok(Settings {
        isolation: match isolation {
            Some(Ok(entered)) => Ok(entered.to_string()),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("nobody asked for one".to_owned()),
        },
        agents,
        allow_insecure: allows(Entitlement::Insecure),
        allow_host_network: allows(Entitlement::HostNetwork) || args.common.network == NetworkMode::Host,
        shm: args.sandbox.shm_size.map(|bytes| bytes.0),
        ulimits: args
            .sandbox
            .ulimits
            .iter()
            .map(|limit| (limit.name.clone(), limit.soft, limit.hard))
            .collect(),
        cgroup_parent: args.sandbox.cgroup_parent.clone(),
        hosts: args.sandbox.hosts.iter().map(entry).collect(),
        lanes: args.sandbox.jobs.unwrap_or(MAX_LANES).get(),
        runtime: args
            .sandbox
            .runtime
            .as_deref()
            .map(|program| find_runtime(program, environment))
            .transpose()?,
    })
}
