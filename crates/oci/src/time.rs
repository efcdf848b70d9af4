//! Times as the documents write them: RFC 3339.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A time: seconds since the Unix epoch and the nanoseconds past them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub secs: i64,
    /// 0 to 999,999,999.
    pub nanos: u32,
}

/// A time with the distance to UTC it was written with. Written as RFC 3339, in the years 0 to 9999; the nanoseconds
/// without trailing zeros.
///
/// Source: RFC 3339; the text form is that of Go's `time.RFC3339Nano`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Timestamp {
    /// When.
    pub time: Time,
    /// Minutes east of UTC; 0 is written `Z`.
    pub offset_minutes: i16,
}

/// Why a text is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a time like 2006-01-02T15:04:05Z, found {found:?}")]
pub struct TimeError {
    /// What was given, shortened.
    pub found: String,
}

impl Time {
    /// A whole second.
    pub const fn of_secs(secs: i64) -> Time {
        Time { secs, nanos: 0 }
    }

    /// The earlier of the two.
    #[must_use]
    pub fn at_most(self, latest: Time) -> Time {
        self.min(latest)
    }
}

impl From<Time> for Timestamp {
    fn from(time: Time) -> Timestamp {
        Timestamp {
            time,
            offset_minutes: 0,
        }
    }
}

/// RFC 3339 in UTC.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Timestamp::from(*self).fmt(f)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.time.secs.saturating_add(i64::from(self.offset_minutes) * 60);
        let (days, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, day) = civil_of_days(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.time.nanos != 0 {
            let nanos = format!("{:09}", self.time.nanos);
            write!(f, ".{}", nanos.trim_end_matches('0'))?;
        }
        match self.offset_minutes {
            0 => f.write_str("Z"),
            minutes => {
                let sign = if minutes < 0 { '-' } else { '+' };
                write!(f, "{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
            }
        }
    }
}

impl FromStr for Time {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Time, TimeError> {
        text.parse::<Timestamp>().map(|stamp| stamp.time)
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Timestamp, TimeError> {
        read(text.as_bytes()).ok_or_else(|| TimeError {
            found: text.chars().take(60).collect(),
        })
    }
}

fn read(text: &[u8]) -> Option<Timestamp> {
    let fixed = text.get(..19)?;
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|(at, byte)| fixed[*at] != *byte) {
        return None;
    }
    let year = digits(&fixed[0..4])?;
    let month = digits(&fixed[5..7])?;
    let day = digits(&fixed[8..10])?;
    let (hour, minute, second) = (
        digits(&fixed[11..13])?,
        digits(&fixed[14..16])?,
        digits(&fixed[17..19])?,
    );
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (nanos, zone) = read_fraction(&text[19..])?;
    let offset_minutes = read_zone(zone)?;
    let local = days_of_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(Timestamp {
        time: Time {
            secs: local - i64::from(offset_minutes) * 60,
            nanos,
        },
        offset_minutes,
    })
}

/// Nanoseconds, further digits dropped, and what follows them.
fn read_fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let Some(rest) = text.strip_prefix(b".") else {
        return Some((0, text));
    };
    let end = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    let mut nanos = 0;
    for place in 0..9 {
        let digit = rest[..end].get(place).map_or(0, |byte| u32::from(byte - b'0'));
        nanos = nanos * 10 + digit;
    }
    (end > 0).then_some((nanos, &rest[end..]))
}

fn read_zone(text: &[u8]) -> Option<i16> {
    match text {
        b"Z" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = i16::try_from(hours * 60 + minutes).ok()?;
            Some(if *sign == b'-' { -offset } else { offset })
        }
        _ => None,
    }
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0'))
    })
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar, counted in eras of 400 years that start in March.
fn days_of_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of a number of days from 1970-01-01: the reverse of [`days_of_civil`].
fn civil_of_days(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_they_were_read() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2023-11-14T22:13:20Z",
            "2019-03-07T22:19:53.447205048Z",
            "2000-02-29T23:59:59.5Z",
            "1969-12-31T23:59:59Z",
            "0001-01-01T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999999Z",
            "2020-05-05T05:05:05+02:00",
            "2020-05-05T05:05:05.1-03:30",
        ] {
            let stamp: Timestamp = text.parse().expect(text);
            assert_eq!(stamp.to_string(), text);
        }
    }

    #[test]
    fn seconds_count_from_the_epoch() {
        assert_eq!("2023-11-14T22:13:20Z".parse(), Ok(Time::of_secs(1_700_000_000)));
        assert_eq!("1970-01-01T01:00:00+01:00".parse(), Ok(Time::of_secs(0)));
        assert_eq!("0001-01-01T00:00:00Z".parse(), Ok(Time::of_secs(-62_135_596_800)));
        assert_eq!(
            "2020-01-01T00:00:00.000Z"
                .parse::<Timestamp>()
                .map(|t| t.to_string())
                .as_deref(),
            Ok("2020-01-01T00:00:00Z")
        );
        assert_eq!(
            "2020-01-01T00:00:00+00:00"
                .parse::<Timestamp>()
                .map(|t| t.to_string())
                .as_deref(),
            Ok("2020-01-01T00:00:00Z")
        );
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2020",
            "2020-13-01T00:00:00Z",
            "2021-02-29T00:00:00Z",
            "2020-01-01T24:00:00Z",
            "2020-01-01 00:00:00Z",
            "2020-01-01T00:00:00",
            "2020-01-01T00:00:00.Z",
            "2020-01-01T00:00:00z",
            "2020-01-01T00:00:00+25:00",
            "2020-01-01T00:00:00Zx",
            "+020-01-01T00:00:00Z",
            "２020-01-01T00:00:00Z",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }
}
