//! Bytes and times as a person reads them.

/// Bytes as `docker image ls` prints them: three digits, powers of 1000. `7.52MB`, `103kB`, `0B`.
pub fn size(bytes: u64) -> String {
    size_in_digits(bytes, 3)
}

/// Bytes as `docker system df` prints them: four digits. `187.7MB`.
pub fn size_exactly(bytes: u64) -> String {
    size_in_digits(bytes, 4)
}

/// Source: docker/go-units, `CustomSize`.
fn size_in_digits(bytes: u64, digits: usize) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let before = 1 + usize::from(value >= 10.0) + usize::from(value >= 100.0);
    let decimals = if unit == 0 { 0 } else { digits.saturating_sub(before) };
    let text = format!("{value:.decimals$}");
    // Docker drops zeros that say nothing: `5MB`, not `5.00MB`.
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text}{}", UNITS[unit])
}

/// Bytes of memory, powers of 1024, as `docker info` prints them: `7.451GiB`.
///
/// Source: docker/go-units, `BytesSize`.
pub fn memory(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let whole = format!("{}", value.trunc() as u64).len();
    let text = format!("{value:.*}", 4_usize.saturating_sub(whole));
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text}{}", UNITS[unit])
}

/// Bytes of an amount of memory, powers of 1024: `512m`, `1.5g`, `64KiB`, `100`. `None` if it is none.
///
/// Source: docker/go-units, `RAMInBytes`.
pub fn parse_binary(text: &str) -> Option<u64> {
    let end = text
        .rfind(|char: char| char.is_ascii_digit() || char == '.')
        .map(|last| last + 1)?;
    let (number, unit) = text.split_at(end);
    if number.starts_with(['.', '+', '-']) {
        return None;
    }
    let number: f64 = number.parse().ok()?;
    let unit = unit.strip_prefix(' ').unwrap_or(unit).to_ascii_lowercase();
    let unit = match unit.as_str() {
        "" | "b" => "",
        other => other.strip_suffix("ib").or(other.strip_suffix('b')).unwrap_or(other),
    };
    let power = ["", "k", "m", "g", "t", "p"].iter().position(|known| *known == unit)?;
    let bytes = number * 1024_f64.powi(power as i32);
    // Beyond this a size is no size.
    (bytes < 9e18).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::{memory, parse_binary, size, size_exactly};

    #[test]
    fn amounts_of_memory_are_powers_of_1024() {
        let cases = [
            ("100", Some(100)),
            ("100b", Some(100)),
            ("512m", Some(512 << 20)),
            ("1.5g", Some(3 << 29)),
            ("64KiB", Some(64 << 10)),
            ("2 MB", Some(2 << 20)),
            ("zz", None),
            ("1x", None),
            ("-1", None),
            ("", None),
            ("9999999p", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse_binary(text), bytes, "{text}");
        }
    }

    #[test]
    fn sizes_have_three_digits() {
        let cases = [
            (0, "0B"),
            (999, "999B"),
            (1000, "1kB"),
            (1234, "1.23kB"),
            (7_520_000, "7.52MB"),
            (74_900_000, "74.9MB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size(bytes), text);
        }
        assert_eq!(size(750_123_456), "750MB");
        assert_eq!(size(1_000_000_000_000), "1TB");
        assert_eq!(size(9_996_000), "10MB");
        assert_eq!(size(99_960_000), "100MB");
    }

    #[test]
    fn exact_sizes_have_four_digits_and_memory_is_counted_in_powers_of_1024() {
        assert_eq!(size_exactly(187_654_321), "187.7MB");
        assert_eq!(size_exactly(1034), "1.034kB");
        assert_eq!(size_exactly(1250), "1.25kB");
        assert_eq!(size_exactly(300), "300B");
        assert_eq!(memory(8_000_000_000), "7.451GiB");
        assert_eq!(memory(512 << 20), "512MiB");
    }
}
