//! What of a program's output reaches the screen.

/// Text as a terminal shows it: of control characters only line ends, tabs and colours are left.
pub(super) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' => {
                // A bare carriage return starts the line again.
                if rest.peek() != Some(&'\n') {
                    let line = out.rfind('\n').map_or(0, |at| at + 1);
                    out.truncate(line);
                }
            }
            '\u{1b}' => {
                let mut sequence = String::from(c);
                while let Some(&next) = rest.peek() {
                    sequence.push(next);
                    rest.next();
                    if next.is_ascii_alphabetic() || sequence.len() > 32 {
                        break;
                    }
                }
                if sequence.starts_with("\u{1b}[") && sequence.ends_with('m') {
                    out.push_str(&sequence);
                }
            }
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
