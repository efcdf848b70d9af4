//! PAX records: `LENGTH KEY=VALUE` lines before an entry.

use std::collections::BTreeMap;

/// One record; the length counts its own digits.
pub(super) fn format_record(key: &str, value: &[u8]) -> Vec<u8> {
    // Blank, equals sign and line end.
    let rest = key.len() + value.len() + 3;
    let mut size = rest + digits(rest);
    if rest + digits(size) != size {
        size = rest + digits(size);
    }
    let mut record = format!("{size} {key}=").into_bytes();
    record.extend_from_slice(value);
    record.push(b'\n');
    record
}

fn digits(number: usize) -> usize {
    number.to_string().len()
}

/// Reads records; `None` if they are malformed. The last of a key wins; an empty value takes the key back.
pub(super) fn parse_records(mut bytes: &[u8]) -> Option<BTreeMap<String, Vec<u8>>> {
    let mut records = BTreeMap::new();
    while !bytes.is_empty() {
        let blank = bytes.iter().take(12).position(|byte| *byte == b' ')?;
        let length: usize = std::str::from_utf8(&bytes[..blank]).ok()?.parse().ok()?;
        if length <= blank + 1 || length > bytes.len() || bytes[length - 1] != b'\n' {
            return None;
        }
        let record = &bytes[blank + 1..length - 1];
        let equals = record.iter().position(|byte| *byte == b'=')?;
        let key = std::str::from_utf8(&record[..equals])
            .ok()
            .filter(|key| !key.is_empty())?;
        let value = &record[equals + 1..];
        // Names with NUL are cut by some readers and not by others.
        if matches!(key, "path" | "linkpath" | "uname" | "gname") && value.contains(&0) {
            return None;
        }
        if value.is_empty() {
            records.remove(key);
        } else {
            records.insert(key.to_owned(), value.to_vec());
        }
        bytes = &bytes[length..];
    }
    Some(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_record_counts_itself() {
        assert_eq!(format_record("path", b"abc"), b"12 path=abc\n");
        for length in 80..110 {
            let record = format_record("path", &vec![b'x'; length]);
            let stated: usize = std::str::from_utf8(&record)
                .unwrap()
                .split(' ')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            assert_eq!(stated, record.len());
        }
    }

    #[test]
    fn records_are_read_back_and_the_last_one_wins() {
        let mut bytes = format_record("path", b"a=b\nc");
        bytes.extend(format_record("SCHILY.xattr.x", &[0, 1, 255]));
        bytes.extend(format_record("path", b"d"));
        let records = parse_records(&bytes).expect("records");
        assert_eq!(records["path"], b"d");
        assert_eq!(records["SCHILY.xattr.x"], [0, 1, 255]);
    }

    #[test]
    fn malformed_records_are_refused() {
        for bytes in [
            &b"x path=a\n"[..],
            b"9 path=a",
            b"99 path=a\n",
            b"10 path=a\0\n",
            b"3 a\n",
            b"0 =\n",
            b"18446744073709551615 path=a\n",
            b"-1 path=a\n",
            b"7 =abc\n",
            b"11 path=a\0b\n",
        ] {
            assert_eq!(parse_records(bytes), None, "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}
