//! An ignore file is read or refused, and decides as a matcher does that tries every way.

use builder::{Ignore, Pattern, Trail};

/// Longest pattern and path that every way is tried for, and how many stars it may have: the ways double with each.
const MAX_CHARS: usize = 32;
const MAX_STARS: usize = 6;

/// The file and, after a NUL, the paths it is asked about, each on a line.
pub fn ignore(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (file, paths) = text.split_once('\0').unwrap_or((&text, "a\na/b.c\nsrc/x/y.md"));
    for line in file.lines() {
        pattern(line, paths);
    }
    let ignore = match Ignore::parse(file) {
        Ok(ignore) => ignore,
        Err(error) => {
            assert!(!error.to_string().is_empty(), "an error says something");
            return;
        }
    };
    for path in paths.lines() {
        let ignored = ignore.ignores(path);
        assert_eq!(ignored, ignore.decide(path).is_some_and(|rule| !rule.keeps), "{path:?}");
        let walked = walk(&ignore, path);
        if !ignore.has_exceptions() {
            assert_eq!(
                walked.is_ignored(),
                ignored,
                "{path:?} by way of the directories above it"
            );
        }
    }
}

/// What the rules say of `path` to one who comes to it from the top.
fn walk(ignore: &Ignore, path: &str) -> Trail {
    let above = path.match_indices('/').map(|(at, _)| &path[..at]);
    let trail = above.fold(None, |trail: Option<Trail>, dir| {
        Some(ignore.enter(dir, trail.as_ref()))
    });
    ignore.enter(path, trail.as_ref())
}

fn pattern(text: &str, paths: &str) {
    let Ok(pattern) = Pattern::parse(text) else { return };
    let chars: Vec<char> = text.chars().collect();
    let simple = chars.len() <= MAX_CHARS && chars.iter().filter(|ch| **ch == '*').count() <= MAX_STARS;
    for path in paths.lines() {
        let matches = pattern.matches(path);
        let path: Vec<char> = path.chars().collect();
        if simple && path.len() <= MAX_CHARS {
            assert_eq!(matches, naive(&chars, &path, Place::Start), "{text:?} against {path:?}");
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Within,
}

/// Whether `pattern` accepts the whole of `path`, every way tried in turn.
fn naive(pattern: &[char], path: &[char], place: Place) -> bool {
    match pattern {
        [] => path.is_empty(),
        ['*', '*', rest @ ..] => {
            let (slash, after) = match rest {
                ['/', after @ ..] => (true, after),
                _ => (false, rest),
            };
            let bare = place == Place::Start && !slash && !rest.iter().any(|ch| "*?[]\\".contains(*ch));
            let mut ends = 0..=path.len();
            if after.is_empty() {
                true
            } else if bare {
                ends.any(|end| naive(after, &path[end..], Place::Within))
            } else {
                ends.any(|end| (end == 0 || path[end - 1] == '/') && naive(after, &path[end..], Place::Within))
            }
        }
        ['*', rest @ ..] => {
            let component = path.iter().take_while(|ch| **ch != '/').count();
            (0..=component).any(|end| naive(rest, &path[end..], Place::Within))
        }
        ['?', rest @ ..] => matches!(path, [ch, path @ ..] if *ch != '/' && naive(rest, path, Place::Within)),
        ['[', rest @ ..] => {
            let [ch, path @ ..] = path else { return false };
            let (accepts, rest) = class(rest, *ch);
            accepts && naive(rest, path, Place::Within)
        }
        ['\\', ch, rest @ ..] | [ch, rest @ ..] => path.first() == Some(ch) && naive(rest, &path[1..], Place::Within),
    }
}

/// Whether the class that starts `pattern` has `ch`, and what follows it. The class is closed: the pattern was read.
fn class(mut pattern: &[char], ch: char) -> (bool, &[char]) {
    let negated = pattern.first() == Some(&'^');
    if negated {
        pattern = &pattern[1..];
    }
    let mut listed = false;
    let mut first = true;
    while first || pattern.first() != Some(&']') {
        let (low, rest) = member(pattern);
        let (high, rest) = match rest {
            ['-', rest @ ..] if rest.first().is_some_and(|ch| *ch != ']') => member(rest),
            _ => (low, rest),
        };
        listed |= (low..=high).contains(&ch);
        pattern = rest;
        first = false;
    }
    (listed != negated, &pattern[1..])
}

fn member(pattern: &[char]) -> (char, &[char]) {
    match pattern {
        ['\\', ch, rest @ ..] | [ch, rest @ ..] => (*ch, rest),
        [] => unreachable!("a class that was read is closed"),
    }
}
