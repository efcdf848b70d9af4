//! Bytes, seconds and lists as a sentence has them.

/// `41.2 MB`, `41.2 MB (simulated)`.
pub(crate) fn bytes(bytes: u64, simulated: bool) -> String {
    let text = cli::units::size(bytes);
    let unit = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    format!("{} {}{}", &text[..unit], &text[unit..], mark(simulated))
}

/// `12.3 s`, `12.3 s (simulated)`.
pub(crate) fn seconds(millis: u64, simulated: bool) -> String {
    format!("{:.1} s{}", millis as f64 / 1000.0, mark(simulated))
}

fn mark(simulated: bool) -> &'static str {
    if simulated { " (simulated)" } else { "" }
}

/// `a`, `a and b`, `a, b and c`; of many the first three and how many more.
pub(crate) fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] if names.len() <= 4 => format!("{} and {last}", first.join(", ")),
        _ => format!("{} and {} more", names[..3].join(", "), names.len() - 3),
    }
}

/// `Line 3`, `Lines 3 and 4`.
pub(crate) fn lines(numbers: &[usize]) -> String {
    let names: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    let word = if names.len() == 1 { "Line" } else { "Lines" };
    format!("{word} {}", list(&names))
}
