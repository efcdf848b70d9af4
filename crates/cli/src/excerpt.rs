//! Lines of a Dockerfile around the one that is meant, as BuildKit prints them.

use std::fmt::Write as _;

/// The lines `first..=last` of `source` (from 1) marked with `>>>`, with some around them, under `file:first`.
///
/// Empty if there are no such lines. Control characters are shown as `?`: a file must not steer the terminal.
///
/// Source: BuildKit, `solver/errdefs/source.go`.
pub fn excerpt(file: &str, source: &str, lines: (usize, usize)) -> String {
    let all: Vec<&str> = source.split('\n').collect();
    let (first, last) = lines;
    if first == 0 || first > all.len() {
        return String::new();
    }
    let last = last.clamp(first, all.len());
    let (start, end) = widen(first, last, all.len());
    let mut text = format!("{}:{first}\n{RULE}\n", printable(file));
    for number in start..=end {
        let mark = if (first..=last).contains(&number) { ">>>" } else { "   " };
        let line = printable(all[number - 1].trim_end_matches('\r'));
        writeln!(text, " {number:3} | {mark} {line}").expect("writing to a string cannot fail");
    }
    text.push_str(RULE);
    text.push('\n');
    text
}

const RULE: &str = "--------------------";

/// Shows more around a short range: four lines for a single one, two for more.
fn widen(first: usize, last: usize, count: usize) -> (usize, usize) {
    let wanted = if first == last { 4 } else { 2 };
    let (mut start, mut end, mut shown) = (first, last, 0);
    while shown < wanted {
        if start > 1 {
            start -= 1;
            shown += 1;
        }
        if end < count {
            end += 1;
            shown += 1;
        }
        shown += 1;
    }
    (start, end)
}

/// `text` with control characters, tabs aside, replaced.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|char| if char.is_control() && char != '\t' { '?' } else { char })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_marked_and_stands_among_its_neighbours() {
        let source = "FROM scratch\n\nCOPY a /\nFOO\nCOPY b /\n";
        assert_eq!(
            excerpt("Dockerfile", source, (4, 4)),
            "Dockerfile:4\n--------------------\n   2 |     \n   3 |     COPY a /\n   4 | >>> FOO\n   5 |     COPY b /\n   6 |     \n\
             --------------------\n"
        );
    }

    #[test]
    fn several_lines_are_marked_together() {
        let text = excerpt("x.Dockerfile", "FROM a\nRUN b \\\n  c\nUSER d", (2, 3));
        assert_eq!(text.matches(">>>").count(), 2);
        assert!(text.starts_with("x.Dockerfile:2\n"), "{text}");
    }

    #[test]
    fn a_line_that_does_not_exist_shows_nothing() {
        assert_eq!(excerpt("Dockerfile", "FROM a", (7, 7)), "");
        assert_eq!(excerpt("Dockerfile", "FROM a", (0, 0)), "");
    }

    #[test]
    fn escape_sequences_do_not_reach_the_terminal() {
        assert!(!excerpt("Dockerfile", "RUN \u{1b}[2J", (1, 1)).contains('\u{1b}'));
    }
}
