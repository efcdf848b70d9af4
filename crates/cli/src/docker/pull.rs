//! `docker pull`, and pulling what another command needs.

use super::bars::Bars;
use super::progress::{Progress, To, announce};
use super::{Done, Fail, SUCCESS, Session, helper, names, options};
use crate::words::Call;
use builder::Fidelity;
use oci::{Digest, Platform, Reference};
use registry::client::{Client, PullOptions, RegistryError};
use store::{Layer, Limits};

pub(super) fn pull(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let name = &call.arguments[0];
    let reference = names::reference(name)?;
    let named = reference.tag().is_some() || reference.digest().is_some();
    let to = if call.on("quiet") { To::Nowhere } else { To::Out };
    let platform = match call.text("platform").filter(|text| !text.is_empty()) {
        Some(text) => options::platform(text)?,
        None => Platform::linux_amd64(),
    };
    if call.on("all-tags") {
        if named {
            return Err(Fail::new("tag can't be used with --all-tags/-a"));
        }
        for tag in all_tags(session, &reference)? {
            let tagged = reference.with_tag(&tag).map_err(|error| Fail::new(error.to_string()))?;
            fetch(session, &tagged, &platform, to)?;
        }
        session.console.line(&reference.name());
        return Ok(SUCCESS);
    }
    if !named && to == To::Out {
        announce(session, "Using default tag: latest");
    }
    let reference = reference.or_latest();
    fetch(session, &reference, &platform, to)?;
    session.console.line(&reference.to_string());
    Ok(SUCCESS)
}

fn all_tags(session: &mut Session<'_, '_>, reference: &Reference) -> Result<Vec<String>, Fail> {
    let credentials = helper::logins(session, reference.registry())?;
    let mut client = Client {
        transport: session.transport,
        host: session.wire,
        credentials: &credentials,
        config: session.registries,
    };
    client
        .tags(reference)
        .map_err(|error| Fail::new(super::fail::daemon(&error)))
}

/// Pulls an image into the daemon and prints how.
///
/// # Errors
///
/// What the registry or the daemon says.
pub(crate) fn fetch(
    session: &mut Session<'_, '_>,
    reference: &Reference,
    platform: &Platform,
    to: To,
) -> Result<(), Fail> {
    let credentials = helper::logins(session, reference.registry())?;
    let mut progress = Progress {
        console: session.console,
        wire: session.wire,
        to,
        live: session.host.progress(),
        bars: session.host.redraws().then(Bars::default),
        began: false,
    };
    let daemon = &*session.daemon;
    let known = |digest: &Digest| known_layer(daemon, digest);
    let pull_options = PullOptions {
        platform,
        limits: &Limits::default(),
        known: &known,
    };
    let mut client = Client {
        transport: session.transport,
        host: &mut progress,
        credentials: &credentials,
        config: session.registries,
    };
    let pulled = client.pull(reference, &pull_options, session.blobs);
    let began = progress.began;
    let pulled = pulled.map_err(|error| said(&error, began))?;
    let taken = session.daemon.add_pulled(
        pulled.image,
        Fidelity::Exact,
        reference,
        pulled.digest,
        session.now,
        session.blobs,
    )?;
    let status = if taken.is_new {
        "Downloaded newer image for"
    } else {
        "Image is up to date for"
    };
    let mut progress = Progress {
        console: session.console,
        wire: session.wire,
        to,
        live: session.host.progress(),
        bars: session.host.redraws().then(Bars::default),
        began: true,
    };
    progress.line(&format!("Digest: {}", pulled.digest));
    progress.line(&format!("Status: {status} {}", reference.familiar()));
    Ok(())
}

/// What is said of what went wrong: by the daemon, or in the midst of progress.
pub(crate) fn said(error: &RegistryError, began: bool) -> Fail {
    Fail::new(if began {
        error.to_string()
    } else {
        super::fail::daemon(error)
    })
}

/// A layer that some image has, by the digest of its blob.
fn known_layer(daemon: &engine::Daemon, digest: &Digest) -> Option<Layer> {
    let mut layers = daemon.images().flat_map(|image| &image.image.layers);
    layers.find(|layer| layer.descriptor.digest == *digest).cloned()
}
