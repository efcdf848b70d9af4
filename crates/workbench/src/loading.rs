//! Archives of images that lie somewhere, and are not taken into memory.

use crate::problems;
use messages::Problem;
use std::fmt::Write as _;
use std::rc::Rc;
use store::layout::{Loaded, load_source};
use store::{LentBlobs, Limits, ReadAt, Source};

/// As [`crate::Workbench::load`].
pub(crate) fn load(
    name: &str,
    archive: Rc<dyn ReadAt>,
    blobs: &mut LentBlobs,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Vec<Loaded>, Box<Problem>> {
    let mut filled = blobs.clone();
    let loaded = load_source(&Source::of(archive), None, &Limits::default(), &mut filled, progress)
        .map_err(|error| Box::new(problems::plain("load", &format!("{name}: {error}"))))?;
    *blobs = filled;
    Ok(loaded)
}

/// What `docker load` prints: a line for each name, one for an image without any.
pub(crate) fn said_of_loaded(loaded: &[Loaded]) -> String {
    let mut text = String::new();
    for Loaded { image, names } in loaded {
        for name in names {
            writeln!(text, "Loaded image: {}", name.familiar()).expect("writing to a string cannot fail");
        }
        if names.is_empty() {
            writeln!(text, "Loaded image ID: {}", image.id()).expect("writing to a string cannot fail");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci::{ImageConfig, Platform};
    use std::sync::Arc;
    use store::layout::{Layout, Packing, Tagged};
    use store::{BlobStore, Changeset, Content, Image, Layer, Meta, Node, Tree, TreePath, diff};

    fn image(blobs: &mut LentBlobs, text: &str) -> Image {
        let digest = blobs.put(text.as_bytes()).expect("memory takes it");
        let size = text.len() as u64;
        let mut tree = Tree::new();
        let file = Node::file(Meta::of_mode(0o644), Content::Blob { digest, size });
        tree.insert(&TreePath::parse("f").expect("a good path"), file)
            .expect("a root");
        let changes: Changeset = diff(&Tree::new(), &tree);
        let layer = Layer::make(changes, None, blobs).expect("a layer");
        let config = ImageConfig {
            platform: Platform::linux_amd64(),
            ..ImageConfig::default()
        };
        Image::new(config, vec![layer])
    }

    /// An archive with an image of two names and one of none.
    fn archive() -> Vec<u8> {
        let mut blobs = LentBlobs::default();
        let names = ["app:1", "registry.example.com/app:1"].map(|name| name.parse().expect("a name"));
        let tagged = [("one", names.to_vec()), ("two", Vec::new())].map(|(text, names)| Tagged {
            image: image(&mut blobs, text),
            names,
        });
        let mut tar = Vec::new();
        let layout = Layout::new(&tagged, Packing::Gzip, &mut blobs).expect("a layout");
        layout.write_tar(&blobs, &mut tar).expect("memory takes it");
        tar
    }

    fn lying(bytes: Vec<u8>) -> Rc<dyn ReadAt> {
        Rc::new(Arc::<[u8]>::from(bytes))
    }

    #[test]
    fn what_is_loaded_is_said_as_docker_says_it() {
        let mut blobs = LentBlobs::default();
        let loaded = load("app.tar", lying(archive()), &mut blobs, &mut |_, _| {}).expect("an archive");
        let nameless = loaded[1].image.id();
        assert_eq!(
            said_of_loaded(&loaded),
            format!("Loaded image: app:1\nLoaded image: registry.example.com/app:1\nLoaded image ID: {nameless}\n")
        );
        for Loaded { image, .. } in &loaded {
            assert_eq!(store::validate(image, &blobs), []);
        }
    }

    #[test]
    fn an_archive_that_is_refused_leaves_nothing_behind() {
        let mut bytes = archive();
        let whole = load(
            "app.tar",
            lying(bytes.clone()),
            &mut LentBlobs::default(),
            &mut |_, _| {},
        );
        // The first image is good, the second's config is another.
        let second = whole.expect("an archive").pop().expect("two images").image.config_bytes;
        let at = bytes.windows(second.len()).position(|part| part == second);
        bytes[at.expect("the config is there")] = b' ';
        let mut blobs = LentBlobs::default();
        let kept = blobs.put(b"kept").expect("memory takes it");
        let problem = load("app.tar", lying(bytes), &mut blobs, &mut |_, _| {}).expect_err("it is refused");
        assert!(problem.message.starts_with("app.tar: "), "{}", problem.message);
        assert!(blobs.has(&kept) && !blobs.has(&oci::Digest::of(b"one")));
    }
}
