//! Go's `text/template` with Docker's functions: what `--format` takes.
//!
//! [`Template::parse`] reads the text, [`Template::render`] fills it with a [`Value`]. Errors are in Go's words. What a template may
//! print and how long it may run is limited. `define`, `template` and `block` are not there.
//!
//! ```
//! use cli::template::{Template, Value};
//!
//! let image = Value::structure([("Os", Value::from("linux")), ("Tags", Value::from(vec!["a".to_owned(), "b".to_owned()]))]);
//! let template = Template::parse(r#"{{.Os | upper}} {{range .Tags}}[{{.}}]{{end}} {{json .Tags}}"#).unwrap();
//! assert_eq!(template.render(&image).unwrap(), r#"LINUX [a][b] ["a","b"]"#);
//! ```
//!
//! Source: Go, `text/template` and `text/template/parse`; docker/cli, `templates/templates.go`.

mod arguments;
mod compare;
mod constant;
mod exec;
mod float;
mod functions;
mod json;
mod lex;
mod node;
mod parse;
mod printf;
mod value;

pub use value::{Null, Value};

use node::Item;

/// A template that has been read.
#[derive(Debug, Clone)]
pub struct Template {
    items: Vec<Item>,
}

/// Why a template cannot be read, or cannot be filled. The text is Go's: `template: :1: function "x" not defined`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template: {0}")]
pub struct TemplateError(pub(crate) String);

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] with the line.
    pub fn parse(text: &str) -> Result<Template, TemplateError> {
        parse::parse(text).map(|items| Template { items })
    }

    /// The template with `value` for its dot.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] with the line, the column and the part of the template that could not be executed.
    pub fn render(&self, value: &Value) -> Result<String, TemplateError> {
        exec::render(&self.items, value, exec::Rows::Values)
    }

    /// The same for the line above a table: functions leave a header as it is.
    ///
    /// # Errors
    ///
    /// As [`render`](Template::render).
    pub fn render_headers(&self, headers: &Value) -> Result<String, TemplateError> {
        exec::render(&self.items, headers, exec::Rows::Headers)
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    std::fmt::Write::write_fmt(out, text).expect("a String takes all text");
}

#[cfg(test)]
mod tests;
