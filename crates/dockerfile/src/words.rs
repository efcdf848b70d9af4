//! How the text behind a keyword falls into flags and words.

use std::ops::Range;

/// The blanks that separate words: those of the ASCII set, the line break excepted.
pub(crate) fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ')
}

/// A piece of a text and what it says without quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// Where it stands.
    pub(crate) range: Range<usize>,
    /// What it says.
    pub(crate) value: String,
}

/// `range` without blanks at its ends.
pub(crate) fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    let end = start + part.trim().len();
    start..end
}

/// Splits a text without blanks at its ends at the first run of blanks: the two ranges around it.
pub(crate) fn split_first(text: &str, range: Range<usize>) -> (Range<usize>, Option<Range<usize>>) {
    let part = &text[range.clone()];
    let Some(first_end) = part.find(is_blank) else {
        return (range, None);
    };
    let second = part.len() - part[first_end..].trim_start_matches(is_blank).len();
    (
        range.start..range.start + first_end,
        Some(range.start + second..range.end),
    )
}

/// The flags at the start of `range`, quotes removed, and where they end.
pub(crate) fn flags(text: &str, range: Range<usize>, escape: char) -> (Vec<Word>, usize) {
    let mut flags = Vec::new();
    let mut at = range.start;
    loop {
        let part = &text[at..range.end];
        at += part.len() - part.trim_start().len();
        if !text[at..range.end].starts_with("--") {
            return (flags, at);
        }
        let (value, end) = flag_word(text, at..range.end, escape);
        if value == "--" {
            return (flags, end);
        }
        flags.push(Word { range: at..end, value });
        at = end;
    }
}

fn flag_word(text: &str, range: Range<usize>, escape: char) -> (String, usize) {
    let mut value = String::new();
    let mut quote = None;
    let mut chars = text[range.clone()].char_indices();
    while let Some((offset, c)) = chars.next() {
        match quote {
            None if c.is_whitespace() => return (value, range.start + offset),
            None if c == '\'' || c == '"' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ if c == escape => value.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => value.push(c),
        }
    }
    (value, range.end)
}

/// The words of `range`, separated by blanks and nothing else.
pub(crate) fn blank_separated(text: &str, range: Range<usize>) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = Some(range).filter(|range| !range.is_empty());
    while let Some(range) = rest {
        let (first, after) = split_first(text, range);
        words.push(Word {
            value: text[first.clone()].to_owned(),
            range: first,
        });
        rest = after;
    }
    words
}

/// The words of `range`, where quotes and the escape character hold blanks together. Both stay in the words.
pub(crate) fn quoted(text: &str, range: Range<usize>, escape: char) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut quote = None;
    let mut chars = text[range.clone()].char_indices().peekable();
    while let Some((offset, c)) = chars.next() {
        let at = range.start + offset;
        if quote.is_none() && c.is_whitespace() {
            words.extend(word.take());
            continue;
        }
        let current = word.get_or_insert_with(|| Word {
            range: at..at,
            value: String::new(),
        });
        current.range.end = at + c.len_utf8();
        if c == escape && quote != Some('\'') {
            // An escape character at the very end is dropped.
            let Some((_, escaped)) = chars.next() else { break };
            current.value.push(c);
            current.value.push(escaped);
            current.range.end += escaped.len_utf8();
            continue;
        }
        match quote {
            None if c == '\'' || c == '"' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ => {}
        }
        current.value.push(c);
    }
    words.extend(word.filter(|word| !word.value.is_empty()));
    words
}

#[cfg(test)]
mod tests {
    use super::{blank_separated, flags, quoted, trimmed};

    fn values(words: Vec<super::Word>) -> Vec<String> {
        words.into_iter().map(|word| word.value).collect()
    }

    #[test]
    fn quotes_and_escapes_hold_blanks_together_and_stay() {
        let text = r#"a="b c" d\ e 'f \' "" g\"#;
        assert_eq!(
            values(quoted(text, 0..text.len(), '\\')),
            [r#"a="b c""#, r"d\ e", r"'f \'", "\"\"", "g"]
        );
    }

    #[test]
    fn flags_end_at_the_first_word_without_dashes_or_at_two_dashes_alone() {
        let text = r#"--a="b c" --d=\ e --f -- --g"#;
        let (found, end) = flags(text, 0..text.len(), '\\');
        assert_eq!(values(found), ["--a=b c", "--d= e", "--f"]);
        assert_eq!(&text[end..], " --g");
        let (found, end) = flags("--x y --z", 0..9, '\\');
        assert_eq!((values(found), end), (vec!["--x".to_owned()], 4));
    }

    #[test]
    fn words_have_the_place_they_stand_at() {
        let text = "  a  bc ";
        let words = blank_separated(text, trimmed(text, 0..text.len()));
        assert_eq!(
            words.iter().map(|word| word.range.clone()).collect::<Vec<_>>(),
            [2..3, 5..7]
        );
    }
}
