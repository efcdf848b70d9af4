//! DiffIDs name layers, ChainIDs name stacks of them.

use crate::{Digest, DigestError};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The digest of a layer's uncompressed tar: the name of one changeset.
///
/// Source: OCI image-spec, `config.md`, "Layer DiffID".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DiffId(pub Digest);

/// The digest of an ordered application of layers: the name of the filesystem they make.
///
/// Source: OCI image-spec, `config.md`, "Layer ChainID".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChainId(pub Digest);

impl DiffId {
    /// The DiffID of the layer whose uncompressed tar is `tar`.
    pub fn of(tar: &[u8]) -> DiffId {
        DiffId(Digest::of(tar))
    }
}

impl ChainId {
    /// The ChainID after `layer` is applied on what `below` names; `None` is the empty filesystem.
    pub fn of(below: Option<ChainId>, layer: DiffId) -> ChainId {
        match below {
            None => ChainId(layer.0),
            Some(below) => ChainId(Digest::of(format!("{below} {layer}").as_bytes())),
        }
    }
}

/// The ChainID after each layer, base first.
///
/// As many as there are layers; item `n` names the filesystem that layers `0..=n` make. The first equals the first DiffID.
///
/// # Example
///
/// ```
/// use oci::{DiffId, chain_ids};
///
/// let base = DiffId::of(b"layer 0");
/// let chain = chain_ids(&[base, DiffId::of(b"layer 1")]);
/// assert_eq!(chain[0].0, base.0);
/// assert_ne!(chain[1].0, base.0);
/// ```
pub fn chain_ids(diff_ids: &[DiffId]) -> Vec<ChainId> {
    let mut below = None;
    diff_ids
        .iter()
        .map(|layer| {
            let chain = ChainId::of(below, *layer);
            below = Some(chain);
            chain
        })
        .collect()
}

impl fmt::Display for DiffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for DiffId {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<DiffId, DigestError> {
        text.parse().map(DiffId)
    }
}

impl FromStr for ChainId {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<ChainId, DigestError> {
        text.parse().map(ChainId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_chain_id_hashes_the_one_below_and_the_layer() {
        let layers = [DiffId::of(b"a"), DiffId::of(b"b"), DiffId::of(b"c")];
        let chain = chain_ids(&layers);
        assert_eq!(chain[0].0, layers[0].0);
        assert_eq!(
            chain[1].0,
            Digest::of(format!("{} {}", layers[0], layers[1]).as_bytes())
        );
        assert_eq!(chain[2].0, Digest::of(format!("{} {}", chain[1], layers[2]).as_bytes()));
        assert!(chain_ids(&[]).is_empty());
    }
}
