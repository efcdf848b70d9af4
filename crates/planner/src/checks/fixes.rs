//! What mends the findings.

use dockerfile::{Fix, Instruction, KeyValue, Span, Spanned};

/// Other text in the place of a word.
pub(super) fn replace(span: Span, text: &str) -> Fix {
    Fix {
        title: format!("write {text}"),
        edits: vec![(span, text.to_owned())],
    }
}

/// A LABEL in the place of MAINTAINER.
pub(super) fn maintainer(instruction: &Instruction, name: &str) -> Fix {
    let keyword = &instruction.keyword.value;
    let label = if *keyword == keyword.to_lowercase() {
        "label"
    } else {
        "LABEL"
    };
    let mut value = String::new();
    for c in name.chars() {
        if matches!(c, '"' | '\\' | '$') {
            value.push('\\');
        }
        value.push(c);
    }
    let text = format!("{label} org.opencontainers.image.authors=\"{value}\"");
    Fix {
        title: "write a LABEL".to_owned(),
        edits: vec![(instruction.span, text)],
    }
}

/// The empty lines among continued ones removed; `last` is the last line that could be one.
pub(super) fn without_empty_lines(source: &str, instruction: &Instruction, last: usize) -> Option<Fix> {
    let mut edits = Vec::new();
    let mut start = line_start(source, instruction.span.start);
    for (line, text) in (instruction.lines.0..=last).zip(source[start..].split_inclusive('\n')) {
        let end = start + text.len();
        if line > instruction.lines.0 && text.trim().is_empty() {
            edits.push((Span { start, end }, String::new()));
        }
        start = end;
    }
    let title = "remove the empty lines".to_owned();
    (!edits.is_empty()).then_some(Fix { title, edits })
}

/// An empty comment between the comments above an instruction and the instruction.
pub(super) fn empty_comment_above(source: &str, instruction: &Instruction) -> Fix {
    let start = line_start(source, instruction.span.start);
    Fix {
        title: "put an empty comment in between".to_owned(),
        edits: vec![(Span { start, end: start }, "#\n".to_owned())],
    }
}

/// A variable of another name, wherever it stands in `span`.
pub(super) fn rename_variable(source: &str, span: Span, from: &str, to: &str) -> Option<Fix> {
    let text = source.get(span.start..span.end)?;
    let mut edits = Vec::new();
    for (at, _) in text.match_indices(from) {
        let before = &text[..at];
        let after = text[at + from.len()..].chars().next();
        let is_variable = before.ends_with('$') || before.ends_with("${");
        if is_variable && !after.is_some_and(|c| c == '_' || c.is_alphanumeric()) {
            let start = span.start + at;
            edits.push((
                Span {
                    start,
                    end: start + from.len(),
                },
                to.to_owned(),
            ));
        }
    }
    (!edits.is_empty()).then_some(Fix {
        title: format!("write ${to}"),
        edits,
    })
}

/// A flag and the blanks after it removed; `value` is the place of its value.
pub(super) fn without_flag(source: &str, value: Span) -> Option<Fix> {
    let start = source[..value.start].rfind("--")?;
    let rest = &source[value.end..];
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let edits = vec![(
        Span {
            start,
            end: value.end + blanks,
        },
        String::new(),
    )];
    Some(Fix {
        title: "leave --platform out".to_owned(),
        edits,
    })
}

/// A path below the directory the stage starts in.
pub(super) fn absolute(path: &Spanned<String>, base: Option<&str>, os: &str) -> Option<Fix> {
    let base = base.filter(|_| os != "windows")?;
    let before = format!("/{}", base.trim_matches('/'));
    let before = if before == "/" { before } else { before + "/" };
    let start = path.span.start;
    let edits = vec![(Span { start, end: start }, before)];
    Some(Fix {
        title: "write the path from the root".to_owned(),
        edits,
    })
}

/// An instruction removed with its line.
pub(super) fn remove(source: &str, instruction: &Instruction) -> Fix {
    let start = line_start(source, instruction.span.start);
    let end = instruction.span.end;
    let end = source[end..].find('\n').map_or(source.len(), |at| end + at + 1);
    Fix {
        title: "remove it".to_owned(),
        edits: vec![(Span { start, end }, String::new())],
    }
}

/// The JSON form of a shell text: its words, or where a shell is needed, the shell with it.
pub(super) fn json_form(instruction: &Instruction, text: &str) -> Option<Fix> {
    if text.is_empty() {
        return None;
    }
    let is_plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || " _-./:=@%+,".contains(c));
    let (title, words): (&str, Vec<&str>) = if is_plain && !text.split(' ').next().unwrap_or_default().contains('=') {
        ("write a JSON list", text.split_whitespace().collect())
    } else {
        ("write a JSON list with the shell", vec!["/bin/sh", "-c", text])
    };
    let words: Vec<String> = words.into_iter().map(json_string).collect();
    let text = format!("{} [{}]", instruction.keyword.value, words.join(", "));
    Some(Fix {
        title: title.to_owned(),
        edits: vec![(instruction.span, text)],
    })
}

/// `key=value` for `key value`, with blanks in the value kept together.
pub(super) fn with_equals(pair: &KeyValue, escape: char) -> Option<Fix> {
    let value = pair.value.value.as_str();
    let is_simple = !value.contains(['"', '\'', '\\', '`']);
    let value = if !value.contains(char::is_whitespace) {
        value.to_owned()
    } else if is_simple {
        format!("\"{value}\"")
    } else {
        escape_blanks(value, escape)?
    };
    let span = Span {
        start: pair.key.span.start,
        end: pair.value.span.end,
    };
    let edits = vec![(span, format!("{}={value}", pair.key.value))];
    Some(Fix {
        title: "write an equals sign".to_owned(),
        edits,
    })
}

/// The blanks outside quotes escaped; `None` if a quote has no end.
fn escape_blanks(value: &str, escape: char) -> Option<String> {
    let mut out = String::with_capacity(value.len() + 8);
    let mut quote = None;
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c == escape && quote != Some('\'') {
            out.push(c);
            out.extend(chars.next());
            continue;
        }
        match quote {
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c.is_whitespace() => out.push(escape),
            Some(open) if open == c => quote = None,
            _ => {}
        }
        out.push(c);
    }
    quote.is_none().then_some(out)
}

fn json_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\t' => out.push_str("\\t"),
            // Other controls do not stand in a Dockerfile that a person wrote; JSON has no place for them as they are.
            c if c < ' ' => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn line_start(source: &str, at: usize) -> usize {
    source[..at].rfind('\n').map_or(0, |at| at + 1)
}
