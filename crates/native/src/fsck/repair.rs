//! Repairing a store: what can be made again is, and what is broken loses its name, so that it is fetched or built again.

use super::check::{Report, check};
use crate::atomic::write_file;
use crate::cache_file;
use crate::disk::DiskBlobs;
use crate::images;
use crate::layers;
use crate::references::{self, References};
use crate::state::State;
use oci::{Descriptor, DiffId};
use std::fs;
use std::io;
use std::path::Path;
use store::{BlobStore, Layer, LayerSource, Limits};

/// Repairs everything that is wrong. Whoever calls it uses the store alone. Returns what was done, a sentence each.
///
/// # Errors
///
/// If the disk refuses.
pub(super) fn repair(state: &State, blobs: &mut DiskBlobs) -> io::Result<Vec<String>> {
    let mut done = Vec::new();
    let report = check(state, blobs, || {})?;
    for path in &report.leftovers {
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        } else {
            fs::remove_file(path)?;
        }
        done.push(format!("removed {}", path.display()));
    }
    // With its files, which may be all that is left of something.
    for folder in report.lost_containers.keys() {
        put_away(state, folder, &mut done)?;
    }
    for path in &report.strays {
        put_away(state, path, &mut done)?;
    }
    for digest in report.bad_blobs.keys() {
        put_away(state, &blobs.folder().join(digest.hex()), &mut done)?;
    }
    let references = references::read(state, blobs)?;
    make_blobs(&references, blobs, &mut done)?;
    make_lists(state, &references, &report, blobs, &mut done)?;
    drop_names(state, &check(state, blobs, || {})?, &mut done)?;
    Ok(done)
}

/// Moves a file out of the way, where a person can look at it.
fn put_away(state: &State, path: &Path, done: &mut Vec<String>) -> io::Result<()> {
    fs::create_dir_all(state.quarantine())?;
    let name = path.file_name().unwrap_or_default();
    fs::rename(path, state.quarantine().join(name))?;
    done.push(format!("moved {} to {}", path.display(), state.quarantine().display()));
    Ok(())
}

/// Writes blobs of layers again that come out of what the layers list.
fn make_blobs(references: &References, blobs: &mut DiskBlobs, done: &mut Vec<String>) -> io::Result<()> {
    for (diff_id, descriptor) in layers_of(references) {
        if blobs.has(&descriptor.digest) {
            continue;
        }
        let Some(layer) = layers::find(diff_id, descriptor.clone(), None, blobs) else {
            continue;
        };
        if layer.source != LayerSource::Changes || layers::read(&layers::place(blobs, diff_id)).is_err() {
            continue;
        }
        // What it lists may be gone too: then the layer cannot be made.
        if blobs.put_written(|blobs, sink| layer.write_blob(blobs, sink)).is_ok() {
            done.push(format!("wrote blob {} again", descriptor.digest));
        }
    }
    blobs.sync()
}

/// Makes lists again from the blobs of their layers; those of which there is no blob are put away.
fn make_lists(
    state: &State,
    references: &References,
    report: &Report,
    blobs: &mut DiskBlobs,
    done: &mut Vec<String>,
) -> io::Result<()> {
    for diff_id in report.bad_lists.keys() {
        let place = layers::place(blobs, *diff_id);
        put_away(state, &place, done)?;
        let of_it = layers_of(references).filter(|(other, _)| other == diff_id);
        for (_, descriptor) in of_it {
            let made = Layer::read(descriptor, Some(*diff_id), &Limits::default(), blobs);
            if made.is_ok_and(|layer| layers::keep(&layer, blobs).is_ok()) {
                done.push(format!("made the list of layer {diff_id} again"));
                break;
            }
        }
    }
    blobs.sync()
}

/// The layers of all images, and the blobs of cached ones.
fn layers_of(references: &References) -> impl Iterator<Item = (DiffId, Descriptor)> {
    let parts = references.entries.iter().filter_map(|entry| entry.parts.as_ref().ok());
    let own = parts.flat_map(|parts| &parts.layers);
    let own = own.filter_map(|(diff_id, descriptor)| Some(((*diff_id)?, descriptor.clone())));
    let cached = references.cached.iter();
    own.chain(cached.filter_map(|(diff_id, blob)| Some((*diff_id, blob.clone()?))))
}

/// Takes the names of images that are not whole, and the records of layers that are not.
fn drop_names(state: &State, report: &Report, done: &mut Vec<String>) -> io::Result<()> {
    if !report.bad_entries.is_empty() {
        let mut index = images::read_index(state)?;
        index.manifests.retain(|entry| {
            let is_kept = !report.bad_entries.contains_key(&entry.digest);
            if !is_kept {
                let name = images::name_of(entry).map_or_else(|| entry.digest.to_string(), |name| name.familiar());
                done.push(format!("removed the image {name}"));
            }
            is_kept
        });
        write_file(&images::index_file(state), &index.to_json())?;
    }
    if !report.bad_records.is_empty()
        && let Ok(Some(mut doc)) = cache_file::read_doc(&state.cache_file())
    {
        let dropped = doc.retain(|diff_id, _| !report.bad_records.contains_key(&diff_id));
        cache_file::write_doc(state, &doc)?;
        done.push(format!("removed {dropped} records of the build cache"));
    }
    Ok(())
}
