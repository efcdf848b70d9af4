//! Whether a text is a whole command, or the first lines of one.

use bashkit::parser::{Parser, Script};

/// What a text is to the shell.
#[derive(Debug)]
pub(crate) enum Reading {
    /// Commands to run, possibly none.
    Whole(Script),
    /// More lines belong to it.
    Unfinished,
    /// No command; the shell says why when it runs it.
    Wrong,
}

/// Reads `text` as a shell that is typed at.
pub(crate) fn read(text: &str) -> Reading {
    let n_backslashes = text.bytes().rev().take_while(|byte| *byte == b'\\').count();
    let last_line = text.trim_end().lines().last().unwrap_or_default();
    let awaits_command = (last_line.ends_with("&&") || last_line.ends_with('|')) && !last_line.contains('#');
    if n_backslashes % 2 == 1 || awaits_here_document(text) || awaits_command {
        return Reading::Unfinished;
    }
    match Parser::new(text).parse() {
        Ok(script) => match &script.trailing_error {
            Some(error) if is_end(error) => Reading::Unfinished,
            Some(_) => Reading::Wrong,
            None => Reading::Whole(script),
        },
        Err(error) if is_end(&error.to_string()) => Reading::Unfinished,
        Err(_) => Reading::Wrong,
    }
}

/// Whether a complaint is about the text's end.
fn is_end(error: &str) -> bool {
    let error = error.to_lowercase();
    [
        "unterminated",
        "unexpected end of input",
        "unexpected eof",
        "unexpected end of file",
    ]
    .iter()
    .any(|end| error.contains(end))
}

/// Whether a here-document has begun and not ended: the parser takes the end of the text for its end.
fn awaits_here_document(text: &str) -> bool {
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        for (word, strips) in delimiters(line) {
            let is_end = |line: &str| (if strips { line.trim_start_matches('\t') } else { line }) == word;
            if !lines.any(is_end) {
                return true;
            }
        }
    }
    false
}

/// The words that end the here-documents which begin on `line`, each with whether tabs are stripped.
fn delimiters(line: &str) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    let mut quote = None;
    let chars: Vec<char> = line.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        let here = &chars[at..];
        if let Some(open) = quote {
            if c == open {
                quote = None;
            } else if c == '\\' && open == '"' {
                at += 1;
            }
        } else if c == '\\' {
            at += 1;
        } else if c == '\'' || c == '"' {
            quote = Some(c);
        } else if c == '#' && (at == 0 || chars[at - 1].is_whitespace()) {
            break;
        } else if here.starts_with(&['<', '<', '<']) {
            at += 2;
        } else if here.starts_with(&['<', '<']) {
            at += 2;
            let strips = chars.get(at) == Some(&'-');
            at += usize::from(strips);
            let rest: String = chars[at..].iter().collect();
            let word: String = rest
                .trim_start()
                .chars()
                .take_while(|c| !c.is_whitespace() && !";|&<>()".contains(*c))
                .filter(|c| !"'\"\\".contains(*c))
                .collect();
            // A digit first is a shift in arithmetic.
            if word.starts_with(|c: char| c.is_alphabetic() || c == '_') {
                found.push((word, strips));
            }
            continue;
        }
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Reading, read};

    #[test]
    fn a_text_is_whole_when_nothing_in_it_is_open() {
        for text in [
            "echo 'open",
            "echo \"open",
            "cat <<EOF\nline",
            "cat <<-'EOF' > x\n\tline",
            "for i in 1 2\ndo echo $i",
            "if true; then",
            "docker run \\",
            "echo a &&",
            "echo a |",
            "f() {",
            "echo $(date",
            "case x in",
        ] {
            assert!(matches!(read(text), Reading::Unfinished), "{text}: {:?}", read(text));
        }
        for text in [
            "",
            "# a comment",
            "echo 'it' \"is\"",
            "cat <<EOF\nline\nEOF",
            "cat <<-'EOF' > x\n\tline\n\tEOF\n",
            "cat <<< word",
            "echo $((1 << 4))",
            "echo 'a << b'",
            "for i in 1 2\ndo echo $i\ndone",
            "echo \\\\",
        ] {
            assert!(matches!(read(text), Reading::Whole(_)), "{text}: {:?}", read(text));
        }
        for text in ["fi", "echo )", "done"] {
            assert!(matches!(read(text), Reading::Wrong), "{text}: {:?}", read(text));
        }
    }
}
