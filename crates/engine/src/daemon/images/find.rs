//! Finding an image by what a person calls it.

use super::super::{Daemon, Refusal};
use super::StoredImage;
use oci::{Digest, Reference};

impl Daemon {
    /// The image that goes by `name`: `NAME`, `NAME:TAG`, `NAME@DIGEST`, an ID, or the beginning of one. A name comes before
    /// the beginning of an ID.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchImage`], also if several IDs begin so; [`Refusal::Reference`] if it can be no name.
    ///
    /// Source: moby, `daemon/images/image.go`, `GetImage`.
    pub fn image(&self, name: &str) -> Result<&StoredImage, Refusal> {
        let missing = |name: &str| Refusal::NoSuchImage { name: name.to_owned() };
        if let Some(id) = full_id(name) {
            return self.images.by_id.get(&id).ok_or_else(|| missing(name));
        }
        let reference = Reference::parse(name)?.or_latest();
        let named = self.images.names.get(&reference).or_else(|| {
            // With a tag and a digest the digest counts.
            let digest = reference.digest()?;
            let bare = Reference::parse(&reference.name()).ok()?;
            self.images.names.get(&bare.with_digest(digest))
        });
        if let Some(image) = named.and_then(|id| self.images.by_id.get(id)) {
            return Ok(image);
        }
        let mut found = self.images.by_id.values().filter(|image| is_prefix(image.id, name));
        match (found.next(), found.next()) {
            (Some(image), None) => Ok(image),
            _ => Err(missing(&reference.familiar())),
        }
    }

    /// The image with this ID.
    pub fn image_by_id(&self, id: Digest) -> Option<&StoredImage> {
        self.images.by_id.get(&id)
    }

    /// The image under exactly this name, `latest` if it has no tag: for builds and pulls.
    pub fn image_named(&self, name: &Reference) -> Option<&StoredImage> {
        let id = self.images.names.get(&name.clone().or_latest())?;
        self.images.by_id.get(id)
    }
}

fn full_id(text: &str) -> Option<Digest> {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    (hex.len() == 64)
        .then(|| format!("sha256:{hex}").parse().ok())
        .flatten()
}

/// Whether `text` is the beginning of an ID, with or without `sha256:`.
pub(super) fn is_prefix(id: Digest, text: &str) -> bool {
    let text = text.strip_prefix("sha256:").unwrap_or(text);
    !text.is_empty() && id.hex().starts_with(text)
}
