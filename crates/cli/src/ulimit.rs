//! `--ulimit nofile=1024:2048`: how much of a resource a process may use.

use std::str::FromStr;

/// A limit of a resource: one that is known, and no more of it than may be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ulimit {
    /// As `nofile`.
    pub name: String,
    /// What counts; [`u64::MAX`] for no limit.
    pub soft: u64,
    /// As far as it may be raised.
    pub hard: u64,
}

/// Why a text is no limit, in Docker's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UlimitError(String);

const NAMES: [&str; 16] = [
    "as",
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

impl FromStr for Ulimit {
    type Err = UlimitError;

    /// One number is both limits; -1 is no limit.
    ///
    /// Source: docker/go-units, `ulimit.go`.
    fn from_str(text: &str) -> Result<Ulimit, UlimitError> {
        let wrong = |why: String| UlimitError(why);
        let (name, values) = text
            .split_once('=')
            .ok_or_else(|| wrong(format!("invalid ulimit argument: {text}")))?;
        if !NAMES.contains(&name) {
            return Err(wrong(format!("invalid ulimit type: {name}")));
        }
        let number = |value: &str| match value.parse::<i64>() {
            Ok(-1) => Ok(u64::MAX),
            Ok(value) => u64::try_from(value).map_err(|_| wrong(format!("invalid limit: {value}"))),
            Err(_) => Err(wrong(format!("expected a whole number, found {value:?}"))),
        };
        let (soft, hard) = values.split_once(':').unwrap_or((values, values));
        let (soft, hard) = (number(soft)?, number(hard)?);
        if soft > hard {
            return Err(wrong(format!(
                "ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}"
            )));
        }
        Ok(Ulimit {
            name: name.to_owned(),
            soft,
            hard,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_one_number_or_two_of_a_known_resource() {
        let read = |text: &str| text.parse::<Ulimit>().map(|limit| (limit.soft, limit.hard));
        assert_eq!(read("nofile=10"), Ok((10, 10)));
        assert_eq!(read("as=10:20"), Ok((10, 20)));
        assert_eq!(read("core=-1"), Ok((u64::MAX, u64::MAX)));
        for wrong in ["nope=1", "nofile=20:10", "nofile=x", "nofile=-2", "nofile"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
