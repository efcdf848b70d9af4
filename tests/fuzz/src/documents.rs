//! Documents that are read are written, and are read from that as the same documents.

use oci::{ImageConfig, Index, Manifest};

/// The same bytes as a config, a manifest and an index.
pub fn json(bytes: &[u8]) {
    if let Ok(config) = ImageConfig::parse(bytes) {
        assert_eq!(ImageConfig::parse(&config.to_json()), Ok(config));
    }
    if let Ok(manifest) = Manifest::parse(bytes) {
        assert_eq!(Manifest::parse(&manifest.to_json()), Ok(manifest));
    }
    if let Ok(index) = Index::parse(bytes) {
        assert_eq!(Index::parse(&index.to_json()).as_ref(), Ok(&index));
        assert_eq!(Index::parse(&index.to_json_indented()), Ok(index));
    }
}
