//! `.dockerignore`: which files of a context a build never sees, and which rule decides.
//!
//! Source: moby/patternmatcher and its `ignorefile`.

use crate::pattern::{Pattern, PatternError};

/// A list of patterns in order; the last one that matches decides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ignore {
    rules: Vec<Rule>,
}

/// One pattern of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The line it stands on, from 1; its place in the list where there is no file.
    pub line: usize,
    /// As written, blanks trimmed.
    pub text: String,
    /// True for `!pattern`: what it matches is kept.
    pub keeps: bool,
    pattern: Pattern,
}

/// What the rules say of a directory: needed to say what they say of what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    matched: Vec<bool>,
    rule: Option<usize>,
    ignored: bool,
}

impl Trail {
    /// Whether the path is kept out.
    pub fn is_ignored(&self) -> bool {
        self.ignored
    }

    /// Index of the rule that decided; `None` if none matches.
    pub fn rule(&self) -> Option<usize> {
        self.rule
    }
}

/// Why an ignore file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IgnoreError {
    /// A `!` with nothing after it.
    #[error("illegal exclusion pattern: \"!\"")]
    Lone {
        /// Line, from 1.
        line: usize,
    },
    /// A pattern that cannot be read.
    #[error("syntax error in pattern: {source}")]
    Pattern {
        /// Line, from 1.
        line: usize,
        /// What is wrong with it.
        source: PatternError,
    },
}

impl Ignore {
    /// Reads an ignore file. Lines that begin with `#` are comments.
    ///
    /// # Errors
    ///
    /// [`IgnoreError`] at the first pattern that is none.
    pub fn parse(text: &str) -> Result<Ignore, IgnoreError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#'));
        Ignore::of(lines.map(|(i, line)| (i + 1, line)), Slash::Dropped)
    }

    /// A list that stands in no file, as `--exclude` gives it.
    ///
    /// # Errors
    ///
    /// [`IgnoreError`] at the first pattern that is none.
    pub fn patterns<'a>(list: impl IntoIterator<Item = &'a str>) -> Result<Ignore, IgnoreError> {
        Ignore::of(list.into_iter().enumerate().map(|(i, text)| (i + 1, text)), Slash::Kept)
    }

    fn of<'a>(lines: impl Iterator<Item = (usize, &'a str)>, slash: Slash) -> Result<Ignore, IgnoreError> {
        let mut rules = Vec::new();
        for (line, written) in lines {
            let text = written.trim();
            let (keeps, body) = match text.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, text),
            };
            if body.is_empty() {
                if keeps {
                    return Err(IgnoreError::Lone { line });
                }
                continue;
            }
            let pattern =
                Pattern::parse(&clean(body, slash)).map_err(|source| IgnoreError::Pattern { line, source })?;
            rules.push(Rule {
                line,
                text: text.to_owned(),
                keeps,
                pattern,
            });
        }
        Ok(Ignore { rules })
    }

    /// The rule that decides about `path` (no leading slash), or about a directory above it; `None` if none matches.
    pub fn decide(&self, path: &str) -> Option<&Rule> {
        self.rules.iter().rev().find(|rule| rule.matches_or_above(path))
    }

    /// Whether `path` is kept out.
    pub fn ignores(&self, path: &str) -> bool {
        self.decide(path).is_some_and(|rule| !rule.keeps)
    }

    /// What the rules say of `path`, knowing what they say of the directory it is in; `None` at the top.
    ///
    /// This is how a context is walked. It differs from [`decide`](Ignore::decide) where a rule was passed over for a
    /// directory because it could not have changed the answer there.
    pub fn enter(&self, path: &str, above: Option<&Trail>) -> Trail {
        let mut trail = Trail {
            matched: vec![false; self.rules.len()],
            rule: None,
            ignored: false,
        };
        for (i, rule) in self.rules.iter().enumerate() {
            let inherited = above.is_some_and(|above| above.matched[i]);
            if !inherited && rule.keeps != trail.ignored {
                continue;
            }
            if inherited || rule.pattern.matches(path) {
                trail.matched[i] = true;
                trail.ignored = !rule.keeps;
                trail.rule = Some(i);
            }
        }
        trail
    }

    /// Whether any rule begins with `!`.
    pub fn has_exceptions(&self) -> bool {
        self.rules.iter().any(|rule| rule.keeps)
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

impl Rule {
    fn matches_or_above(&self, path: &str) -> bool {
        let above = path.match_indices('/').map(|(at, _)| &path[..at]);
        self.pattern.matches(path) || above.into_iter().any(|dir| self.pattern.matches(dir))
    }
}

/// What becomes of the slash that a pattern starts with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slash {
    /// An ignore file's patterns all start at the root.
    Dropped,
    /// A flag's pattern with it matches nothing, since no path has it.
    Kept,
}

/// Cleans a pattern by its text.
fn clean(pattern: &str, slash: Slash) -> String {
    let clean = planner::path::clean(pattern);
    match clean.strip_prefix('/') {
        Some(rest) if slash == Slash::Dropped && !rest.is_empty() => rest.to_owned(),
        _ => clean,
    }
}

#[cfg(test)]
mod tests {
    use super::Ignore;

    #[track_caller]
    fn check(file: &str, ignored: &[&str], kept: &[&str]) {
        let ignore = Ignore::parse(file).expect("a good ignore file");
        for path in ignored {
            assert!(ignore.ignores(path), "{path} is ignored by {file:?}");
        }
        for path in kept {
            assert!(!ignore.ignores(path), "{path} is kept by {file:?}");
        }
    }

    #[test]
    fn a_star_stays_within_a_component() {
        check("*.md", &["a.md", ".md"], &["docs/a.md", "a.mdx"]);
        check("*/temp?", &["a/temp1", "a/temp1/x"], &["a/temp", "temp1", "a/b/temp1"]);
    }

    #[test]
    fn two_stars_cross_components_and_none() {
        check("**/*.log", &["x.log", "a/x.log", "a/b/x.log"], &["x.logs", "log"]);
        check("a/**/z", &["a/z", "a/b/z", "a/b/c/z"], &["az", "a/bz", "b/a/z"]);
        check(
            "node_modules/**",
            &["node_modules/a", "node_modules/a/b"],
            &["node_modules", "x/node_modules/a"],
        );
        check("**.bak", &["x.bak", "a/x.bak"], &["x.bak2"]);
        check("**", &["a", "a/b"], &[]);
    }

    #[test]
    fn a_match_above_covers_what_is_below() {
        check("dist", &["dist", "dist/a/b"], &["distant", "a/dist"]);
        check("dist/", &["dist/a"], &["a/dist"]);
        check("/dist", &["dist/a"], &[]);
        check("./a/../dist//", &["dist/a"], &["a"]);
    }

    #[test]
    fn the_last_rule_that_matches_decides() {
        check("*\n!keep\n", &["a", "b/c"], &["keep", "keep/x"]);
        check("!keep\n*\n", &["keep"], &[]);
        check(
            "docs\n!docs/api\ndocs/api/old",
            &["docs/a", "docs/api/old"],
            &["docs/api", "docs/api/new"],
        );
    }

    #[test]
    fn classes_and_escapes_are_understood() {
        check("[a-c]?", &["a1", "cx"], &["d1", "a"]);
        check("[^a]x", &["bx"], &["ax"]);
        check("a\\*b", &["a*b"], &["axb"]);
    }

    #[test]
    fn comments_and_blank_lines_say_nothing() {
        check("# x\n\n  \n #y\n", &["#y"], &["# x", "x"]);
    }

    #[test]
    fn a_lone_exclamation_mark_is_refused_with_its_line() {
        let error = Ignore::parse("a\n ! \n").expect_err("no pattern after !");
        assert_eq!(error.to_string(), "illegal exclusion pattern: \"!\"");
        assert_eq!(error, super::IgnoreError::Lone { line: 2 });
    }

    #[test]
    fn an_evil_pattern_takes_no_longer_than_its_length() {
        check(&"**/a*".repeat(40), &[], &[&"a".repeat(2000)]);
    }
}
