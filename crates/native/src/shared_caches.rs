//! Caches that builds on other machines use, too: what they know is taken in before a build, and given away after it.
//!
//! A cache that cannot be had is remarked upon, and the build goes on without it; one that cannot be given away is an error, as with
//! BuildKit.

mod folder;
mod registry;

use crate::args::{CacheArgs, CachePlace, CacheTarget};
use crate::beyond::Beyond;
use crate::disk::DiskBlobs;
use crate::failure::Failure;
use crate::layers;
use crate::progress::{Printer, Took};
use crate::session::Session;
use crate::walk::Walked;
use ::registry::client::{CREATED_AT, CacheDocument, cache_image};
use builder::{CacheConfig, Export, Tools};
use engine::Prepared;
use oci::{Descriptor, DiffId, Digest, Time, Timestamp, media_type};
use std::collections::BTreeMap;
use std::time::Instant;
use store::{BlobStore, Image, Layer, Limits};

/// A place where caches are.
pub(crate) trait Place {
    /// What a person calls it.
    fn name(&self) -> String;

    /// The caches that are there.
    fn find(&mut self) -> Result<Vec<Found>, String>;

    /// Reads layers of a cache that was found; what it brings goes into `blobs`.
    fn fetch(
        &mut self,
        found: &mut Found,
        layers: &[(Descriptor, DiffId)],
        blobs: &mut dyn BlobStore,
    ) -> Result<BTreeMap<Digest, Layer>, String>;

    /// Compresses the layers of a cache, as far as they are not.
    fn pack(&mut self, image: &Image, blobs: &mut dyn BlobStore) -> Result<Image, String> {
        image.gzipped(blobs).map_err(|error| error.to_string())
    }

    /// Leaves a cache there.
    fn put(&mut self, image: &Image, blobs: &mut dyn BlobStore) -> Result<(), String>;
}

/// A cache that was found.
pub(crate) struct Found {
    pub(crate) document: CacheDocument,
    /// Layers that it names.
    pub(crate) layers: Vec<(Descriptor, DiffId)>,
    /// What the registry needs to fetch them.
    at: Option<::registry::client::FoundCache>,
}

/// The places that a build takes from, and those that it gives to.
pub(crate) struct SharedCaches {
    sources: Vec<CachePlace>,
    targets: Vec<CacheTarget>,
}

impl SharedCaches {
    /// What the arguments name.
    ///
    /// # Errors
    ///
    /// [`Failure`] for places that this program does not know.
    pub(crate) fn read(args: &CacheArgs) -> Result<SharedCaches, Failure> {
        let sources = args.from.iter().map(|spec| spec.source());
        let targets = args.to.iter().map(|spec| spec.target());
        Ok(SharedCaches {
            sources: sources
                .collect::<Result<_, _>>()
                .map_err(|error| Failure::usage(format!("--cache-from: {error}")))?,
            targets: targets
                .collect::<Result<_, _>>()
                .map_err(|error| Failure::usage(format!("--cache-to: {error}")))?,
        })
    }

    /// Takes in what this build may use.
    pub(crate) fn import(
        &self,
        prepared: &Prepared,
        session: &mut Session,
        beyond: &mut Beyond<'_>,
        now: Time,
        printer: &mut Printer<'_>,
    ) {
        for source in &self.sources {
            let mut place = open(source, beyond, session);
            let begun = Instant::now();
            printer.begin(&format!("importing cache manifest from {}", place.name()));
            match import(place.as_mut(), prepared, session, now) {
                Ok(Imported { steps, fetched }) => {
                    printer.note(&format!("{steps} steps, {fetched} layers fetched"));
                    printer.done(took(begun));
                }
                Err(why) => printer.failed(&why),
            }
        }
    }

    /// Gives away what the build has made.
    ///
    /// # Errors
    ///
    /// [`Failure`] for the first place that does not take it, unless that is to be ignored.
    pub(crate) fn export(
        &self,
        walked: &Walked,
        session: &mut Session,
        beyond: &mut Beyond<'_>,
        printer: &mut Printer<'_>,
    ) -> Result<(), Failure> {
        for target in &self.targets {
            let mut place = open(&target.place, beyond, session);
            let begun = Instant::now();
            printer.begin(&format!("exporting cache to {}", place.name()));
            match export(place.as_mut(), walked.build.export(target.mode), &mut session.blobs) {
                Ok(manifest) => {
                    printer.note(&format!("writing cache manifest {manifest} done"));
                    printer.done(took(begun));
                }
                Err(why) => {
                    printer.failed(&why);
                    if !target.ignore_error {
                        return Err(Failure::new(format!("could not export the cache: {why}")));
                    }
                }
            }
        }
        Ok(())
    }
}

fn took(begun: Instant) -> Took {
    Took::Real(u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX))
}

fn open<'b>(place: &CachePlace, beyond: &'b mut Beyond<'_>, session: &Session) -> Box<dyn Place + 'b> {
    match place {
        CachePlace::Registry(name) => Box::new(registry::Named {
            name: name.clone(),
            beyond,
        }),
        CachePlace::Folder(path, tag) => Box::new(folder::Folder {
            path: path.clone(),
            tag: tag.clone(),
            lender: session.blobs.lender(),
        }),
    }
}

/// How much was taken in.
struct Imported {
    steps: usize,
    fetched: usize,
}

fn import(place: &mut dyn Place, prepared: &Prepared, session: &mut Session, now: Time) -> Result<Imported, String> {
    let mut imported = Imported { steps: 0, fetched: 0 };
    let mut build = prepared.build.clone();
    for mut found in place.find()? {
        let config = match &found.document {
            CacheDocument::Whole(bytes) => CacheConfig::parse(bytes),
            CacheDocument::Inline(records) => {
                let blobs: Vec<Digest> = found.layers.iter().map(|(descriptor, _)| descriptor.digest).collect();
                CacheConfig::parse_inline(records, &blobs)
            }
        };
        let config = config.map_err(|error| error.to_string())?;
        let mut tools = Tools {
            now,
            cache: &mut session.cache,
            blobs: &mut session.blobs,
            executor: None,
        };
        let wanted = build.wanted(&config, &mut tools);
        let told: BTreeMap<Digest, (Descriptor, DiffId)> = found
            .layers
            .iter()
            .map(|layer| (layer.0.digest, layer.clone()))
            .collect();
        let (mut layers, mut missing) = (BTreeMap::new(), BTreeMap::new());
        for at in wanted {
            let Some((descriptor, diff_id)) = told.get(&config.layers[at].blob) else {
                continue;
            };
            match here(*diff_id, &session.blobs) {
                Some(layer) => drop(layers.insert(at, layer)),
                None => drop(missing.insert(at, (descriptor.clone(), *diff_id))),
            }
        }
        let mut fetch: Vec<(Descriptor, DiffId)> = missing.values().cloned().collect();
        fetch.sort_by_key(|(descriptor, _)| descriptor.digest);
        fetch.dedup_by_key(|(descriptor, _)| descriptor.digest);
        let limit = Limits::default().tar_bytes;
        if let Some((large, _)) = fetch.iter().find(|(descriptor, _)| descriptor.size > limit) {
            return Err(format!("expected layers of at most {limit} bytes, found {}", large.size));
        }
        let fetched = place.fetch(&mut found, &fetch, &mut session.blobs)?;
        imported.fetched += fetched.len();
        for (at, (descriptor, diff_id)) in missing {
            // Once it is here it is as one that was made here, if the same tar comes out of it.
            let layer = here(diff_id, &session.blobs).or_else(|| fetched.get(&descriptor.digest).cloned());
            layers.extend(layer.map(|layer| (at, layer)));
        }
        imported.steps += session.cache.import(&config, &layers);
    }
    Ok(imported)
}

/// A layer that this machine can write itself.
fn here(diff_id: DiffId, blobs: &DiskBlobs) -> Option<Layer> {
    let mut layer = layers::find(diff_id, Descriptor::new(media_type::OCI_LAYER, diff_id.0, 0), None, blobs)?;
    layer.descriptor.size = layer.tar_size;
    (layer.source == store::LayerSource::Changes).then_some(layer)
}

/// Gives a cache away; returns the digest of its manifest.
fn export(place: &mut dyn Place, export: Export, blobs: &mut DiskBlobs) -> Result<Digest, String> {
    let created: Vec<Option<Time>> = export.layers.iter().map(|(_, created)| *created).collect();
    let layers: Vec<Layer> = export.layers.iter().map(|(layer, _)| layer.clone()).collect();
    let packed = place.pack(&cache_image(Vec::new(), layers), blobs)?;
    let mut layers = packed.layers;
    for (layer, created) in layers.iter_mut().zip(created) {
        let stamp = created.map(|time| Timestamp { time, offset_minutes: 0 }.to_string());
        let stamp = stamp.map(|stamp| (CREATED_AT.to_owned(), stamp));
        layer.descriptor.annotations.extend(stamp);
    }
    let config = export.with_layers(layers.clone()).config;
    let image = cache_image(config.to_json(), layers);
    place.put(&image, blobs)?;
    Ok(image.digest())
}
