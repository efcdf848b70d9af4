//! Builds on other machines: `--builder` sends the build to a BuildKit worker, and the image comes back.
//!
//! The worker's own Dockerfile frontend reads the Dockerfile, as its users expect: what `# syntax` asks for, its emulators
//! and its cache are its own. Files go there by BuildKit's file transfer, so that only what changed since the last build is
//! sent. Of several builders, a build goes to the same one every time: see [`order`].
//!
//! What it does not do: contexts that are OCI layouts, several platforms at once, credentials for private base images.

mod address;
mod connect;
mod context;
mod control;
mod docker;
mod follow;
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

use crate::args::{ContextSource, NetworkMode, PreviewArgs};
use crate::failure::Failure;
use crate::input::{Input, read_input};
use crate::preview::{check_outputs, look, project};
use crate::progress::Printer;
use crate::request;
use crate::session::Session;
use crate::terminal::Terminal;
use context::Shared;
use control::{Order, Worker};
use oci::{Digest, Platform, Reference};
use planner::{NoCache, Options};
use session::Offer;
use status::Steps;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use store::Image;
use tokio::runtime::Runtime;

/// Builds on the first of `builders` that answers, in the order of this build's name, and keeps and writes the image as a
/// build on this machine does.
///
/// # Errors
///
/// [`Failure`]: no builder answers, the build fails there, or its result cannot be kept. No output has been written then.
pub fn build(args: &PreviewArgs, builders: &[Builder], terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    let options = request::build_options(args, terminal.environment)?;
    let names = request::tags(&args.tags)?;
    let secrets = request::secrets(&args.secrets, terminal.environment)?;
    check_outputs(args)?;
    let input = read_input(&args.input.context, args.input.file.as_deref(), terminal.stdin).map_err(Failure::solve)?;
    let folders = folders(args, &input)?;
    let project = project(args);
    let mut session = Session::open(args.input.root.as_deref(), &project, terminal)?;
    let runtime = Runtime::new().map_err(|error| Failure::new(format!("could not start: {error}")))?;
    let (builder, worker) = runtime.block_on(reach(builders, &project, terminal))?;
    if !args.input.build_contexts.is_empty() && !runtime.block_on(worker.is_recent()) {
        // An older one would take no notice of them, and build something else.
        return Err(Failure::new(format!(
            "expected BuildKit 0.11 or newer at {builder} for --build-context, found an older one"
        )));
    }
    let order = order_of(args, &input, &options, builder, &names, &project)?;
    let spooled = |error: io::Error| Failure::new(format!("could not keep the result: {error}"));
    let archive = receive::spool(&session.state.layout()).map_err(spooled)?;
    let offer = Offer {
        folders,
        secrets: secrets.into_iter().collect(),
        agents: BTreeMap::new(),
        result: archive.try_clone().map_err(spooled)?,
    };
    let mut printer = Printer::new(terminal.stderr, look(args, terminal.colour));
    let mut steps = Steps::default();
    let done = runtime.block_on(worker.build(order, offer, &mut |status| steps.update(status, &mut printer)));
    steps.finish(&mut printer);
    // Progress that nobody can read stops no build.
    let _ = printer.finish();
    let response = done.map_err(|status| refusal::failure(&input, &status, steps.failed()))?;
    let image = fetch(
        &runtime,
        builder,
        &response,
        archive,
        options.platform.as_ref(),
        &mut session,
    )?;
    receive::write(args, &image, &names, &steps.outcomes(), &mut session, terminal)
}

/// What the worker is told to build.
fn order_of(
    args: &PreviewArgs,
    input: &Input,
    options: &Options,
    builder: &Builder,
    names: &[Reference],
    project: &str,
) -> Result<Order, Failure> {
    Ok(Order {
        frontend: frontend(args, input, options),
        exporter: exporter(args, builder, names),
        entitlements: match args.network {
            NetworkMode::Host => vec!["network.host".to_owned()],
            NetworkMode::Default | NetworkMode::None => Vec::new(),
        },
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
            ContextSource::Image(_) => {}
            ContextSource::Layout { .. } => {
                return Err(Failure::usage(format!(
                    "--build-context {}: expected docker-image:// or a folder with --builder, found oci-layout://",
                    named.name
                )));
            }
        }
    }
    Ok(folders)
}

/// What the Dockerfile's frontend is told.
///
/// Source: BuildKit, `frontend/dockerui/config.go`.
fn frontend(args: &PreviewArgs, input: &Input, options: &Options) -> BTreeMap<String, String> {
    let mut told = BTreeMap::from([("filename".to_owned(), input.name.clone())]);
    let mut tell = |key: String, value: String| drop(told.insert(key, value));
    for (name, value) in &options.build_args {
        tell(format!("build-arg:{name}"), value.clone());
    }
    for (key, value) in &options.labels {
        tell(format!("label:{key}"), value.clone());
    }
    if let Some(target) = &options.target {
        tell("target".to_owned(), target.clone());
    }
    if let Some(platform) = &options.platform {
        tell("platform".to_owned(), platform.to_string());
    }
    match &options.no_cache {
        NoCache::Never => {}
        NoCache::Always => tell("no-cache".to_owned(), String::new()),
        NoCache::Stages(stages) => tell("no-cache".to_owned(), stages.join(",")),
    }
    match args.network {
        NetworkMode::Default => {}
        NetworkMode::None => tell("force-network-mode".to_owned(), "none".to_owned()),
        NetworkMode::Host => tell("force-network-mode".to_owned(), "host".to_owned()),
    }
    for named in &args.input.build_contexts {
        let value = match &named.source {
            ContextSource::Image(image) => format!("docker-image://{image}"),
            ContextSource::Directory(_) | ContextSource::Layout { .. } => format!("local:{}", named.name),
        };
        tell(format!("context:{}", named.name), value);
    }
    told
}

/// In which form the result is wanted. A Docker engine keeps the image itself, and gives it when it is asked.
fn exporter(args: &PreviewArgs, builder: &Builder, names: &[Reference]) -> (&'static str, BTreeMap<String, String>) {
    let mut attributes = BTreeMap::new();
    if !names.is_empty() {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        attributes.insert("name".to_owned(), names.join(","));
    }
    if args.outputs.iter().any(|output| output.rewrite_timestamp) {
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
    let id = keys.iter().find_map(|key| response.get(*key));
    let id = id.ok_or_else(|| Failure::new(format!("expected the image's ID from {builder}, found none")))?;
    // It becomes part of a path.
    let digest = id
        .parse::<Digest>()
        .map_err(|error| Failure::new(format!("{builder}: {error}")))?;
    let saved = runtime.block_on(docker::save(builder, &digest.to_string(), archive));
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
