//! Images and volumes that were kept somewhere while there was no daemon, put back as they were.

use super::super::{Daemon, Volume};
use super::add::is_marked;
use super::{Files, StoredImage};
use builder::Fidelity;
use oci::{Digest, Reference, Time};
use std::sync::Arc;
use store::Image;

impl StoredImage {
    /// An image that a daemon had taken in before. Nothing is computed again: its filesystem is made when somebody looks at it.
    pub fn kept(image: Image, parent: Option<Digest>, tagged: Option<Time>) -> StoredImage {
        let fidelity = if is_marked(&image) || image.is_simulated() {
            Fidelity::Simulated
        } else {
            Fidelity::Exact
        };
        let image = Arc::new(image);
        StoredImage {
            id: image.id(),
            tree: Files::later(image.clone()),
            image,
            fidelity,
            parent,
            tagged,
        }
    }
}

impl Daemon {
    /// Puts an image back, without a name. One that is here already stays as it is.
    pub fn restore_image(&mut self, image: StoredImage) {
        self.put_image(image);
    }

    /// Puts a name back, with a tag or with a digest. One of an image that is not here is dropped.
    pub fn restore_name(&mut self, name: Reference, id: Digest) {
        if self.images.by_id.contains_key(&id) {
            self.images.names.insert(name, id);
        }
    }

    /// Puts a volume back.
    pub fn restore_volume(&mut self, volume: Volume) {
        self.volumes.by_name.insert(volume.name.clone(), volume);
    }

    /// Every name, with a tag or with a digest, and the image it names.
    pub fn names(&self) -> impl Iterator<Item = (&Reference, Digest)> {
        self.images.names.iter().map(|(name, id)| (name, *id))
    }
}

#[cfg(test)]
mod tests {
    use crate::{Daemon, StoredImage};
    use builder::Fidelity;
    use oci::{ImageConfig, Platform, Time};
    use store::{Image, MemoryBlobs};

    #[test]
    fn a_daemon_put_back_together_is_the_one_it_was() {
        let (mut daemon, mut blobs) = (Daemon::default(), MemoryBlobs::default());
        let config = ImageConfig {
            platform: Platform::linux_amd64(),
            ..ImageConfig::default()
        };
        let image = Image::new(config, Vec::new());
        let id = daemon
            .add_image(image, Fidelity::Simulated, &mut blobs)
            .expect("a good image");
        daemon
            .tag(&id.to_string(), &"app:1".parse().expect("a name"), Time::of_secs(3))
            .expect("it is here");
        daemon
            .record_push(&"app:1".parse().expect("a name"), id)
            .expect("it is here");
        let mut again = Daemon::default();
        for stored in daemon.images() {
            let image = (*stored.image).clone();
            again.restore_image(StoredImage::kept(image, stored.parent, stored.tagged));
        }
        for (name, id) in daemon.names() {
            again.restore_name(name.clone(), id);
        }
        again.restore_name("lost".parse().expect("a name"), oci::Digest::of(b"of nothing"));
        assert_eq!(again, daemon);
    }
}
