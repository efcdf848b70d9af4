//! Which members are meant, and what they are called once outside.

/// Whether `text` matches a shell pattern in which `*` and `?` match slashes too.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to go on if what follows the last star does not match.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match one(&pattern[p..], text[t]) {
            Some(0) => {
                retry = Some((p, t));
                p += 1;
            }
            Some(n) => {
                p += n;
                t += 1;
            }
            None => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    p = star + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

/// How much of `pattern` takes the character `c`: zero for a star.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        [] => None,
        ['*', ..] => Some(0),
        ['?', ..] => Some(1),
        ['\\', literal, ..] => (*literal == c).then_some(2),
        ['[', rest @ ..] => {
            let negated = matches!(rest.first(), Some('!' | '^'));
            let set = &rest[usize::from(negated)..];
            let Some(end) = set.iter().skip(1).position(|&c| c == ']').map(|at| at + 1) else {
                return (c == '[').then_some(1);
            };
            let mut hit = false;
            let mut at = 0;
            while at < end {
                if at + 2 < end && set[at + 1] == '-' {
                    hit |= (set[at]..=set[at + 2]).contains(&c);
                    at += 3;
                } else {
                    hit |= set[at] == c;
                    at += 1;
                }
            }
            (hit != negated).then_some(end + 2 + usize::from(negated))
        }
        [literal, ..] => (*literal == c).then_some(1),
    }
}

/// Whether any run of components of `name` matches one of `excludes`: what lies below an excluded directory is too.
pub(super) fn is_excluded(name: &str, excludes: &[String]) -> bool {
    let parts: Vec<&str> = name.trim_end_matches('/').split('/').collect();
    excludes.iter().any(|pattern| {
        let pattern = pattern.trim_end_matches('/');
        (0..parts.len()).any(|from| (from + 1..=parts.len()).any(|upto| glob(pattern, &parts[from..upto].join("/"))))
    })
}

/// `name` without its first `n` components. `None` if nothing is left.
pub(super) fn stripped(name: &str, n: usize) -> Option<String> {
    if n == 0 {
        return Some(name.to_owned());
    }
    let parts: Vec<&str> = name
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .skip(n)
        .collect();
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_a_shell_does() {
        for (pattern, text) in [
            ("*.txt", "a/b.txt"),
            ("a?c", "abc"),
            ("[a-c]*", "bx"),
            ("[!x]", "y"),
            ("\\*", "*"),
        ] {
            assert!(glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("*.txt", "a.tx"),
            ("a?c", "ac"),
            ("[a-c]", "d"),
            ("[!x]", "x"),
            ("\\*", "a"),
        ] {
            assert!(!glob(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn what_lies_below_an_excluded_directory_is_excluded() {
        let excludes = ["node_modules".to_owned(), "*.log".to_owned()];
        assert!(is_excluded("./app/node_modules/x/y", &excludes));
        assert!(is_excluded("app/a.log", &excludes));
        assert!(!is_excluded("app/node", &excludes));
    }

    #[test]
    fn components_are_taken_from_the_front() {
        assert_eq!(stripped("./a/b/c", 1).as_deref(), Some("b/c"));
        assert_eq!(stripped("a/", 1), None);
        assert_eq!(stripped("a/", 0).as_deref(), Some("a/"));
    }
}
