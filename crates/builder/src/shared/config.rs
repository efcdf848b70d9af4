//! The document.

use oci::{Digest, Time, Timestamp};
use serde::{Deserialize, Serialize};

/// What a cache knows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CacheConfig {
    /// Layers, each on top of another one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<CacheLayer>,
    /// Operations and what they were done to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<CacheRecord>,
}

/// A layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheLayer {
    /// Its blob.
    pub blob: Digest,
    /// The place of the layer below it; -1 for none. BuildKit leaves a 0 out.
    #[serde(default, rename = "parent", skip_serializing_if = "is_zero")]
    pub parent: i64,
}

/// An operation on inputs; or, without any, what something is known by: an image, the checksum of files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheRecord {
    /// What it has made; nothing if nobody kept it.
    #[serde(default, rename = "layers", skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<CacheResult>,
    /// What it has made, where that is some layers of an image that do not lie on each other alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chains: Vec<CacheChain>,
    /// The operation.
    pub digest: Digest,
    /// For each input what it is known by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Vec<CacheInput>>,
}

impl CacheRecord {
    /// For each result the place of its uppermost layer, and when it was made.
    pub(crate) fn tops(&self) -> impl Iterator<Item = (usize, Time)> {
        let results = self
            .results
            .iter()
            .map(|result| (result.layer, created(&result.created_at)));
        let chains = self.chains.iter();
        let chains = chains.filter_map(|chain| Some((*chain.layers.last()?, created(&chain.created_at))));
        results.chain(chains)
    }
}

/// As far as a text says a time.
fn created(text: &str) -> Time {
    let stamp: Option<Timestamp> = text.parse().ok();
    stamp.map(|stamp| stamp.time).unwrap_or_default()
}

/// A filesystem: these layers, base first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheChain {
    /// The places of its layers.
    pub layers: Vec<usize>,
    /// When it was made, as in RFC 3339.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub created_at: String,
}

/// A filesystem: a layer and all below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheResult {
    /// The place of its uppermost layer.
    pub layer: usize,
    /// When it was made, as in RFC 3339.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub created_at: String,
}

/// One of the things that an input is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CacheInput {
    /// What of it is looked at.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub selector: String,
    /// The place of its record.
    pub link: usize,
}

/// Why a document is no cache.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheConfigError {
    /// It is no such JSON.
    #[error("expected a build cache: {0}")]
    Json(#[from] serde_json::Error),
    /// It is larger than any that somebody uses.
    #[error("expected at most {limit} {what} in a build cache, found {found}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: usize,
        /// How much there is.
        found: usize,
    },
    /// It points to what is not there, or in a circle.
    #[error("expected {what} in a build cache to come before what lies on it, found {found}")]
    Place {
        /// What is pointed to.
        what: &'static str,
        /// Where it points.
        found: i64,
    },
}

/// More layers or records are not looked at.
const MAX_ENTRIES: usize = 100_000;
/// More ways to know inputs are not, either.
const MAX_INPUTS: usize = 1_000_000;

impl CacheConfig {
    /// Reads a document. Records may come in any order, as long as none leads to itself.
    ///
    /// # Errors
    ///
    /// [`CacheConfigError`].
    pub fn parse(bytes: &[u8]) -> Result<CacheConfig, CacheConfigError> {
        let config: CacheConfig = serde_json::from_slice(bytes)?;
        config.check()?;
        Ok(config)
    }

    /// The cache of an image that carries its own: only records are told there, layers are the image's.
    ///
    /// # Errors
    ///
    /// [`CacheConfigError`].
    pub fn parse_inline(records: &[u8], layers: &[Digest]) -> Result<CacheConfig, CacheConfigError> {
        let places = layers.iter().zip(-1..);
        let config = CacheConfig {
            layers: places
                .map(|(blob, parent)| CacheLayer { blob: *blob, parent })
                .collect(),
            records: serde_json::from_slice(records)?,
        };
        config.check()?;
        Ok(config)
    }

    /// As JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("digests and numbers have a JSON form")
    }

    fn check(&self) -> Result<(), CacheConfigError> {
        let at_most = |what, limit, found| {
            if found > limit {
                return Err(CacheConfigError::Limit { what, limit, found });
            }
            Ok(())
        };
        at_most("layers", MAX_ENTRIES, self.layers.len())?;
        at_most("records", MAX_ENTRIES, self.records.len())?;
        let inputs = || self.records.iter().flat_map(|record| &record.inputs);
        at_most("inputs", MAX_INPUTS, inputs().map(|input| input.len() + 1).sum())?;
        let chains = self.records.iter().flat_map(|record| &record.chains);
        at_most(
            "layers of results",
            MAX_INPUTS,
            chains.map(|chain| chain.layers.len() + 1).sum(),
        )?;
        for layer in &self.layers {
            if layer.parent < -1 || layer.parent >= self.layers.len() as i64 {
                return Err(outside("layers", layer.parent));
            }
        }
        self.check_chains()?;
        let results = self
            .records
            .iter()
            .flat_map(|record| &record.results)
            .map(|result| result.layer);
        let chained = self.records.iter().flat_map(|record| &record.chains);
        let mut told = results.chain(chained.flat_map(|chain| chain.layers.iter().copied()));
        if let Some(layer) = told.find(|layer| *layer >= self.layers.len()) {
            return Err(outside("layers", layer as i64));
        }
        if let Some(input) = inputs().flatten().find(|input| input.link >= self.records.len()) {
            return Err(outside("records", input.link as i64));
        }
        self.order().map(|_| ())
    }

    /// Whether each layer lies, in the end, on nothing.
    fn check_chains(&self) -> Result<(), CacheConfigError> {
        let mut ends = vec![false; self.layers.len()];
        for first in 0..self.layers.len() {
            let mut above = Vec::new();
            let mut at = first as i64;
            while let Ok(place) = usize::try_from(at)
                && !ends[place]
            {
                // More layers than there are: it has come back to one of them.
                if above.len() == self.layers.len() {
                    return Err(outside("layers", at));
                }
                above.push(place);
                at = self.layers[place].parent;
            }
            for place in above {
                ends[place] = true;
            }
        }
        Ok(())
    }

    /// The places of the records, each after all that lead to it.
    pub(crate) fn order(&self) -> Result<Vec<usize>, CacheConfigError> {
        // Without recursion: a cache may be as deep as it likes.
        let mut order = Vec::new();
        let mut states = vec![State::New; self.records.len()];
        for first in 0..self.records.len() {
            let mut todo = vec![first];
            while let Some(&place) = todo.last() {
                match states[place] {
                    State::Done => {
                        todo.pop();
                    }
                    State::Entered => {
                        states[place] = State::Done;
                        order.push(place);
                        todo.pop();
                    }
                    State::New => {
                        states[place] = State::Entered;
                        for input in self.records[place].inputs.iter().flatten() {
                            match states[input.link] {
                                State::New => todo.push(input.link),
                                State::Entered => return Err(outside("records", input.link as i64)),
                                State::Done => {}
                            }
                        }
                    }
                }
            }
        }
        Ok(order)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Entered,
    Done,
}

fn outside(what: &'static str, found: i64) -> CacheConfigError {
    CacheConfigError::Place { what, found }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(parent: &i64) -> bool {
    *parent == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn parse(layers: &str, records: &str) -> Result<CacheConfig, CacheConfigError> {
        let text = format!("{{\"layers\":[{layers}],\"records\":[{records}]}}").replace('A', A);
        CacheConfig::parse(text.as_bytes())
    }

    #[test]
    fn a_document_as_buildkit_writes_it_is_read_and_written_alike() {
        let text = format!(
            "{{\"layers\":[{{\"blob\":\"{A}\",\"parent\":-1}},{{\"blob\":\"{A}\"}}],\"records\":[\
             {{\"digest\":\"{A}\"}},\
             {{\"layers\":[{{\"layer\":1,\"createdAt\":\"2024-05-06T07:08:09.123456789Z\"}}],\"digest\":\"{A}\",\
             \"inputs\":[[{{\"selector\":\"x\",\"link\":0}},{{\"link\":0}}]]}}]}}"
        );
        let config = CacheConfig::parse(text.as_bytes()).unwrap();
        assert_eq!(config.layers[1].parent, 0);
        assert_eq!(config.records[1].tops().next().unwrap().1.nanos, 123_456_789);
        assert_eq!(String::from_utf8(config.to_json()).unwrap(), text);
    }

    #[test]
    fn what_points_nowhere_or_in_a_circle_is_refused() {
        for (layers, records) in [
            ("{\"blob\":\"A\",\"parent\":0}", ""),
            ("{\"blob\":\"A\",\"parent\":-2}", ""),
            ("{\"blob\":\"A\",\"parent\":7}", ""),
            ("{\"blob\":\"A\",\"parent\":1},{\"blob\":\"A\",\"parent\":0}", ""),
            ("", "{\"digest\":\"A\",\"layers\":[{\"layer\":0}]}"),
            ("", "{\"digest\":\"A\",\"chains\":[{\"layers\":[0]}]}"),
            ("", "{\"digest\":\"A\",\"inputs\":[[{\"link\":1}]]}"),
            ("", "{\"digest\":\"A\",\"inputs\":[[{\"link\":0}]]}"),
            (
                "",
                "{\"digest\":\"A\",\"inputs\":[[{\"link\":1}]]},{\"digest\":\"A\",\"inputs\":[[{\"link\":0}]]}",
            ),
        ] {
            let found = parse(layers, records);
            assert!(
                matches!(found, Err(CacheConfigError::Place { .. })),
                "{layers} {records} {found:?}"
            );
        }
        assert!(matches!(parse("{}", ""), Err(CacheConfigError::Json(_))));
    }

    #[test]
    fn layers_come_in_any_order() {
        let config = parse("{\"blob\":\"A\",\"parent\":1},{\"blob\":\"A\",\"parent\":-1}", "").unwrap();
        assert_eq!(config.layers[0].parent, 1);
    }

    #[test]
    fn records_come_after_what_leads_to_them_however_deep() {
        let depth = 50_000;
        let records: Vec<String> = (0..depth)
            .map(|at| match at + 1 {
                next if next < depth => {
                    format!("{{\"digest\":\"A\",\"inputs\":[[{{\"link\":{next}}},{{\"link\":{next}}}]]}}")
                }
                _ => "{\"digest\":\"A\"}".to_owned(),
            })
            .collect();
        let config = parse("", &records.join(",")).unwrap();
        let order = config.order().unwrap();
        assert!(order.iter().rev().copied().eq(0..depth));
    }

    #[test]
    fn more_than_anybody_uses_is_refused() {
        let records = vec!["{\"digest\":\"A\"}"; MAX_ENTRIES + 1].join(",");
        assert!(matches!(
            parse("", &records),
            Err(CacheConfigError::Limit { what: "records", .. })
        ));
    }
}
