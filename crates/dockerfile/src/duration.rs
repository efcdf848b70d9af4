//! Durations as Go writes them: `1h15m30.5s`.

use crate::quote;

/// Reads a duration and returns nanoseconds.
///
/// # Errors
///
/// The text of Go's error, which BuildKit reports as it is.
///
/// # Example
///
/// ```
/// assert_eq!(dockerfile::parse_duration("1m30s"), Ok(90_000_000_000));
/// assert_eq!(dockerfile::parse_duration("soon"), Err(r#"time: invalid duration "soon""#.to_owned()));
/// ```
pub fn parse_duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", quote(text));
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (number, after) = Number::read(rest).ok_or_else(invalid)?;
        let unit_end = after
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(after.len());
        let unit = &after[..unit_end];
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {}", quote(text)));
        }
        let scale =
            scale(unit).ok_or_else(|| format!("time: unknown unit {} in duration {}", quote(unit), quote(text)))?;
        total = number
            .times(scale)
            .and_then(|part| total.checked_add(part))
            .filter(|sum| *sum <= 1 << 63)
            .ok_or_else(invalid)?;
        rest = &after[unit_end..];
    }
    if negative {
        return Ok((total as i64).wrapping_neg());
    }
    i64::try_from(total).map_err(|_| invalid())
}

fn scale(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// Digits, at most one point, digits.
struct Number {
    whole: u64,
    fraction: u64,
    divisor: f64,
}

impl Number {
    fn read(text: &str) -> Option<(Number, &str)> {
        let (whole_digits, mut rest) = digits(text);
        let mut whole: u64 = 0;
        for digit in whole_digits.bytes() {
            whole = whole
                .checked_mul(10)?
                .checked_add(u64::from(digit - b'0'))
                .filter(|sum| *sum <= 1 << 63)?;
        }
        let (mut fraction, mut divisor, mut fraction_digits) = (0_u64, 1_f64, "");
        if let Some(after_point) = rest.strip_prefix('.') {
            (fraction_digits, rest) = digits(after_point);
            for digit in fraction_digits.bytes() {
                // Digits beyond what fits are dropped, as in Go.
                let next = fraction
                    .checked_mul(10)
                    .map(|f| f + u64::from(digit - b'0'))
                    .filter(|f| i64::try_from(*f).is_ok());
                let Some(next) = next else { break };
                fraction = next;
                divisor *= 10.0;
            }
        }
        let any = !whole_digits.is_empty() || !fraction_digits.is_empty();
        any.then_some((
            Number {
                whole,
                fraction,
                divisor,
            },
            rest,
        ))
    }

    fn times(&self, scale: u64) -> Option<u64> {
        let whole = self.whole.checked_mul(scale)?;
        let fraction = (self.fraction as f64 * (scale as f64 / self.divisor)) as u64;
        whole.checked_add(fraction)
    }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::parse_duration;

    #[test]
    fn units_add_up_and_fractions_count() {
        assert_eq!(parse_duration("1h2m3.5s4ms5us6ns"), Ok(3_723_504_005_006));
        assert_eq!(parse_duration("-1.5m"), Ok(-90_000_000_000));
        assert_eq!(parse_duration(".5s"), Ok(500_000_000));
        assert_eq!(parse_duration("0"), Ok(0));
        assert_eq!(parse_duration("3µs"), Ok(3_000));
    }

    #[test]
    fn errors_are_those_of_go() {
        assert_eq!(parse_duration(""), Err("time: invalid duration \"\"".into()));
        assert_eq!(parse_duration("5"), Err("time: missing unit in duration \"5\"".into()));
        assert_eq!(
            parse_duration("5x"),
            Err("time: unknown unit \"x\" in duration \"5x\"".into())
        );
        assert_eq!(parse_duration("."), Err("time: invalid duration \".\"".into()));
        assert_eq!(
            parse_duration("9223372036854775808ns"),
            Err("time: invalid duration \"9223372036854775808ns\"".into())
        );
        assert_eq!(
            parse_duration("1s "),
            Err("time: unknown unit \"s \" in duration \"1s \"".into())
        );
    }
}
