//! Lists as Docker prints them: a table, JSON, or a template a row.

use crate::template::{Template, TemplateError, Value};

/// The narrowest cell, blanks after it included.
const NARROWEST: usize = 10;
/// Blanks between two cells.
const GAP: usize = 3;

/// A kind of list.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// What Docker calls the type of a row: `*formatter.imageContext`.
    pub row: &'static str,
    /// The columns without `--format`, as a template, with tabs between them.
    pub columns: &'static str,
    /// What stands above each field.
    pub headers: &'static [(&'static str, &'static str)],
}

impl Kind {
    /// A row with these fields.
    pub fn row<const N: usize>(&self, fields: [(&str, Value); N]) -> Value {
        Value::Row(self.row, fields.map(|(name, value)| (name.to_owned(), value)).to_vec())
    }
}

/// The list, each line ended.
///
/// `format` is what `--format` has: `table`, `table TEMPLATE`, `json` or a template; nothing, or `table`, is the table of `kind`.
///
/// # Errors
///
/// [`TemplateError`] if the template cannot be read or does not fit the rows; nothing is printed then.
///
/// Source: docker/cli, `cli/command/formatter/formatter.go`.
pub fn list(format: Option<&str>, kind: &Kind, rows: &[Value]) -> Result<String, TemplateError> {
    let format = format.unwrap_or("table");
    let columns = match format.strip_prefix("table") {
        Some(own) if own.trim().is_empty() => Some(kind.columns.to_owned()),
        Some(own) => Some(unescape(own.trim_matches(' '))),
        None => None,
    };
    let template = match (&columns, format) {
        (Some(columns), _) => Template::parse(columns)?,
        (None, "json") => Template::parse("{{json .}}")?,
        (None, own) => Template::parse(&unescape(own))?,
    };
    let mut text = String::new();
    if columns.is_some() {
        let headers = kind
            .headers
            .iter()
            .map(|(field, header)| ((*field).to_owned(), Value::from(*header)));
        text = template.render_headers(&Value::Row(kind.row, headers.collect()))?;
        text.push('\n');
    }
    for row in rows {
        text.push_str(&template.render(row)?);
        text.push('\n');
    }
    Ok(if columns.is_some() { align(&text) } else { text })
}

/// What a shell leaves of `\t` in a template.
fn unescape(text: &str) -> String {
    text.replace("\\t", "\t").replace("\\n", "\n")
}

/// Lines whose cells, ended by tabs, stand below each other. The last cell of a line ends with the line.
///
/// Source: Go, `text/tabwriter`, as Docker sets it: `10, 1, 3, ' '`.
pub fn align(text: &str) -> String {
    align_with(text, NARROWEST, GAP)
}

/// The same with the narrowest cell and the gap given.
pub fn align_with(text: &str, narrowest: usize, gap: usize) -> String {
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let mut widths: Vec<Vec<usize>> = lines.iter().map(|cells| vec![0; cells.len() - 1]).collect();
    let most = widths.iter().map(Vec::len).max().unwrap_or(0);
    for column in 0..most {
        let mut first = 0;
        // A column ends where a line has no such cell.
        while first < lines.len() {
            if widths[first].len() <= column {
                first += 1;
                continue;
            }
            let last = (first..lines.len())
                .find(|line| widths[*line].len() <= column)
                .unwrap_or(lines.len());
            let widest = lines[first..last]
                .iter()
                .map(|cells| cells[column].chars().count())
                .max();
            let width = (widest.unwrap_or(0) + gap).max(narrowest);
            for line in &mut widths[first..last] {
                line[column] = width;
            }
            first = last;
        }
    }
    let mut out = String::with_capacity(text.len() * 2);
    for (cells, widths) in lines.iter().zip(&widths) {
        for (index, cell) in cells.iter().enumerate() {
            out.push_str(cell);
            if let Some(width) = widths.get(index) {
                out.extend(std::iter::repeat_n(' ', width - cell.chars().count()));
            }
        }
        out.push('\n');
    }
    out
}

/// At most `length` characters; what is cut leaves `…`.
///
/// Source: docker/cli, `formatter.Ellipsis`.
pub fn ellipsis(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    let kept: String = text.chars().take(length.saturating_sub(1)).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind {
        row: "*formatter.imageContext",
        columns: "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.Size}}",
        headers: &[
            ("ID", "IMAGE ID"),
            ("Repository", "REPOSITORY"),
            ("Tag", "TAG"),
            ("Size", "SIZE"),
            ("Label", ""),
        ],
    };

    fn rows() -> Vec<Value> {
        let row = |repository: &str, tag: &str, id: &str, size: &str| {
            let labels = Value::Map(vec![("a".to_owned(), tag.into())]);
            KIND.row([
                ("Repository", repository.into()),
                ("Tag", tag.into()),
                ("ID", id.into()),
                ("Size", size.into()),
                ("Label", Value::Omitted(Box::new(labels))),
            ])
        };
        vec![
            row("nginx", "latest", "aaaaaaaaaaaa", "188MB"),
            row("localhost:5000/web/nginx", "<none>", "bbbbbbbbbbbb", "5B"),
        ]
    }

    #[test]
    fn columns_stand_below_each_other_three_blanks_apart() {
        let expected = "\
REPOSITORY                 TAG       IMAGE ID       SIZE
nginx                      latest    aaaaaaaaaaaa   188MB
localhost:5000/web/nginx   <none>    bbbbbbbbbbbb   5B
";
        assert_eq!(list(None, &KIND, &rows()).unwrap(), expected);
        assert_eq!(list(Some("table"), &KIND, &rows()).unwrap(), expected);
    }

    #[test]
    fn a_table_of_ones_own_has_headers_too() {
        assert_eq!(
            list(
                Some("table {{.ID}}\\t{{upper .Repository}}\\t{{.Label \"a\"}}"),
                &KIND,
                &rows()
            )
            .unwrap(),
            "\
IMAGE ID       REPOSITORY                 a
aaaaaaaaaaaa   NGINX                      latest
bbbbbbbbbbbb   LOCALHOST:5000/WEB/NGINX   <none>
"
        );
        assert_eq!(list(Some("table {{.ID}}"), &KIND, &[]).unwrap(), "IMAGE ID\n");
    }

    #[test]
    fn a_template_is_a_line_a_row_and_json_an_object_sorted_by_key() {
        assert_eq!(
            list(Some("{{.ID}} {{.Size}}"), &KIND, &rows()).unwrap(),
            "aaaaaaaaaaaa 188MB\nbbbbbbbbbbbb 5B\n"
        );
        assert_eq!(
            list(Some("json"), &KIND, &rows()[1..]).unwrap(),
            "{\"ID\":\"bbbbbbbbbbbb\",\"Repository\":\"localhost:5000/web/nginx\",\"Size\":\"5B\",\"Tag\":\"\\u003cnone\\u003e\"}\n"
        );
    }

    #[test]
    fn a_field_that_no_row_has_is_an_error() {
        let error = list(Some("{{.Foo}}"), &KIND, &rows()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "template: :1:2: executing \"\" at <.Foo>: can't evaluate field Foo in type *formatter.imageContext"
        );
    }

    #[test]
    fn what_is_too_long_is_cut() {
        assert_eq!(ellipsis("abcdef", 6), "abcdef");
        assert_eq!(ellipsis("abcdefg", 6), "abcde…");
        assert_eq!(ellipsis("ééé", 2), "é…");
    }

    #[test]
    fn a_column_ends_where_a_line_has_no_such_cell() {
        assert_eq!(
            align("a\tb\nlonger than ten\tb\nnothing\nx\ty\n"),
            "a                 b\nlonger than ten   b\nnothing\nx         y\n"
        );
    }
}
