//! `docker push`.

use super::bars::Bars;
use super::progress::{Progress, To, announce};
use super::{Done, Fail, SUCCESS, Session, helper, names, pull};
use crate::words::Call;
use oci::{DiffId, Digest, Reference};
use registry::client::{Client, PushOptions};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn push(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let reference = names::reference(&call.arguments[0])?;
    if reference.digest().is_some() {
        return Err(Fail::new("cannot push a digest reference"));
    }
    let to = if call.on("quiet") { To::Nowhere } else { To::Out };
    if call.on("all-tags") {
        if reference.tag().is_some() {
            return Err(Fail::new("tag can't be used with --all-tags/-a"));
        }
        let tagged = tags_of(session, &reference);
        if tagged.is_empty() {
            return Err(refuse(session, &reference, to, &missing(&reference)));
        }
        for reference in &tagged {
            send(session, reference, to)?;
        }
        if to == To::Nowhere {
            session.console.line(&reference.name());
        }
        return Ok(SUCCESS);
    }
    if reference.tag().is_none() && to == To::Out {
        announce(session, "Using default tag: latest");
    }
    let reference = reference.or_latest();
    send(session, &reference, to)?;
    if to == To::Nowhere {
        session.console.line(&reference.to_string());
    }
    Ok(SUCCESS)
}

fn tags_of(session: &Session<'_, '_>, repository: &Reference) -> Vec<Reference> {
    let ids = session.daemon.images().map(|image| image.id);
    let names = ids.flat_map(|id| session.daemon.repo_tags(id));
    let tagged = names.filter_map(|name| Reference::parse(&name).ok());
    tagged.filter(|name| name.name() == repository.name()).collect()
}

fn missing(reference: &Reference) -> String {
    format!(
        "An image does not exist locally with the tag: {}",
        reference.familiar_name()
    )
}

/// Says where it would have been pushed, as Docker does before it looks whether there is anything to push.
fn refuse(session: &mut Session<'_, '_>, reference: &Reference, to: To, message: &str) -> Fail {
    if to == To::Out {
        announce(
            session,
            &format!("The push refers to repository [{}]", reference.name()),
        );
    }
    Fail::new(message)
}

/// Pushes one name.
///
/// # Errors
///
/// What the registry says, or that there is no such image.
pub(crate) fn send(session: &mut Session<'_, '_>, reference: &Reference, to: To) -> Result<(), Fail> {
    let Some(stored) = session.daemon.image_named(reference) else {
        let message = if tags_of(session, reference).is_empty() {
            missing(reference)
        } else {
            format!("tag does not exist: {}", reference.familiar())
        };
        return Err(refuse(session, reference, to, &message));
    };
    let image = stored.image.clone();
    let image = match session.transport.lanes() {
        Some(mut lanes) => lanes.gzip(&image, session.blobs),
        None => image.gzipped(session.blobs),
    };
    let image = image.map_err(|error| Fail::new(error.to_string()))?;
    let credentials = helper::logins(session, reference.registry())?;
    let holders = holders(session, reference);
    let diff_ids: BTreeMap<Digest, DiffId> = image
        .layers
        .iter()
        .map(|layer| (layer.descriptor.digest, layer.diff_id))
        .collect();
    let sources = |digest: &Digest| -> Vec<String> {
        let found = diff_ids.get(digest).and_then(|diff_id| holders.get(diff_id));
        found.into_iter().flatten().cloned().collect()
    };
    let mut progress = Progress {
        console: session.console,
        wire: session.wire,
        to,
        live: session.host.progress(),
        bars: session.host.redraws().then(Bars::default),
        began: false,
    };
    let mut client = Client {
        transport: session.transport,
        host: &mut progress,
        credentials: &credentials,
        config: session.registries,
    };
    let options = PushOptions {
        sources: &sources,
        chunk_bytes: None,
    };
    let pushed = client.push(&image, reference, &options, session.blobs);
    let began = progress.began;
    let pushed = pushed.map_err(|error| pull::said(&error, began))?;
    progress.line(&format!(
        "{}: digest: {} size: {}",
        pushed.tag, pushed.digest, pushed.size
    ));
    session.daemon.record_push(reference, pushed.digest)?;
    Ok(())
}

/// For each layer the repositories of the same registry that hold it: those an image with it was pulled from or pushed to.
fn holders(session: &Session<'_, '_>, reference: &Reference) -> BTreeMap<DiffId, BTreeSet<String>> {
    let mut holders: BTreeMap<DiffId, BTreeSet<String>> = BTreeMap::new();
    for stored in session.daemon.images() {
        let known = session.daemon.repo_digests(stored.id);
        let there: Vec<String> = known
            .iter()
            .filter_map(|name| Reference::parse(name).ok())
            .filter(|name| name.registry() == reference.registry())
            .map(|name| name.repository().to_owned())
            .collect();
        for layer in &stored.image.layers {
            holders.entry(layer.diff_id).or_default().extend(there.iter().cloned());
        }
    }
    holders
}
