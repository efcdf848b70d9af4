//! Images as archives: `docker save` and `docker load`.

use super::super::{Daemon, Refusal};
use super::StoredImage;
use super::add::stored;
use builder::Fidelity;
use oci::{Digest, Reference, Time};
use std::io::{BufRead, Write};
use store::layout::{Layout, Loaded, Packing, Tagged, load_archive};
use store::{BlobStore, Limits};

/// An image that an archive gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedImage {
    /// The image.
    pub id: Digest,
    /// The names it has by it: `Loaded image: NAME`; with none, `Loaded image ID: ID`.
    pub names: Vec<Reference>,
    /// The names that another image lost by it, with that image.
    pub lost: Vec<(Reference, Digest)>,
}

impl Daemon {
    /// Writes an archive of the images that go by `names`: an OCI layout with Docker's `manifest.json`, as `docker save`
    /// writes it. A name with a tag takes that name along, a bare repository all its tags, an ID none.
    ///
    /// Layers are written one by one; nothing but the documents is held in memory.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchImage`] before anything is written; [`Refusal::Layer`] if `sink` fails.
    pub fn save(&self, names: &[String], blobs: &mut dyn BlobStore, sink: &mut dyn Write) -> Result<(), Refusal> {
        let mut images: Vec<(Digest, Vec<Reference>)> = Vec::new();
        for name in names {
            for (id, reference) in self.saved(name)? {
                let place = images.iter().position(|(known, _)| *known == id).unwrap_or_else(|| {
                    images.push((id, Vec::new()));
                    images.len() - 1
                });
                let known = &mut images[place].1;
                known.extend(reference.filter(|reference| !known.contains(reference)));
            }
        }
        let tagged: Vec<Tagged> = images
            .into_iter()
            .map(|(id, names)| Tagged {
                image: (*self.images.by_id[&id].image).clone(),
                names,
            })
            .collect();
        Ok(Layout::new(&tagged, Packing::Plain, blobs)?.write_tar(blobs, sink)?)
    }

    /// What a name takes into an archive.
    fn saved(&self, name: &str) -> Result<Vec<(Digest, Option<Reference>)>, Refusal> {
        let wanted = Reference::parse(name).ok();
        let is_bare = |wanted: &&Reference| wanted.tag().is_none() && wanted.digest().is_none();
        if let Some(wanted) = wanted.as_ref().filter(is_bare) {
            let of_repository = self.images.names.iter();
            let tags: Vec<(Digest, Option<Reference>)> = of_repository
                .filter(|(known, _)| known.digest().is_none() && known.name() == wanted.name())
                .map(|(known, id)| (*id, Some(known.clone())))
                .collect();
            if !tags.is_empty() {
                return Ok(tags);
            }
        }
        let found = self.image(name)?.id;
        let tag = wanted.filter(|wanted| wanted.tag().is_some() && wanted.digest().is_none());
        Ok(vec![(found, tag)])
    }

    /// Takes in the images of an archive: of `docker save`, old or new, or an OCI layout; packed or not, its layers packed
    /// or not.
    ///
    /// # Errors
    ///
    /// [`Refusal::Layout`] for a bad archive; then no image and no name of it is taken in.
    pub fn load(
        &mut self,
        source: Box<dyn BufRead + '_>,
        limits: &Limits,
        now: Time,
        blobs: &mut dyn BlobStore,
    ) -> Result<Vec<LoadedImage>, Refusal> {
        let found = load_archive(source, None, limits, blobs)?;
        self.add_loaded(found, now, blobs)
    }

    /// Takes in images that were read from an archive, under the names they had there.
    ///
    /// # Errors
    ///
    /// [`Refusal::Tree`] if the layers of one make no filesystem; then none is taken in.
    pub fn add_loaded(
        &mut self,
        found: Vec<Loaded>,
        now: Time,
        blobs: &mut dyn BlobStore,
    ) -> Result<Vec<LoadedImage>, Refusal> {
        // All of them must be sound before the first is taken in.
        let images: Vec<(StoredImage, Vec<Reference>)> = found
            .into_iter()
            .map(|loaded| Ok((stored(loaded.image, Fidelity::Exact, blobs)?, loaded.names)))
            .collect::<Result<_, Refusal>>()?;
        let mut report = Vec::new();
        for (image, names) in images {
            let id = self.put_image(image);
            let names: Vec<Reference> = names.into_iter().map(Reference::or_latest).collect();
            let mut lost = Vec::new();
            for name in &names {
                let before = self.images.names.get(name).copied().filter(|before| *before != id);
                lost.extend(before.map(|before| (name.clone(), before)));
                self.name(id, name.clone(), now);
            }
            report.push(LoadedImage { id, names, lost });
        }
        Ok(report)
    }
}
