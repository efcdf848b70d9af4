//! `s3://BUCKET/PREFIX`.

use crate::args::ArgError;
use std::fmt;
use std::str::FromStr;

/// A part of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The bucket's name: never empty.
    pub bucket: String,
    /// What all keys begin with; no slash at either end, and empty for the whole bucket.
    pub prefix: String,
}

impl FromStr for Location {
    type Err = ArgError;

    fn from_str(text: &str) -> Result<Location, ArgError> {
        const EXPECTED: &str = "s3://BUCKET/PREFIX";
        let rest = text
            .strip_prefix("s3://")
            .ok_or_else(|| ArgError::new(EXPECTED, text))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        let prefix = prefix.trim_end_matches('/');
        let is_path = prefix.is_empty() || prefix.split('/').all(|part| !matches!(part, "" | "." | ".."));
        // The rules of S3 for names of buckets.
        if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(good) || !is_path {
            return Err(ArgError::new(EXPECTED, text));
        }
        Ok(Location {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_bucket_and_a_prefix() {
        let read = |text: &str| text.parse::<Location>().map(|found| (found.bucket, found.prefix));
        let expect = |bucket: &str, prefix: &str| Ok((bucket.to_owned(), prefix.to_owned()));
        assert_eq!(read("s3://team"), expect("team", ""));
        assert_eq!(read("s3://team/"), expect("team", ""));
        assert_eq!(read("s3://team/a/b/"), expect("team", "a/b"));
    }

    #[test]
    fn a_location_that_is_none_is_refused() {
        for text in [
            "",
            "team",
            "s3://",
            "s3:///a",
            "s3://Team/a",
            "s3://ab",
            "s3://team//a",
            "s3://team/../a",
            "s3://te am",
        ] {
            assert!(text.parse::<Location>().is_err(), "{text}");
        }
    }
}
