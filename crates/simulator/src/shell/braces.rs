//! Braces, which bash expands and a POSIX shell does not.

/// The script with braces as a POSIX shell takes them: `{a,b}` is a word like any other, so its brace is quoted.
///
/// Scripts with here-documents are left as they are: their bodies are text.
pub(crate) fn posix_braces(script: &str) -> String {
    if script.contains("<<") {
        return script.to_owned();
    }
    let mut out = String::with_capacity(script.len());
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in script.char_indices() {
        let escaped = before == '\\';
        match quote {
            Some(open) if c == open && (open == '\'' || !escaped) => quote = None,
            None if matches!(c, '\'' | '"') && !escaped => quote = Some(c),
            None if c == '{' && !escaped && before != '$' && is_expansion(&script[at..]) => out.push('\\'),
            _ => {}
        }
        out.push(c);
        // A backslash that is itself escaped escapes nothing.
        before = if c == '\\' && escaped { ' ' } else { c };
    }
    out
}

/// Whether bash would expand what begins with this brace.
fn is_expansion(text: &str) -> bool {
    let word: &str = text
        .split(|c: char| c.is_whitespace() || ";&|()<>".contains(c))
        .next()
        .unwrap_or_default();
    word.find('}')
        .is_some_and(|end| word[..end].contains(',') || word[..end].contains(".."))
}

#[cfg(test)]
mod tests {
    use super::posix_braces;

    #[test]
    fn only_braces_that_bash_would_expand_are_quoted() {
        assert_eq!(posix_braces("mkdir {a,b} x{1..3}"), "mkdir \\{a,b} x\\{1..3}");
        for same in [
            "echo ${a,b}",
            "awk '{print $1,$2}'",
            "echo \"{a,b}\"",
            "{ a; }",
            "echo \\{a,b}",
            "find -exec rm {} \\;",
            "cat <<E\n{a,b}\nE",
        ] {
            assert_eq!(posix_braces(same), same);
        }
    }
}
