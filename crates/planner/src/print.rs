//! Values as Go prints them, since BuildKit's history does.

use dockerfile::quote;

/// `["a" "b"]`, as `%q` prints a list of strings.
pub(crate) fn quoted_list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| quote(item)).collect();
    format!("[{}]", items.join(" "))
}

/// `[a b]`, as `%v` prints a list of strings.
pub(crate) fn plain_list(items: &[String]) -> String {
    format!("[{}]", items.join(" "))
}

/// A duration of so many nanoseconds, `1m30s`, as Go prints it.
pub(crate) fn duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let total = nanos.unsigned_abs();
    let text = match total {
        0 => "0s".to_owned(),
        1..1_000 => format!("{total}ns"),
        1_000..1_000_000 => format!("{}µs", decimal(total, 1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", decimal(total, 1_000_000)),
        _ => {
            let minutes = total / 60_000_000_000;
            let seconds = decimal(total % 60_000_000_000, 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{seconds}s"),
                (0, minutes) => format!("{minutes}m{seconds}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    };
    format!("{sign}{text}")
}

fn decimal(value: u64, unit: u64) -> String {
    let rest = value % unit;
    if rest == 0 {
        return (value / unit).to_string();
    }
    let digits = unit.ilog10() as usize;
    let fraction = format!("{rest:0digits$}");
    format!("{}.{}", value / unit, fraction.trim_end_matches('0'))
}

/// The first word of an instruction's text in capitals, as progress prints it.
pub(crate) fn capital_keyword(text: &str) -> String {
    match text.split_once(' ') {
        Some((keyword, rest)) => format!("{} {rest}", keyword.to_uppercase()),
        None => text.to_uppercase(),
    }
}

/// The first line of a heredoc, with dots if there are more.
pub(crate) fn first_line(text: &str) -> String {
    let text = text.trim();
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    if lines.next().is_some() { first + "..." } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_printed_without_commas() {
        let items = ["nginx".to_owned(), "-g".to_owned(), "daemon \"off\";\n".to_owned()];
        assert_eq!(quoted_list(&items), r#"["nginx" "-g" "daemon \"off\";\n"]"#);
        assert_eq!(plain_list(&items[..2]), "[nginx -g]");
        assert_eq!(quoted_list(&[]), "[]");
        assert_eq!(quote("é\u{1}\u{200b}"), "\"é\\x01\\u200b\"");
    }

    #[test]
    fn durations_are_printed_as_go_does() {
        let cases = [
            (0, "0s"),
            (1_500, "1.5µs"),
            (100_000_000, "100ms"),
            (1_000_000_000, "1s"),
            (90_000_000_000, "1m30s"),
            (3_600_000_000_000, "1h0m0s"),
            (1_050_000_000, "1.05s"),
        ];
        for (nanos, text) in cases {
            assert_eq!(duration(nanos), text);
        }
    }
}
