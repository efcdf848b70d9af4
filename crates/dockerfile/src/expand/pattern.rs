//! The patterns of `${name#pattern}` and `${name/pattern/text}`: `*`, `?`, and characters that stand for themselves.

use super::Reason;
use super::lexer::MAX_BYTES;

/// How large the table of a match may be: pattern items times characters of the value. DIFFERENCE: BuildKit has no limit.
const MAX_CELLS: usize = 1 << 22;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Char(char),
    /// `?`: any character but a line break.
    One,
    /// `*`: any number of them.
    Many,
}

pub(super) struct Pattern(Vec<Item>);

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Pattern, Reason> {
        let mut items = Vec::with_capacity(text.len());
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            items.push(match c {
                '*' => Item::Many,
                '?' => Item::One,
                // `}` and `/` are escaped for the sake of the braces around, not of the pattern.
                '\\' if matches!(chars.peek(), Some('}' | '/')) => continue,
                '\\' => match chars.next() {
                    Some(escaped @ ('*' | '?' | '\\')) => Item::Char(escaped),
                    other => {
                        let escaped = other.unwrap_or(char::REPLACEMENT_CHARACTER);
                        return Err(Reason::Pattern {
                            pattern: text.to_owned(),
                            escaped,
                        });
                    }
                },
                c => Item::Char(c),
            });
        }
        Ok(Pattern(items))
    }

    /// `value` without what the pattern matches at its start.
    pub(super) fn strip_start(&self, value: &str, longest: bool) -> Result<String, Reason> {
        let matcher = Matcher::new(self, value, longest)?;
        Ok(matcher.chars[matcher.end(0).unwrap_or(0)..].iter().collect())
    }

    /// `value` with the first match, as long as can be, replaced by exactly `with`.
    pub(super) fn replace_first(&self, value: &str, with: &str) -> Result<String, Reason> {
        let matcher = Matcher::new(self, value, true)?;
        let found = (0..=matcher.chars.len()).find_map(|start| Some((start, matcher.end(start)?)));
        let Some((start, end)) = found else {
            return Ok(value.to_owned());
        };
        let mut out: String = matcher.chars[..start].iter().collect();
        out.push_str(with);
        out.extend(&matcher.chars[end..]);
        Ok(out)
    }

    /// `value` with every match replaced by `template`, where `$0` is the match and `$$` a dollar.
    pub(super) fn replace_all(&self, value: &str, template: &str) -> Result<String, Reason> {
        let matcher = Matcher::new(self, value, true)?;
        let chars = &matcher.chars;
        let (mut out, mut copied, mut at, mut last_end) = (String::new(), 0, 0, None);
        while at <= chars.len() {
            let found = (at..=chars.len()).find_map(|start| Some((start, matcher.end(start)?)));
            let Some((start, end)) = found else { break };
            // An empty match right behind another one does not count.
            if !(start == end && last_end == Some(start)) {
                out.extend(&chars[copied..start]);
                let matched: String = chars[start..end].iter().collect();
                fill_template(template, &matched, &mut out);
                copied = end;
                last_end = Some(end);
            }
            at = if end > at { end } else { at + 1 };
            if out.len() > MAX_BYTES {
                return Err(Reason::TooLong);
            }
        }
        out.extend(&chars[copied..]);
        Ok(out)
    }
}

/// Which part of a pattern can match where in a value.
struct Matcher<'a> {
    items: &'a [Item],
    chars: Vec<char>,
    longest: bool,
    /// At `item * (chars + 1) + at`: whether the pattern from `item` on matches at `at`.
    can: Vec<bool>,
}

impl<'a> Matcher<'a> {
    fn new(pattern: &'a Pattern, value: &str, longest: bool) -> Result<Matcher<'a>, Reason> {
        let items = pattern.0.as_slice();
        let chars: Vec<char> = value.chars().collect();
        let width = chars.len() + 1;
        if width.saturating_mul(items.len() + 1) > MAX_CELLS {
            return Err(Reason::TooLong);
        }
        let mut can = vec![false; width * (items.len() + 1)];
        can[width * items.len()..].fill(true);
        for (i, item) in items.iter().enumerate().rev() {
            for at in (0..width).rev() {
                let here = chars.get(at);
                can[i * width + at] = match item {
                    Item::Char(c) => here == Some(c) && can[(i + 1) * width + at + 1],
                    Item::One => here.is_some_and(|c| *c != '\n') && can[(i + 1) * width + at + 1],
                    Item::Many => {
                        can[(i + 1) * width + at] || (here.is_some_and(|c| *c != '\n') && can[i * width + at + 1])
                    }
                };
            }
        }
        Ok(Matcher {
            items,
            chars,
            longest,
            can,
        })
    }

    fn can(&self, item: usize, at: usize) -> bool {
        self.can[item * (self.chars.len() + 1) + at]
    }

    /// Where the match that starts at `start` ends, each `*` taking as much (or as little) as the rest allows.
    fn end(&self, start: usize) -> Option<usize> {
        if !self.can(0, start) {
            return None;
        }
        let mut at = start;
        for (i, item) in self.items.iter().enumerate() {
            match item {
                Item::Char(_) | Item::One => at += 1,
                Item::Many => {
                    let line_end = self.chars[at..]
                        .iter()
                        .position(|c| *c == '\n')
                        .map_or(self.chars.len(), |n| at + n);
                    let mut ends = at..=line_end;
                    at = if self.longest {
                        ends.rev().find(|end| self.can(i + 1, *end))?
                    } else {
                        ends.find(|end| self.can(i + 1, *end))?
                    };
                }
            }
        }
        Some(at)
    }
}

/// `${name#pattern}` and `${name%pattern}`.
pub(super) fn strip(side: char, pattern: &str, longest: bool, value: &str) -> Result<String, Reason> {
    if side == '#' {
        return Pattern::parse(pattern)?.strip_start(value, longest);
    }
    // From the end is from the start of everything backwards; the escape stays before what it escapes.
    let mut backwards: Vec<char> = Vec::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let escaped = if c == '\\' { chars.next() } else { None };
        backwards.extend(escaped);
        backwards.push(c);
    }
    let backwards: String = backwards.into_iter().rev().collect();
    let value: String = value.chars().rev().collect();
    Ok(Pattern::parse(&backwards)?
        .strip_start(&value, longest)?
        .chars()
        .rev()
        .collect())
}

/// Go's expansion of a replacement: there are no groups, so every name but `0` stands for nothing.
fn fill_template(template: &str, matched: &str, out: &mut String) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let braced = after.strip_prefix('{');
        let body = braced.unwrap_or(after);
        let len = body
            .find(|c: char| !(c == '_' || c.is_alphanumeric()))
            .unwrap_or(body.len());
        let (name, tail) = body.split_at(len);
        let tail = if braced.is_some() {
            tail.strip_prefix('}')
        } else {
            Some(tail)
        };
        match tail {
            Some(tail) if !name.is_empty() => {
                if name == "0" {
                    out.push_str(matched);
                }
                rest = tail;
            }
            _ => {
                out.push('$');
                rest = after;
            }
        }
    }
    out.push_str(rest);
}
