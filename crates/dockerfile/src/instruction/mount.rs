//! `RUN --mount`: a line of comma-separated values.

use super::Node;
use crate::Mount;
use crate::flags;
use crate::problem::Problem;
use crate::words::Word;

impl Node<'_> {
    /// The mount that a flag describes; `None` if it is another flag.
    pub(super) fn mount(&self, flag: &Word) -> Result<Option<Mount>, Problem> {
        let Some(value) = flag.value.strip_prefix("--mount=") else {
            return Ok(None);
        };
        let (_, range) = flags::ranges(&self.logical.text, flag);
        let fields = fields(value).map_err(|reason| {
            Problem::instruction("mount", range.clone(), format!("failed to parse csv mounts: {reason}"))
        })?;
        let mut pairs = Vec::with_capacity(fields.len());
        for field in fields {
            let (key, value) = match field.split_once('=') {
                Some((key, value)) => (key.to_lowercase(), Some(value.to_owned())),
                None => (field.to_lowercase(), None),
            };
            let variable = value
                .as_ref()
                .and_then(|value| value.find('$').filter(|at| at + 1 < value.len()));
            if key == "from" && variable.is_some() {
                let message = "'from' doesn't support variable expansion, define alias stage instead";
                return Err(Problem::instruction("mount", range, message)
                    .hint("write FROM $NAME AS stage above, and from=stage here"));
            }
            pairs.push((key, value));
        }
        Ok(Some(Mount {
            span: self.logical.span(flag.range.clone()),
            fields: pairs,
        }))
    }
}

/// The fields of one record, as Go's `encoding/csv` reads it.
fn fields(line: &str) -> Result<Vec<String>, String> {
    if line.is_empty() {
        return Err("EOF".to_owned());
    }
    let mut fields = Vec::new();
    let mut at = 0;
    loop {
        let rest = &line[at..];
        let Some(body) = rest.strip_prefix('"') else {
            let end = rest.find(',').unwrap_or(rest.len());
            if let Some(quote) = rest[..end].find('"') {
                return Err(problem(at + quote, "bare \" in non-quoted field"));
            }
            fields.push(rest[..end].to_owned());
            if end == rest.len() {
                return Ok(fields);
            }
            at += end + 1;
            continue;
        };
        let (field, len) =
            quoted_field(body).ok_or_else(|| problem(line.len(), "extraneous or missing \" in quoted-field"))?;
        fields.push(field);
        at += 1 + len;
        match line.as_bytes().get(at) {
            None => return Ok(fields),
            Some(b',') => at += 1,
            Some(_) => return Err(problem(at - 1, "extraneous or missing \" in quoted-field")),
        }
    }
}

/// A field behind its opening quote, and how much of the text it takes with the closing one.
fn quoted_field(body: &str) -> Option<(String, usize)> {
    let mut field = String::new();
    let mut at = 0;
    loop {
        let quote = body[at..].find('"')?;
        field.push_str(&body[at..at + quote]);
        at += quote + 1;
        if !body[at..].starts_with('"') {
            return Some((field, at));
        }
        field.push('"');
        at += 1;
    }
}

fn problem(offset: usize, what: &str) -> String {
    format!("parse error on line 1, column {}: {what}", offset + 1)
}

#[cfg(test)]
mod tests {
    use super::fields;

    #[test]
    fn quotes_protect_commas_and_are_doubled_inside() {
        assert_eq!(
            fields(r#"type=bind,"target=/a,b","x=""y""",ro"#).expect("a record"),
            ["type=bind", "target=/a,b", "x=\"y\"", "ro"]
        );
        assert_eq!(fields("a,").expect("a record"), ["a", ""]);
    }

    #[test]
    fn a_quote_out_of_place_is_an_error() {
        assert_eq!(
            fields("a=\"b\""),
            Err("parse error on line 1, column 3: bare \" in non-quoted field".into())
        );
        assert_eq!(
            fields("\"a"),
            Err("parse error on line 1, column 3: extraneous or missing \" in quoted-field".into())
        );
        assert_eq!(fields(""), Err("EOF".into()));
    }
}
