//! The wildcards of COPY and ADD: `*`, `?`, `[a-z]` and `\`, none of which cross a slash.

/// Whether `pattern` accepts the whole of `path`; a pattern that cannot be read accepts nothing.
///
/// Takes time in proportion to both lengths, whatever the pattern.
///
/// Source: Go's `path/filepath.Match`.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    let Some(parts) = parse(pattern) else {
        return false;
    };
    let n = parts.len();
    let mut at = vec![false; n + 1];
    at[0] = true;
    pass_stars(&parts, &mut at);
    for c in path.chars() {
        let mut next = vec![false; n + 1];
        for (i, part) in parts.iter().enumerate() {
            if at[i] {
                match part {
                    Part::Star => next[i] |= c != '/',
                    Part::Any => next[i + 1] |= c != '/',
                    Part::Char(expected) => next[i + 1] |= *expected == c,
                    Part::Class { negated, ranges } => {
                        let listed = ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
                        next[i + 1] |= c != '/' && listed != *negated;
                    }
                }
            }
        }
        pass_stars(&parts, &mut next);
        at = next;
    }
    at[n]
}

/// Splits a path before its first component with a wildcard: `/a/b*/c` is `/a` and `b*/c`.
pub(crate) fn split(path: &str) -> (String, String) {
    let clean = planner::path::clean(path);
    let parts: Vec<&str> = clean.split('/').collect();
    let first = parts
        .iter()
        .position(|part| planner::path::has_wildcard(part))
        .unwrap_or(parts.len());
    let plain = parts[..first].join("/");
    let plain = if plain.is_empty() { "/".to_owned() } else { plain };
    (plain, parts[first..].join("/"))
}

enum Part {
    Star,
    Any,
    Char(char),
    Class { negated: bool, ranges: Vec<(char, char)> },
}

fn parse(pattern: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        parts.push(match c {
            '*' => Part::Star,
            '?' => Part::Any,
            '\\' => Part::Char(chars.next()?),
            '[' => {
                let negated = chars.next_if_eq(&'^').is_some();
                let mut ranges = Vec::new();
                while ranges.is_empty() || chars.next_if_eq(&']').is_none() {
                    let low = class_char(&mut chars)?;
                    let high = match chars.next_if_eq(&'-') {
                        Some(_) => class_char(&mut chars)?,
                        None => low,
                    };
                    ranges.push((low, high));
                }
                Part::Class { negated, ranges }
            }
            c => Part::Char(c),
        });
    }
    Some(parts)
}

fn class_char(chars: &mut impl Iterator<Item = char>) -> Option<char> {
    match chars.next()? {
        '-' | ']' => None,
        '\\' => chars.next(),
        c => Some(c),
    }
}

fn pass_stars(parts: &[Part], at: &mut [bool]) {
    for (i, part) in parts.iter().enumerate() {
        if matches!(part, Part::Star) {
            at[i + 1] |= at[i];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stay_within_a_component() {
        for (pattern, path) in [
            ("*.txt", "a.txt"),
            ("a?c", "abc"),
            ("[a-c]*", "b1"),
            ("[^a]x", "bx"),
            ("a\\*", "a*"),
            ("*/x", "d/x"),
            ("*", ".hidden"),
        ] {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("*.txt", "d/a.txt"),
            ("a?c", "a/c"),
            ("[^a]", "/"),
            ("[a", "a"),
            ("[]a]", "]"),
            ("[-]", "-"),
        ] {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
        assert!(!matches(&"*a".repeat(50), &"b".repeat(5000)));
    }

    #[test]
    fn the_part_without_wildcards_is_split_off() {
        assert_eq!(split("/src/*.js"), ("/src".to_owned(), "*.js".to_owned()));
        assert_eq!(split("/*/x"), ("/".to_owned(), "*/x".to_owned()));
        assert_eq!(split("/a/b"), ("/a/b".to_owned(), String::new()));
    }
}
