//! A diagnostic as text, for terminals and tests.

use std::fmt::Write as _;

use crate::{Diagnostic, Severity};

/// Returns the message, the line concerned with carets under the words, and the hints; several lines, the last with its break.
///
/// # Example
///
/// ```
/// let source = "FROM scratch\nWORDDIR /app\n";
/// let parse = dockerfile::parse(source);
/// assert_eq!(dockerfile::render_plain(source, &parse.diagnostics[0]), "\
/// error: dockerfile parse error on line 2: unknown instruction: WORDDIR (did you mean WORKDIR?)
///   |
/// 2 | WORDDIR /app
///   | ^^^^^^^
///   = write WORKDIR
/// ");
/// ```
pub fn render_plain(source: &str, diagnostic: &Diagnostic) -> String {
    let label = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut out = format!("{label}: {}\n", diagnostic.message);
    let start = floor(source, diagnostic.span.start);
    let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = source[start..].find('\n').map_or(source.len(), |at| start + at);
    let number = source[..start].matches('\n').count() + 1;
    let margin = " ".repeat(number.to_string().len());
    let line = source[line_start..line_end].trim_end();
    if !line.is_empty() {
        let end = floor(source, diagnostic.span.end).clamp(start, (line_start + line.len()).max(start));
        let carets = source[start..end].chars().count().max(1);
        // Tabs stay tabs, so that the carets stand under the words whatever a tab's width.
        let blanks: String = source[line_start..start]
            .chars()
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        write!(
            out,
            "{margin} |\n{number} | {line}\n{margin} | {blanks}{}\n",
            "^".repeat(carets)
        )
        .expect("a String takes all text");
    }
    for hint in &diagnostic.hints {
        writeln!(out, "{margin} = {hint}").expect("a String takes all text");
    }
    out
}

/// The last place at or before `at` where a character starts.
fn floor(source: &str, at: usize) -> usize {
    let at = at.min(source.len());
    (0..=at).rev().find(|at| source.is_char_boundary(*at)).unwrap_or(0)
}
