//! Everything before the first step.

use crate::{Failure, Outside, World, WorldError};
use builder::{Build, Context, Ignore, Sources};
use dockerfile::{Diagnostic, Dockerfile, Parse, Phase, Severity};
use planner::{ImageName, Known, NeededImage, Options, Plan, Resolved, Source};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{BlobStore, Time};

/// What to build.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The text of the Dockerfile.
    pub text: &'a str,
    /// Its path in the context; decides which ignore file counts.
    pub dockerfile: &'a str,
    /// How to build.
    pub options: &'a Options,
    /// The files.
    pub context: &'a dyn Context,
    /// Secrets by their identity.
    pub secrets: &'a BTreeMap<String, Vec<u8>>,
    /// Time of what is made now.
    pub now: Time,
}

/// A build that can begin.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The Dockerfile with its diagnostics, warnings among them.
    pub parse: Parse,
    /// What is known of the images it names.
    pub known: Known,
    /// What is to be done.
    pub plan: Arc<Plan>,
    /// What it is done with.
    pub sources: Arc<Sources>,
    /// The walk, before its first step.
    pub build: Build,
}

/// Reads, finds and plans.
///
/// # Errors
///
/// [`Failure`]: nothing has been built then. Errors of the text come before anything is fetched.
pub fn prepare(request: Request<'_>, world: &mut dyn World, blobs: &mut dyn BlobStore) -> Result<Prepared, Failure> {
    let parse = dockerfile::parse(request.text);
    if let Some(failure) = Failure::of_parse(&parse.diagnostics) {
        return Err(failure);
    }
    let mut sources = Sources {
        secrets: request.secrets.clone(),
        ..Sources::default()
    };
    let known = find_images(&parse.dockerfile, request.options, &mut sources, world, blobs)?;
    let plan = planner::plan(&parse.dockerfile, request.options, &known).map_err(Failure::Text)?;
    fetch(&plan, &mut sources, world, blobs)?;
    if plan.sources.contains(&Source::Context) {
        sources.context = request.context.tree(&ignore(request)?, blobs)?;
    }
    let (plan, sources) = (Arc::new(plan), Arc::new(sources));
    let build = Build::new(plan.clone(), sources.clone(), request.now)?;
    Ok(Prepared {
        parse,
        known,
        plan,
        sources,
        build,
    })
}

/// The rules that keep files out of the context.
fn ignore(request: Request<'_>) -> Result<Ignore, Failure> {
    let Some((_, text)) = request.context.ignore_file(request.dockerfile)? else {
        return Ok(Ignore::default());
    };
    Ok(Ignore::parse(&text).map_err(builder::ContextError::from)?)
}

/// Asks the world until the planner lacks nothing.
fn find_images(
    file: &Dockerfile,
    options: &Options,
    sources: &mut Sources,
    world: &mut dyn World,
    blobs: &mut dyn BlobStore,
) -> Result<Known, Failure> {
    let mut known = Known::new();
    loop {
        let missing = planner::missing_images(file, options, &known).map_err(Failure::Text)?;
        if missing.is_empty() {
            return Ok(known);
        }
        for needed in missing {
            let found = world
                .image(&needed.image, blobs)
                .map_err(|error| unknown(error, &needed))?;
            known.insert(needed.image.clone(), take(found, &needed.image, sources));
        }
    }
}

fn take(found: Outside, name: &ImageName, sources: &mut Sources) -> Resolved {
    match found {
        Outside::Image(base) => {
            let config = Box::new(base.image.config.clone());
            sources.images.insert(name.clone(), base);
            Resolved::Image(config)
        }
        Outside::Directory(tree) => {
            sources.named.insert(name.name.clone(), tree);
            Resolved::Directory
        }
    }
}

fn unknown(error: WorldError, needed: &NeededImage) -> Failure {
    Failure::Text(vec![Diagnostic {
        code: "unknown-image",
        severity: Severity::Error,
        phase: Phase::Plan,
        span: needed.span,
        line: Some(needed.line),
        message: error.message,
        hints: error.hints,
        fix: None,
    }])
}

fn fetch(plan: &Plan, sources: &mut Sources, world: &mut dyn World, blobs: &mut dyn BlobStore) -> Result<(), Failure> {
    for source in &plan.sources {
        match source {
            Source::Url(url) => {
                sources.urls.insert(url.clone(), world.download(url, blobs)?);
            }
            Source::Git(name) => {
                sources
                    .repositories
                    .insert(name.clone(), world.repository(name, blobs)?);
            }
            Source::Image(_) | Source::Context | Source::Named(_) | Source::Inline { .. } | Source::CacheDir { .. } => {
            }
        }
    }
    Ok(())
}
