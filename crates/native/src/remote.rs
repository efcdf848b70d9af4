//! Builds on other machines: `--builder` sends the build to a BuildKit worker, and the image comes back.
//!
//! The worker's own Dockerfile frontend reads the Dockerfile, as its users expect: what `# syntax` asks for, its emulators
//! and its cache are its own. Files go there by BuildKit's file transfer, so that only what changed since the last build is
//! sent. Of several builders, a build goes to the same one every time: see [`order`].
//!
//! What it does not do: several platforms at once, credentials for private base images.

mod address;
mod connect;
mod context;
mod control;
mod docker;
mod follow;
mod frontend;
#[cfg(all(test, feature = "peers"))]
mod peers;
mod receive;
mod refusal;
mod session;
mod spread;
mod status;
mod transfer;

pub use address::{Builder, BuilderArgs, Route, Tls};
pub use spread::order;

use crate::args::{BuildArgs, ContextSource, Entitlement, NetworkMode, PreviewArgs};
use crate::failure::Failure;
use crate::input::Input;
use crate::job::{Job, project};
use crate::layout::find_root;
use crate::logins::Logins;
use crate::progress::Printer;
use crate::request;
use crate::session::Session;
use crate::terminal::Terminal;
use context::Shared;
use control::{Order, Worker};
use oci::{Digest, Platform};
use planner::Options;
use session::{Offer, Registries};
use status::Steps;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use store::Image;
use tokio::runtime::Runtime;

/// Builds on the first of the builders that answers, in the order of this build's name, and keeps and writes the image as a
/// build on this machine does.
///
/// # Errors
///
/// [`Failure`]: no builder answers, the build fails there, or its result cannot be kept. No output has been written then.
pub fn build(args: &BuildArgs, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    if args.sandbox.preview_report.is_some() {
        return Err(Failure::usage(
            "expected no --preview-report with --builder: its worker plans the build",
        ));
    }
    if args
        .caches
        .from
        .iter()
        .chain(&args.caches.to)
        .any(|cache| cache.kind == "local")
    {
        return Err(Failure::usage(
            "expected no caches of type=local with --builder: its worker does not see folders of this machine",
        ));
    }
    #[cfg(feature = "s3")]
    if args.caches.store.is_some() {
        return Err(Failure::usage(
            "expected no --store with --builder: its worker has a store of its own",
        ));
    }
    let job = Job::read(&args.common, terminal)?;
    let agents = request::agents(&args.sandbox.ssh, terminal.environment)?;
    let folders = folders(job.args, &job.input)?;
    let layouts = layouts(job.args, &job.options)?;
    let project = project(job.args);
    let mut session = job.open(terminal)?;
    let runtime = Runtime::new().map_err(|error| Failure::new(format!("could not start: {error}")))?;
    let builders = args
        .remote
        .builders
        .iter()
        .map(|builder| builder.found(terminal.environment));
    let builders: Vec<Builder> = builders
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::usage(error.to_string()))?;
    let (builder, worker) = runtime.block_on(reach(&builders, &project, terminal))?;
    if !job.args.input.build_contexts.is_empty() && !runtime.block_on(worker.is_recent()) {
        // An older one would take no notice of them, and build something else.
        return Err(Failure::new(format!(
            "expected BuildKit 0.11 or newer at {builder} for --build-context, found an older one"
        )));
    }
    let order = order_of(args, &job, builder, &project, &layouts)?;
    let spooled = |error: io::Error| Failure::new(format!("could not keep the result: {error}"));
    let archive = receive::spool(&session.state.layout()).map_err(spooled)?;
    let offer = Offer {
        folders,
        layouts: layouts
            .into_values()
            .map(|layout| (layout.store, layout.folder))
            .collect(),
        secrets: job.secrets.clone(),
        agents,
        registries: registries(args, &job, terminal)?,
        result: archive.try_clone().map_err(spooled)?,
    };
    let look = job.look(terminal);
    let mut printer = Printer::new(terminal.stderr, look);
    let mut steps = Steps::default();
    let done = runtime.block_on(worker.build(order, offer, &mut |status| steps.update(status, &mut printer)));
    steps.finish(&mut printer);
    // Progress that nobody can read stops no build.
    let _ = printer.finish();
    let response = done.map_err(|status| refusal::failure(&job.input, &status, steps.failed()))?;
    let platform = job.options.platform.as_ref();
    let image = fetch(&runtime, builder, &response, archive, platform, &mut session)?;
    receive::write(&job, image, &steps.outcomes(), &mut session, terminal)
}

/// The logins that the worker may ask for.
fn registries(args: &BuildArgs, job: &Job<'_>, terminal: &Terminal<'_>) -> Result<Registries, Failure> {
    let logins = Logins::read(terminal.environment).map_err(Failure::new)?;
    let names: Vec<String> = job.names.iter().map(ToString::to_string).collect();
    let caches = args.caches.from.iter().chain(&args.caches.to);
    let contexts = args.common.input.build_contexts.iter();
    let contexts = contexts.filter_map(|context| match &context.source {
        ContextSource::Image(name) => Some(name.clone()),
        ContextSource::Directory(_) | ContextSource::Layout { .. } => None,
    });
    let contexts: Vec<String> = contexts.collect();
    let texts = [&job.input.source]
        .into_iter()
        .chain(&names)
        .chain(&contexts)
        .chain(job.options.build_args.iter().map(|(_, value)| value))
        .chain(caches.flat_map(|cache| cache.attributes.values()));
    Ok(Registries::new(logins, texts.map(String::as_str)))
}

/// What the worker is told to build.
fn order_of(
    args: &BuildArgs,
    job: &Job<'_>,
    builder: &Builder,
    project: &str,
    layouts: &BTreeMap<String, OfferedLayout>,
) -> Result<Order, Failure> {
    let mut entitlements = Vec::new();
    if args.sandbox.allow.contains(&Entitlement::Insecure) {
        entitlements.push("security.insecure".to_owned());
    }
    if args.sandbox.allow.contains(&Entitlement::HostNetwork) || job.args.network == NetworkMode::Host {
        entitlements.push("network.host".to_owned());
    }
    Ok(Order {
        frontend: frontend::told(args, &job.input, &job.options, layouts),
        exporter: exporter(job, builder),
        cache_from: args.caches.from.clone(),
        cache_to: args.caches.to.clone(),
        entitlements,
        id: random_id().map_err(|error| Failure::new(format!("could not read /dev/urandom: {error}")))?,
        shared_key: Digest::of(project.as_bytes()).hex(),
    })
}

/// The first builder that answers; those before it are remarked upon.
async fn reach<'a>(
    builders: &'a [Builder],
    project: &str,
    terminal: &mut Terminal<'_>,
) -> Result<(&'a Builder, Worker), Failure> {
    let mut silent = Vec::new();
    for builder in order(builders, project) {
        match Worker::reach(builder).await {
            Ok(worker) => {
                for (builder, error) in silent {
                    terminal.remark(&format!("warning: could not reach builder {builder}: {error}"));
                }
                return Ok((builder, worker));
            }
            Err(error) => silent.push((builder, error)),
        }
    }
    let reasons: Vec<String> = silent
        .iter()
        .map(|(builder, error)| format!("{builder}: {error}"))
        .collect();
    Err(match reasons.len() {
        0 => Failure::usage("expected a builder, found none"),
        1 => Failure::new(format!("could not reach builder {}", reasons[0])),
        _ => Failure::new(format!("could not reach any builder: {}", reasons.join("; "))),
    })
}

/// What the worker may read.
fn folders(args: &PreviewArgs, input: &Input) -> Result<BTreeMap<String, Shared>, Failure> {
    let mut texts = vec![(input.name.clone(), input.source.clone().into_bytes())];
    if !input.ignore.is_empty() {
        texts.push((
            format!("{}.dockerignore", input.name),
            input.ignore.clone().into_bytes(),
        ));
    }
    let context = match &input.folder {
        Some(folder) => Shared::Folder(folder.clone()),
        None => Shared::Texts(Vec::new()),
    };
    let mut folders = BTreeMap::from([
        ("dockerfile".to_owned(), Shared::Texts(texts)),
        ("context".to_owned(), context),
    ]);
    for named in &args.input.build_contexts {
        match &named.source {
            ContextSource::Directory(dir) if dir.is_dir() => {
                folders.insert(named.name.clone(), Shared::Folder(dir.clone()));
            }
            ContextSource::Directory(dir) => {
                return Err(Failure::usage(format!(
                    "failed to get build context {}: stat {}: no such folder",
                    named.name,
                    dir.display()
                )));
            }
            ContextSource::Image(_) | ContextSource::Layout { .. } => {}
        }
    }
    Ok(folders)
}

/// A context that is an OCI layout of this machine, as a worker is told of it.
struct OfferedLayout {
    /// What the worker calls it.
    store: String,
    folder: PathBuf,
    /// The manifest or index of the image.
    root: Digest,
}

/// The OCI layouts that the worker may read, by the names of their contexts.
fn layouts(args: &PreviewArgs, options: &Options) -> Result<BTreeMap<String, OfferedLayout>, Failure> {
    let platform = options.platform.as_ref().unwrap_or(&options.build_platform);
    let mut layouts = BTreeMap::new();
    for (number, named) in args.input.build_contexts.iter().enumerate() {
        if let ContextSource::Layout { dir, which } = &named.source {
            let root = find_root(dir, which.as_deref(), platform)
                .map_err(|error| Failure::usage(format!("failed to get build context {}: {error}", named.name)))?;
            let layout = OfferedLayout {
                store: format!("layout{number}"),
                folder: dir.clone(),
                root,
            };
            layouts.insert(named.name.clone(), layout);
        }
    }
    Ok(layouts)
}

/// In which form the result is wanted. A Docker engine keeps the image itself, and gives it when it is asked.
fn exporter(job: &Job<'_>, builder: &Builder) -> (&'static str, BTreeMap<String, String>) {
    let mut attributes = BTreeMap::new();
    if !job.names.is_empty() {
        let names: Vec<String> = job.names.iter().map(ToString::to_string).collect();
        attributes.insert("name".to_owned(), names.join(","));
    }
    if job.args.outputs.iter().any(|output| output.rewrite_timestamp) {
        attributes.insert("rewrite-timestamp".to_owned(), "true".to_owned());
    }
    let kind = if builder.is_docker() { "moby" } else { "oci" };
    (kind, attributes)
}

/// Has the image in the store: from the archive that the worker sent, or from the engine that keeps it.
fn fetch(
    runtime: &Runtime,
    builder: &Builder,
    response: &BTreeMap<String, String>,
    archive: File,
    platform: Option<&Platform>,
    session: &mut Session,
) -> Result<Image, Failure> {
    if !builder.is_docker() {
        return receive::load(archive, platform, session);
    }
    let keys = ["containerimage.config.digest", "containerimage.digest"];
    let ids = keys.iter().filter_map(|key| response.get(*key));
    // They become parts of paths.
    let ids: Vec<Digest> = ids
        .map(|id| id.parse::<Digest>())
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::new(format!("{builder}: {error}")))?;
    if ids.is_empty() {
        return Err(Failure::new(format!(
            "expected the image's ID from {builder}, found none"
        )));
    }
    let saved = runtime.block_on(docker::save(builder, &ids, archive));
    let archive = saved.map_err(|error| Failure::new(format!("could not fetch the image from {builder}: {error}")))?;
    receive::load(archive, platform, session)
}

/// A name that no other build has: 25 letters and digits, as BuildKit's own are.
fn random_id() -> io::Result<String> {
    let mut bytes = [0; 25];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let letters = b"0123456789abcdefghijklmnopqrstuv";
    Ok(bytes
        .iter()
        .map(|byte| char::from(letters[usize::from(byte % 32)]))
        .collect())
}
