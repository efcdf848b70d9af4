//! Heredocs: their openers in a logical line, and the bodies on the lines after it.

use crate::expand;
use crate::lines::Lines;
use crate::{Heredoc, Span};

/// What a word like `0<<-"EOF"` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opener {
    pub(crate) name: String,
    pub(crate) fd: u32,
    pub(crate) expand: bool,
    pub(crate) chomp: bool,
}

impl Opener {
    /// Reads one word; `None` if it opens no heredoc.
    pub(crate) fn parse(word: &str) -> Option<Opener> {
        let digits = word.find(|c: char| !c.is_ascii_digit())?;
        let rest = word[digits..].strip_prefix("<<")?;
        let (chomp, rest) = rest.strip_prefix('-').map_or((false, rest), |rest| (true, rest));
        let name = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
        if name.is_empty() || name.contains('<') {
            return None;
        }
        let (mut plain, quoted) = expand::heredoc_words(name).ok()?;
        if plain.len() != 1 || quoted.len() != 1 {
            return None;
        }
        let name = plain.pop()?;
        let expand = quotes(&name) == quotes(&quoted[0]);
        Some(Opener {
            name,
            fd: word[..digits].parse().unwrap_or(0),
            expand,
            chomp,
        })
    }

    /// The openers of a line, with the word of each.
    pub(crate) fn all(line: &str) -> Vec<(Opener, String)> {
        if !line.contains("<<") {
            return Vec::new();
        }
        expand::raw_words(line)
            .into_iter()
            .filter_map(|word| Some((Opener::parse(&word)?, word)))
            .collect()
    }

    /// Reads the body from the lines that follow; `Err` if they end before it does.
    pub(crate) fn read_body(self, lines: &mut Lines<'_>) -> (Body, Result<(), ()>) {
        let mut body = Body {
            heredoc: self.heredoc(),
            terminator: Span::default(),
        };
        let mut first = true;
        while let Some(line) = lines.next() {
            if first {
                body.heredoc.span = Span {
                    start: line.start,
                    end: line.start,
                };
                first = false;
            }
            let candidate = if body.heredoc.chomp {
                line.text.trim_start_matches('\t')
            } else {
                line.text
            };
            if candidate == body.heredoc.name {
                body.terminator = Span {
                    start: line.start,
                    end: line.start + line.text.len(),
                };
                return (body, Ok(()));
            }
            body.heredoc.raw.push_str(line.whole);
            let stripped = if body.heredoc.chomp {
                line.whole.trim_start_matches('\t')
            } else {
                line.whole
            };
            body.heredoc.body.push_str(stripped);
            body.heredoc.span.end = line.start + line.whole.len();
        }
        (body, Err(()))
    }

    /// One without a body.
    pub(crate) fn heredoc(self) -> Heredoc {
        Heredoc {
            name: self.name,
            fd: self.fd,
            expand: self.expand,
            chomp: self.chomp,
            body: String::new(),
            raw: String::new(),
            span: Span::default(),
        }
    }
}

/// A heredoc that was read, and the line that ended it.
pub(crate) struct Body {
    pub(crate) heredoc: Heredoc,
    pub(crate) terminator: Span,
}

fn quotes(text: &str) -> usize {
    text.matches(['\'', '"']).count()
}

#[cfg(test)]
mod tests {
    use super::Opener;

    fn check(word: &str) -> Option<(String, u32, bool, bool)> {
        Opener::parse(word).map(|o| (o.name, o.fd, o.expand, o.chomp))
    }

    #[test]
    fn an_opener_has_a_name_and_may_have_more() {
        assert_eq!(check("<<EOF"), Some(("EOF".into(), 0, true, false)));
        assert_eq!(check("3<<-'E O F'"), Some(("E O F".into(), 3, false, true)));
        assert_eq!(check("<<E\"O\"F"), Some(("EOF".into(), 0, false, false)));
        assert_eq!(check("<< EOF"), Some(("EOF".into(), 0, true, false)));
        assert_eq!(check("<<$EOF"), Some(("$EOF".into(), 0, true, false)));
    }

    #[test]
    fn other_words_open_nothing() {
        for word in ["<<", "<<<EOF", "a<<EOF", "<<'EOF", "<EOF", "<<-", "<<''", ""] {
            assert_eq!(check(word), None, "{word}");
        }
    }

    #[test]
    fn blanks_may_stand_behind_the_arrows_of_a_line() {
        let names: Vec<String> = Opener::all("cat << EOF >x <<-B <<'C D'")
            .into_iter()
            .map(|(o, _)| o.name)
            .collect();
        assert_eq!(names, ["EOF", "B", "C D"]);
        assert!(Opener::all("echo it's <<EOF").is_empty());
    }
}
