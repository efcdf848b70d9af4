//! `--filter`.

use super::fail::daemon;
use super::{Fail, time};
use oci::Time;

/// `name=value`, as it was typed: names are written small.
pub(crate) fn pairs(filters: &[String]) -> impl Iterator<Item = (String, &str)> {
    filters.iter().map(|filter| {
        let (name, value) = filter.split_once('=').unwrap_or((filter, ""));
        (name.trim().to_lowercase(), value.trim())
    })
}

/// What the daemon says of a filter that it does not know.
pub(crate) fn unknown(name: &str) -> Fail {
    Fail::new(daemon(&format!("invalid filter '{name}'")))
}

/// What the daemon says of a value that it cannot use.
pub(crate) fn wrong(name: &str, value: &str) -> Fail {
    Fail::new(daemon(&format!("invalid filter '{name}={value}'")))
}

/// `true` or `false`, or `1` or `0`.
pub(crate) fn switch(name: &str, value: &str) -> Result<bool, Fail> {
    match value.to_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(wrong(name, value)),
    }
}

/// `key` or `key=value`.
pub(crate) fn label(value: &str) -> (String, Option<String>) {
    match value.split_once('=') {
        Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
        None => (value.to_owned(), None),
    }
}

/// A time, or how long ago.
pub(crate) fn until(value: &str, now: Time) -> Result<Time, Fail> {
    time::parse(value, now).ok_or_else(|| {
        let value = dockerfile::quote(value);
        Fail::new(daemon(&format!("failed to parse value as time or duration: {value}")))
    })
}

/// What `prune` takes: `until` and `label`.
pub(crate) struct PruneFilters {
    pub(crate) until: Option<Time>,
    pub(crate) labels: Vec<(String, Option<String>)>,
}

impl PruneFilters {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// For any other filter, and for `until` where there is none.
    pub(crate) fn read(filters: &[String], takes_until: bool, now: Time) -> Result<PruneFilters, Fail> {
        let mut read = PruneFilters {
            until: None,
            labels: Vec::new(),
        };
        for (name, value) in pairs(filters) {
            match name.as_str() {
                "label" => read.labels.push(label(value)),
                "until" if takes_until => read.until = Some(until(value, now)?),
                _ => return Err(unknown(&name)),
            }
        }
        Ok(read)
    }
}
