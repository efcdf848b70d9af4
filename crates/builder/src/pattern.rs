//! The patterns of ignore files, `--exclude` and `--parents`: one pattern against one path.
//!
//! Source: moby/patternmatcher, which turns each pattern into a regular expression; what that expression accepts is what is accepted here.

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
    /// What every path that it accepts begins with.
    prefix: String,
    /// What every path that it accepts ends with; the whole path if `is_literal`.
    suffix: String,
    is_literal: bool,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a closing ] in the pattern, found {pattern:?}")]
pub struct PatternError {
    /// The pattern as written.
    pub pattern: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Exactly this.
    Char(char),
    /// `?`: anything but `/`.
    One,
    /// `*`: any number of anything but `/`.
    Star,
    /// `**` or `**/` with something after it: nothing, or anything that ends in `/`.
    Folders,
    /// `**` at the very start: anything at all that ends at a component, or, before no slash, anywhere.
    Anything,
    /// `[a-z]`, `[^a]`.
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl Pattern {
    /// Compiles `text`, which is already cleaned: no `./`, no doubled or trailing slash.
    ///
    /// # Errors
    ///
    /// [`PatternError`] if a class is not closed.
    pub fn parse(text: &str) -> Result<Pattern, PatternError> {
        let error = || PatternError {
            pattern: text.to_owned(),
        };
        let mut parts = Vec::new();
        let mut rest = text.chars().peekable();
        while let Some(ch) = rest.next() {
            let part = match ch {
                '*' if rest.next_if_eq(&'*').is_some() => {
                    let slash = rest.next_if_eq(&'/').is_some();
                    match rest.peek().copied() {
                        None => Part::Anything,
                        // A leading `**` without a slash is a bare suffix: `**.md`.
                        Some(_) if parts.is_empty() && !slash && is_literal(rest.clone()) => Part::Anything,
                        Some(_) => Part::Folders,
                    }
                }
                '*' => Part::Star,
                '?' => Part::One,
                '[' => class(&mut rest).ok_or_else(error)?,
                '\\' => Part::Char(rest.next().unwrap_or('\\')),
                ch => Part::Char(ch),
            };
            parts.push(part);
        }
        let literal = |part: &Part| match part {
            Part::Char(c) => Some(*c),
            _ => None,
        };
        let prefix: String = parts.iter().map_while(literal).collect();
        let mut suffix: Vec<char> = parts.iter().rev().map_while(literal).collect();
        suffix.reverse();
        Ok(Pattern {
            is_literal: suffix.len() == parts.len(),
            suffix: suffix.into_iter().collect(),
            prefix,
            parts,
        })
    }

    /// Whether the whole of `path` is accepted. Takes time in proportion to both lengths, whatever the pattern.
    pub fn matches(&self, path: &str) -> bool {
        if self.is_literal {
            return path == self.suffix;
        }
        path.starts_with(&self.prefix) && path.ends_with(&self.suffix) && self.accepts(path)
    }

    fn accepts(&self, path: &str) -> bool {
        let n = self.parts.len();
        // `at[i]`: part `i` comes next. `inside[i]`: part `i` is a `Folders` that has accepted something.
        let (mut at, mut inside) = (vec![false; n + 1], vec![false; n]);
        let (mut next, mut next_inside) = (at.clone(), inside.clone());
        at[0] = true;
        self.pass_optional(&mut at);
        for ch in path.chars() {
            next.fill(false);
            next_inside.fill(false);
            for (i, part) in self.parts.iter().enumerate() {
                if *part == Part::Folders && (at[i] || inside[i]) {
                    next_inside[i] = true;
                    next[i + 1] |= ch == '/';
                } else if at[i] {
                    match part {
                        Part::Char(c) => next[i + 1] |= *c == ch,
                        Part::One => next[i + 1] |= ch != '/',
                        Part::Class { negated, ranges } => {
                            let listed = ranges.iter().any(|&(low, high)| low <= ch && ch <= high);
                            next[i + 1] |= listed != *negated;
                        }
                        Part::Star => next[i] |= ch != '/',
                        Part::Anything | Part::Folders => next[i] = true,
                    }
                }
            }
            self.pass_optional(&mut next);
            std::mem::swap(&mut at, &mut next);
            std::mem::swap(&mut inside, &mut next_inside);
        }
        at[n]
    }

    /// Passes over the parts that may accept nothing.
    fn pass_optional(&self, at: &mut [bool]) {
        for (i, part) in self.parts.iter().enumerate() {
            if matches!(part, Part::Star | Part::Anything | Part::Folders) {
                at[i + 1] |= at[i];
            }
        }
    }
}

fn is_literal(mut rest: impl Iterator<Item = char>) -> bool {
    rest.all(|ch| !matches!(ch, '*' | '?' | '[' | ']' | '\\'))
}

fn class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Part> {
    let negated = rest.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let low = match rest.next()? {
            ']' if !ranges.is_empty() => return Some(Part::Class { negated, ranges }),
            '\\' => rest.next()?,
            ch => ch,
        };
        let mut high = low;
        if rest.peek() == Some(&'-') {
            let mut ahead = rest.clone();
            ahead.next();
            if ahead.peek().is_some_and(|&ch| ch != ']') {
                rest.next();
                high = match rest.next()? {
                    '\\' => rest.next()?,
                    ch => ch,
                };
            }
        }
        ranges.push((low, high));
    }
}
