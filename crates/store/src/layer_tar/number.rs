//! Numbers of tar headers: octal digits, or base 256 with the high bit set.

/// The number in `field`; an empty field is 0. `None` if it is no number or leaves 64 bits.
pub(super) fn parse(field: &[u8]) -> Option<i64> {
    if field.first()? & 0x80 != 0 {
        return parse_base256(field);
    }
    let is_padding = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field.iter().position(|byte| !is_padding(byte)).unwrap_or(field.len());
    let digits = &field[start..];
    let end = digits.iter().position(is_padding).unwrap_or(digits.len());
    digits[..end].iter().try_fold(0i64, |number, byte| match byte {
        b'0'..=b'7' => number.checked_mul(8)?.checked_add(i64::from(byte - b'0')),
        _ => None,
    })
}

/// Two's complement, big-endian, the highest bit of the first byte being the mark.
fn parse_base256(field: &[u8]) -> Option<i64> {
    let negative = field[0] & 0x40 != 0;
    let start: i128 = if negative { -1 } else { 0 };
    let first = if negative { field[0] } else { field[0] & 0x7f };
    let number = std::iter::once(first)
        .chain(field[1..].iter().copied())
        .try_fold(start, |number, byte| {
            number.checked_mul(256)?.checked_add(i128::from(byte))
        })?;
    i64::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_in_octal_and_in_base_256() {
        assert_eq!(parse(b"0000644\0"), Some(0o644));
        assert_eq!(parse(b"   644 \0"), Some(0o644));
        assert_eq!(parse(b"\0\0\0\0\0\0\0\0"), Some(0));
        assert_eq!(parse(b"        "), Some(0));
        assert_eq!(parse(b"77777777777\0"), Some(0o77_777_777_777));
        assert_eq!(parse(&[0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]), Some(2 << 32));
        assert_eq!(parse(&[0xff; 12]), Some(-1));
        assert_eq!(parse(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]), Some(-256));
        assert_eq!(parse(&[0xbf; 12]), None);
        assert_eq!(parse(b"12x\0"), None);
        assert_eq!(parse(b"-1\0"), None);
        assert_eq!(parse(b"9\0"), None);
    }
}
