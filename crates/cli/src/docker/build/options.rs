//! The flags of `docker build`.

use super::super::{Fail, Session, names, options};
use crate::words::Call;
use oci::{Platform, Reference};
use planner::NoCache;
use std::collections::BTreeMap;
use std::io::Read;

/// No secret is longer, in bytes, as in BuildKit.
const MAX_SECRET: u64 = 500 << 10;

/// How to build, and what becomes of the image.
pub(super) struct Options {
    pub(super) plan: planner::Options,
    /// `-t`.
    pub(super) names: Vec<Reference>,
    /// `--secret`, by identity.
    pub(super) secrets: BTreeMap<String, Vec<u8>>,
    /// `--build-context`: name and path, or name of an image.
    pub(super) contexts: BTreeMap<String, Named>,
}

/// What `--build-context` gives a name to.
pub(super) enum Named {
    /// The files of a directory, ignored ones left out.
    Directory(store::Tree),
    /// Another image.
    Image(String),
}

impl Options {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// What BuildKit's client says of those that make no sense.
    pub(super) fn read(call: &Call, session: &mut Session<'_, '_>) -> Result<Options, Fail> {
        let mut named = Vec::new();
        for tag in call.list("tag") {
            let reference = names::reference(tag).map_err(|_| {
                Fail::new(format!(
                    "ERROR: invalid tag {}: invalid reference format",
                    dockerfile::quote(tag)
                ))
            })?;
            named.push(reference.or_latest());
        }
        if call.on("push") && named.is_empty() {
            return Err(Fail::new("ERROR: tag is needed when pushing to registry"));
        }
        let platform = match call.list("platform") {
            [] => None,
            [one] if !one.contains(',') => Some(options::platform(one)?),
            _ => return Err(Fail::new("ERROR: images of several platforms are not supported here")),
        };
        let build_args = call
            .list("build-arg")
            .iter()
            .filter_map(|arg| match arg.split_once('=') {
                Some((key, value)) => Some((key.to_owned(), value.to_owned())),
                None => session.host.variable(arg).map(|value| (arg.clone(), value)),
            });
        let labels = call
            .list("label")
            .iter()
            .map(|label| label.split_once('=').unwrap_or((label, "")));
        let mut plan = planner::Options {
            target: call
                .text("target")
                .filter(|target| !target.is_empty())
                .map(str::to_owned),
            build_args: build_args.collect(),
            labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            platform,
            no_cache: if call.on("no-cache") {
                NoCache::Always
            } else {
                NoCache::Never
            },
            ..planner::Options::new(Platform::linux_amd64())
        };
        let contexts = contexts(call, session)?;
        plan.contexts = contexts.keys().cloned().collect();
        Ok(Options {
            plan,
            names: named,
            secrets: secrets(call, session)?,
            contexts,
        })
    }
}

fn contexts(call: &Call, session: &mut Session<'_, '_>) -> Result<BTreeMap<String, Named>, Fail> {
    let mut contexts = BTreeMap::new();
    for text in call.list("build-context") {
        let Some((name, place)) = text.split_once('=') else {
            return Err(Fail::new(format!(
                "ERROR: invalid context value: {text}, expected key=value"
            )));
        };
        let named = if let Some(image) = place.strip_prefix("docker-image://") {
            Named::Image(image.to_owned())
        } else if place.contains("://") {
            return Err(Fail::new(format!(
                "ERROR: build contexts of the kind {place} are not supported here"
            )));
        } else {
            Named::Directory(super::context::directory(session, place)?)
        };
        contexts.insert(name.to_owned(), named);
    }
    Ok(contexts)
}

fn secrets(call: &Call, session: &mut Session<'_, '_>) -> Result<BTreeMap<String, Vec<u8>>, Fail> {
    let mut secrets = BTreeMap::new();
    for text in call.list("secret") {
        let (mut id, mut file, mut variable) = (None, None, None);
        for field in text.split(',') {
            match field.split_once('=') {
                Some(("id", value)) => id = Some(value),
                Some(("src" | "source", value)) => file = Some(value),
                Some(("env", value)) => variable = Some(value),
                Some(("type", "file")) => {}
                Some(("type", "env")) => variable = variable.or(Some("")),
                _ => {
                    return Err(Fail::new(format!(
                        "ERROR: invalid field {} in secret",
                        dockerfile::quote(field)
                    )));
                }
            }
        }
        let Some(id) = id.or(file) else {
            return Err(Fail::new("ERROR: secret missing id"));
        };
        let bytes = match (variable, file) {
            (Some(name), _) => {
                let name = if name.is_empty() { id } else { name };
                session.host.variable(name).map(String::into_bytes)
            }
            (None, Some(path)) => Some(read_secret(session, path)?),
            (None, None) => session.host.variable(id).map(String::into_bytes),
        };
        secrets.extend(bytes.map(|bytes| (id.to_owned(), bytes)));
    }
    Ok(secrets)
}

fn read_secret(session: &mut Session<'_, '_>, path: &str) -> Result<Vec<u8>, Fail> {
    let mut bytes = Vec::new();
    let file = session.open(path).map_err(|_| {
        Fail::new(format!(
            "ERROR: failed to stat {path}: stat {path}: no such file or directory"
        ))
    })?;
    file.take(MAX_SECRET + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Fail::new(format!("ERROR: {path}: {error}")))?;
    if bytes.len() as u64 > MAX_SECRET {
        return Err(Fail::new(format!(
            "ERROR: secret {path} too big. max size {MAX_SECRET} bytes"
        )));
    }
    Ok(bytes)
}
