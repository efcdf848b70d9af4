//! Parser directives: the comments at the very top that are instructions to the parser.

use crate::{Directive, Span, Spanned};

/// The directives there are.
const NAMES: [&str; 3] = ["check", "escape", "syntax"];

/// Reads the line of a directive, blanks before `#` excluded, that starts at `start`; `None` if it is none.
pub(crate) fn read(line: &str, start: usize) -> Option<Directive> {
    let body = line.strip_prefix('#')?.trim_start();
    let name_start = line.len() - body.len();
    let name_len = body.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(body.len());
    let name = &body[..name_len];
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let after = body[name_len..]
        .trim_start_matches(is_space)
        .strip_prefix('=')?
        .trim_start_matches(is_space);
    let value = after.trim_end_matches(is_space);
    let name = name.to_ascii_lowercase();
    if value.is_empty() || !NAMES.contains(&name.as_str()) {
        return None;
    }
    let value_start = start + line.len() - after.len();
    let name_start = start + name_start;
    Some(Directive {
        name: Spanned {
            value: name,
            span: Span {
                start: name_start,
                end: name_start + name_len,
            },
        },
        value: Spanned {
            value: value.to_owned(),
            span: Span {
                start: value_start,
                end: value_start + value.len(),
            },
        },
    })
}

/// The directives behind a first line like `#!/usr/bin/env …`, which all but the parser itself skip.
pub(crate) fn behind_shebang(source: &str) -> Vec<Directive> {
    let start = if source.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let mut found: Vec<Directive> = Vec::new();
    let Some((shebang, _)) = source[start..]
        .split_once('\n')
        .filter(|(line, _)| line.starts_with("#!"))
    else {
        return found;
    };
    let mut at = start + shebang.len() + 1;
    for line in source[at..].split_inclusive('\n') {
        let Some(directive) = read(line.trim_end_matches(['\r', '\n']), at) else {
            break;
        };
        if found.iter().any(|earlier| earlier.name.value == directive.name.value) {
            break;
        }
        // The parser itself has stopped looking at the first line.
        if directive.name.value != "escape" {
            found.push(directive);
        }
        at += line.len();
    }
    found
}

fn is_space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\u{c}' | '\r' | ' ')
}

#[cfg(test)]
mod tests {
    use super::{behind_shebang, read};

    fn check(line: &str) -> Option<(String, String)> {
        read(line, 0).map(|d| (d.name.value, d.value.value))
    }

    #[test]
    fn a_directive_has_a_known_name_and_a_value() {
        assert_eq!(
            check("# Syntax = docker/dockerfile:1 x "),
            Some(("syntax".into(), "docker/dockerfile:1 x".into()))
        );
        assert_eq!(check("#escape=`"), Some(("escape".into(), "`".into())));
        for line in [
            "# foo=bar",
            "# syntax",
            "# syntax=",
            "syntax=x",
            "# 1syntax=x",
            "# syn tax=x",
        ] {
            assert_eq!(check(line), None, "{line}");
        }
    }

    #[test]
    fn spans_stand_at_name_and_value() {
        let directive = read("#  check =  skip=all ", 100).expect("a directive");
        assert_eq!((directive.name.span.start, directive.name.span.end), (103, 108));
        assert_eq!((directive.value.span.start, directive.value.span.end), (112, 120));
    }

    #[test]
    fn a_shebang_is_skipped_for_all_but_escape() {
        let names: Vec<String> = behind_shebang("#!/x\n# check=skip=all\n# escape=`\n# syntax=a\nFROM x\n")
            .into_iter()
            .map(|d| d.name.value)
            .collect();
        assert_eq!(names, ["check", "syntax"]);
    }
}
