//! Times: adding to them, and saying how long ago they were.

use oci::Time;

/// A time and so many milliseconds.
pub fn later(time: Time, millis: u64) -> Time {
    let nanos = u64::from(time.nanos) + millis % 1000 * 1_000_000;
    Time {
        secs: time
            .secs
            .saturating_add_unsigned(millis / 1000)
            .saturating_add_unsigned(nanos / 1_000_000_000),
        nanos: (nanos % 1_000_000_000) as u32,
    }
}

/// How long something is ago, as Docker says it: `3 minutes`, `About an hour`.
///
/// Source: docker/go-units, `HumanDuration`.
pub fn human_duration(secs: i64) -> String {
    let minutes = secs / 60;
    // Go rounds hours.
    let hours = (secs + 1800) / 3600;
    match () {
        () if secs < 1 => "Less than a second".to_owned(),
        () if secs == 1 => "1 second".to_owned(),
        () if secs < 60 => format!("{secs} seconds"),
        () if minutes == 1 => "About a minute".to_owned(),
        () if minutes < 60 => format!("{minutes} minutes"),
        () if hours == 1 => "About an hour".to_owned(),
        () if hours < 48 => format!("{hours} hours"),
        () if hours < 24 * 7 * 2 => format!("{} days", hours / 24),
        () if hours < 24 * 30 * 2 => format!("{} weeks", hours / 24 / 7),
        () if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        () => format!("{} years", hours / 24 / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_as_docker_says_them() {
        let day = 86_400;
        let cases = [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (150, "2 minutes"),
            (3600, "About an hour"),
            (5400, "2 hours"),
            (2 * day, "2 days"),
            (15 * day, "2 weeks"),
            (61 * day, "2 months"),
            (800 * day, "2 years"),
        ];
        for (secs, text) in cases {
            assert_eq!(human_duration(secs), text, "{secs}");
        }
    }

    #[test]
    fn milliseconds_carry_into_seconds() {
        let time = Time {
            secs: 1,
            nanos: 999_000_000,
        };
        assert_eq!(
            later(time, 1_002),
            Time {
                secs: 3,
                nanos: 1_000_000
            }
        );
    }
}
