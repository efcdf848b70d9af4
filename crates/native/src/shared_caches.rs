//! Caches that builds on other machines use, too: what they know is taken in before a build, and given away after it.
//!
//! A cache that cannot be had is remarked upon, and the build goes on without it; one that cannot be given away is an error, as with
//! BuildKit.

mod folder;
mod registry;
#[cfg(feature = "s3")]
mod team;

use crate::args::{CacheArgs, CachePlace, CacheSpec, CacheTarget};
use crate::beyond::Beyond;
use crate::disk::DiskBlobs;
use crate::failure::Failure;
use crate::layers;
#[cfg(feature = "s3")]
use crate::objects::TeamStore;
use crate::progress::{Printer, Took};
use crate::session::Session;
use crate::walk::Walked;
use ::registry::client::{CREATED_AT, CacheDocument, FoundCache, cache_image};
#[cfg(feature = "s3")]
use builder::ExportMode;
use builder::{CacheConfig, Export, Tools};
use engine::Prepared;
use oci::{Descriptor, DiffId, Digest, Platform, Reference, Time, Timestamp, media_type};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Instant;
use store::{BlobStore, Image, Layer, Limits};

/// A place where caches are.
pub(crate) trait Place {
    /// The caches that are there; what has to be read of them goes into `blobs`.
    fn find(&mut self, blobs: &mut dyn BlobStore) -> Result<Vec<FoundCache>, String>;

    /// Reads layers of the caches that were found; what it brings goes into `blobs`.
    fn fetch(
        &mut self,
        layers: &[(Descriptor, DiffId)],
        blobs: &mut dyn BlobStore,
    ) -> Result<BTreeMap<Digest, Layer>, String>;

    /// Leaves a cache there.
    fn put(&mut self, image: &Image, blobs: &mut dyn BlobStore) -> Result<(), String>;
}

/// The places that a build takes from, and those that it gives to.
pub(crate) struct SharedCaches {
    sources: Vec<CachePlace>,
    targets: Vec<CacheTarget>,
    /// Whether the image is one of the places.
    inline: bool,
    /// The store of `--store`, which is both.
    #[cfg(feature = "s3")]
    team: Option<TeamStore>,
}

impl SharedCaches {
    /// What the arguments name.
    ///
    /// # Errors
    ///
    /// [`Failure`] for places that this program does not know.
    pub(crate) fn read(
        args: &CacheArgs,
        #[cfg_attr(not(feature = "s3"), expect(unused_variables, reason = "only a bucket needs it"))]
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<SharedCaches, Failure> {
        let sources = args.from.iter().map(CacheSpec::source);
        let (inline, elsewhere): (Vec<_>, Vec<_>) = args.to.iter().partition(|spec| spec.is_inline());
        let targets = elsewhere.into_iter().map(CacheSpec::target);
        Ok(SharedCaches {
            sources: sources
                .collect::<Result<_, _>>()
                .map_err(|error| Failure::usage(format!("--cache-from: {error}")))?,
            targets: targets
                .collect::<Result<_, _>>()
                .map_err(|error| Failure::usage(format!("--cache-to: {error}")))?,
            inline: !inline.is_empty(),
            #[cfg(feature = "s3")]
            team: args
                .store
                .as_ref()
                .map(|location| TeamStore::open(location, environment))
                .transpose()
                .map_err(|error| Failure::usage(format!("--store: {error}")))?,
        })
    }

    /// Whether the image is to be a cache itself.
    pub(crate) fn inline(&self) -> bool {
        self.inline
    }

    /// Whether there is a place that it gives to.
    pub(crate) fn gives_away(&self) -> bool {
        #[cfg(feature = "s3")]
        if self.team.is_some() {
            return true;
        }
        !self.targets.is_empty()
    }

    /// What lies beyond this machine, the store of `--store` before all else.
    pub(crate) fn reach<'a>(&'a self, beyond: Beyond<'a>) -> Beyond<'a> {
        #[cfg(feature = "s3")]
        let beyond = beyond.with_team(self.team.as_ref());
        beyond
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
        let mut from = |name: &dyn Display, place: &mut dyn Place| {
            let begun = Instant::now();
            printer.begin(&format!("importing cache manifest from {name}"));
            match import(place, prepared, session, now) {
                Ok(Imported { steps, fetched }) => {
                    printer.note(&format!("{steps} steps, {fetched} layers fetched"));
                    printer.done(took(begun));
                }
                Err(why) => printer.failed(&why),
            }
        };
        let platform = &prepared.plan.stages[prepared.plan.target].config.platform;
        for source in &self.sources {
            from(source, open(source, platform, beyond).as_mut());
        }
        #[cfg(feature = "s3")]
        if let Some(team) = &self.team {
            from(team.location(), &mut team::Bucket(team));
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
        #[cfg_attr(not(feature = "s3"), expect(unused_variables, reason = "only a bucket has names"))]
        names: &[Reference],
        blobs: &mut DiskBlobs,
        beyond: &mut Beyond<'_>,
        printer: &mut Printer<'_>,
    ) -> Result<(), Failure> {
        for target in &self.targets {
            let begun = Instant::now();
            printer.begin(&format!("exporting cache to {}", target.place));
            let cache = packed(beyond, walked.build.export(target.mode), blobs);
            let mut place = open(&target.place, &walked.built.image.config.platform, beyond);
            match cache.and_then(|cache| place.put(&cache, blobs).map(|()| cache.digest())) {
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
        #[cfg(feature = "s3")]
        if let Some(team) = &self.team {
            let begun = Instant::now();
            printer.begin(&format!("exporting to {}", team.location()));
            if let Err(why) = share(team, walked, names, blobs, beyond, printer) {
                printer.failed(&why);
                return Err(Failure::new(format!("could not export to {}: {why}", team.location())));
            }
            printer.done(took(begun));
        }
        Ok(())
    }
}

/// Gives a team what a build has learned, if that is anything, and its image under its names.
#[cfg(feature = "s3")]
fn share(
    team: &TeamStore,
    walked: &Walked,
    names: &[Reference],
    blobs: &mut DiskBlobs,
    beyond: &mut Beyond<'_>,
    printer: &mut Printer<'_>,
) -> Result<(), String> {
    let cache = packed(beyond, walked.build.export(ExportMode::Max), blobs)?;
    if walked.steps.iter().any(|step| !step.report.is_cached()) {
        team::Bucket(team).put(&cache, blobs)?;
        printer.note(&format!("writing cache manifest {} done", cache.digest()));
    }
    if !names.is_empty() {
        team::give(team, &walked.built.image, &cache.layers, names, blobs)?;
    }
    for name in names {
        printer.note(&format!("naming to {name} done"));
    }
    Ok(())
}

fn took(begun: Instant) -> Took {
    Took::Real(u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX))
}

/// A place for caches; of an image that is one for several platforms, the one for `platform` counts.
fn open<'b>(place: &CachePlace, platform: &Platform, beyond: &'b mut Beyond<'_>) -> Box<dyn Place + 'b> {
    match place {
        CachePlace::Registry(name) => Box::new(registry::Named {
            name: name.clone(),
            platform: platform.clone(),
            beyond,
            home: None,
        }),
        CachePlace::Folder(path, tag) => Box::new(folder::Folder {
            path: path.clone(),
            tag: tag.clone(),
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
    for found in place.find(&mut session.blobs)? {
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
            return Err(format!(
                "expected layers of at most {limit} bytes, found {}",
                large.size
            ));
        }
        let fetched = place.fetch(&fetch, &mut session.blobs)?;
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
    let mut layer = layers::find(
        diff_id,
        Descriptor::new(media_type::OCI_LAYER, diff_id.0, 0),
        None,
        blobs,
    )?;
    layer.descriptor.size = layer.tar_size;
    (layer.source == store::LayerSource::Changes).then_some(layer)
}

/// A cache as it goes to a place. Layers are compressed on all processors, and what came of it is remembered.
fn packed(beyond: &mut Beyond<'_>, export: Export, blobs: &mut dyn BlobStore) -> Result<Image, String> {
    let created: Vec<Option<Time>> = export.layers.iter().map(|(_, created)| *created).collect();
    let layers: Vec<Layer> = export.layers.iter().map(|(layer, _)| layer.clone()).collect();
    let plain = cache_image(Vec::new(), layers);
    let packed = beyond.with_client(|client| match client.transport.lanes() {
        Some(mut lanes) => lanes.gzip(&plain, blobs),
        None => plain.gzipped(blobs),
    })?;
    let mut layers = packed.map_err(|error| error.to_string())?.layers;
    for (layer, created) in layers.iter_mut().zip(created) {
        let stamp = created.map(|time| {
            Timestamp {
                time,
                offset_minutes: 0,
            }
            .to_string()
        });
        let stamp = stamp.map(|stamp| (CREATED_AT.to_owned(), stamp));
        layer.descriptor.annotations.extend(stamp);
    }
    let config = export.with_layers(layers.clone()).config;
    Ok(cache_image(config.to_json(), layers))
}
