//! Times as they are typed and shown.

use engine::human_duration;
use oci::{Time, Timestamp};

/// `3 minutes ago`.
pub(crate) fn ago(then: Time, now: Time) -> String {
    format!("{} ago", human_duration(now.secs - then.secs))
}

/// `2026-11-25 22:51:17 +0000 UTC`, as Go prints times.
pub(crate) fn written(time: Time) -> String {
    let text = Time { nanos: 0, ..time }.to_string();
    let text = text.trim_end_matches('Z').replacen('T', " ", 1);
    format!("{text} +0000 UTC")
}

/// With nine digits after the point, as `docker logs -t` shows it.
pub(crate) fn precise(time: Time) -> String {
    let whole = Time { nanos: 0, ..time }.to_string();
    format!("{}.{:09}Z", whole.trim_end_matches('Z'), time.nanos)
}

/// What `--since` takes: a time, seconds since the epoch, or how long ago.
pub(crate) fn parse(text: &str, now: Time) -> Option<Time> {
    if let Ok(nanos) = dockerfile::parse_duration(text)
        && text.ends_with(|c: char| c.is_ascii_alphabetic())
    {
        let total = i128::from(now.secs) * 1_000_000_000 + i128::from(now.nanos) - i128::from(nanos);
        return Some(Time {
            secs: i64::try_from(total.div_euclid(1_000_000_000)).ok()?,
            nanos: u32::try_from(total.rem_euclid(1_000_000_000)).ok()?,
        });
    }
    if let Ok(secs) = text.parse::<f64>() {
        let fits = (-1e15..1e15).contains(&secs);
        return fits.then(|| Time {
            secs: secs.floor() as i64,
            nanos: ((secs - secs.floor()) * 1e9) as u32,
        });
    }
    // What is left out of a time is zero, in UTC.
    let date = |text: &str| text.len() == 10 && text.bytes().filter(|byte| *byte == b'-').count() == 2;
    let whole = match text.split_once('T') {
        None if date(text) => format!("{text}T00:00:00Z"),
        Some((day, clock)) if date(day) && !clock.ends_with('Z') && !clock.contains(['+', '-']) => {
            match clock.matches(':').count() {
                1 => format!("{text}:00Z"),
                _ => format!("{text}Z"),
            }
        }
        _ => text.to_owned(),
    };
    whole.parse::<Timestamp>().ok().map(|stamp| stamp.time)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time {
        secs: 1_700_000_000,
        nanos: 5,
    };

    #[test]
    fn a_time_is_a_date_seconds_or_how_long_ago() {
        let at = |secs, nanos| Some(Time { secs, nanos });
        assert_eq!(parse("10m", NOW), at(1_699_999_400, 5));
        assert_eq!(parse("1700000000", NOW), at(1_700_000_000, 0));
        assert_eq!(parse("1700000000.5", NOW), at(1_700_000_000, 500_000_000));
        assert_eq!(parse("2023-11-14T22:13:20Z", NOW), at(1_700_000_000, 0));
        assert_eq!(parse("2023-11-14T22:13", NOW), at(1_699_999_980, 0));
        assert_eq!(parse("2023-11-14", NOW), at(1_699_920_000, 0));
        assert_eq!(parse("x", NOW), None);
        assert_eq!(parse("", NOW), None);
    }

    #[test]
    fn times_are_shown_as_docker_shows_them() {
        assert_eq!(written(NOW), "2023-11-14 22:13:20 +0000 UTC");
        assert_eq!(precise(NOW), "2023-11-14T22:13:20.000000005Z");
        assert_eq!(
            ago(
                NOW,
                Time {
                    secs: NOW.secs + 125,
                    nanos: 0
                }
            ),
            "2 minutes ago"
        );
    }
}
