//! What a terminal has said: lines of coloured pieces, in chunks, and only so many of them.

use std::{collections::VecDeque, rc::Rc};

/// Lines in a chunk: what is drawn anew when one line comes.
const CHUNK: usize = 64;
/// Chunks that are kept.
const MAX_CHUNKS: usize = 64;
/// Bytes after which a line is broken.
const MAX_LINE: usize = 4_096;

/// How a piece looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Look {
    /// 0 to 7 for the eight colours, 8 to 15 for the bright ones.
    pub(crate) colour: Option<u8>,
    /// Bold.
    pub(crate) bold: bool,
    /// Dim.
    pub(crate) dim: bool,
    /// A prompt that the page itself has drawn.
    pub(crate) prompt: bool,
}

/// A stretch of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// Its text, without line breaks and control characters.
    pub(crate) text: String,
    /// How it looks.
    pub(crate) look: Look,
}

/// A line; may be empty.
pub(crate) type Row = Vec<Span>;

/// Some lines that stand together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Chunk {
    /// Ever rising: names the chunk while it lives.
    pub(crate) number: u32,
    /// Its lines.
    pub(crate) rows: Vec<Row>,
}

/// The lines above the one that is typed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Screen {
    /// In order. All but the last are full.
    pub(crate) chunks: VecDeque<Rc<Chunk>>,
    next: u32,
    /// True while the last line has not been ended.
    open: bool,
    bytes: usize,
    look: Look,
    /// An escape sequence that has begun and may go on in the next text.
    escape: Option<String>,
}

impl Screen {
    /// Appends text; a line that is not ended goes on with the next text.
    pub(crate) fn write(&mut self, text: &str) {
        let mut piece = String::new();
        for c in text.chars() {
            if let Some(mut escape) = self.escape.take() {
                escape.push(c);
                self.escape = self.take_escape(escape);
                continue;
            }
            match c {
                '\u{1b}' => {
                    self.put(&mut piece);
                    self.escape = Some(String::new());
                }
                '\n' => {
                    self.put(&mut piece);
                    self.end_line();
                }
                '\t' => piece.push('\t'),
                c if c.is_control() => {}
                c => {
                    if self.bytes + piece.len() + c.len_utf8() > MAX_LINE {
                        self.put(&mut piece);
                        self.end_line();
                    }
                    piece.push(c);
                }
            }
        }
        self.put(&mut piece);
    }

    /// Appends a line that the page itself draws: a prompt, and what was typed at it.
    pub(crate) fn echo(&mut self, prompt: &str, typed: &str) {
        self.close();
        let look = Look::default();
        let mut row = Vec::new();
        for (text, prompt) in [(prompt, true), (typed, false)] {
            if !text.is_empty() {
                row.push(Span {
                    text: text.to_owned(),
                    look: Look { prompt, ..look },
                });
            }
        }
        *self.row() = row;
        self.end_line();
    }

    /// Ends a line that is not ended.
    pub(crate) fn close(&mut self) {
        if self.open {
            self.end_line();
        }
    }

    /// Forgets all lines.
    pub(crate) fn clear(&mut self) {
        *self = Screen {
            next: self.next,
            ..Screen::default()
        };
    }

    /// How many lines are kept.
    pub(crate) fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.rows.len()).sum()
    }

    fn end_line(&mut self) {
        // An empty line is a line too.
        self.row();
        self.open = false;
        self.bytes = 0;
    }

    fn put(&mut self, piece: &mut String) {
        if piece.is_empty() {
            return;
        }
        let text = std::mem::take(piece);
        self.bytes += text.len();
        let look = self.look;
        let row = self.row();
        match row.last_mut() {
            Some(last) if last.look == look => last.text.push_str(&text),
            _ => row.push(Span { text, look }),
        }
    }

    /// The line that is being written: a new one if the last is ended.
    fn row(&mut self) -> &mut Row {
        let is_full = self.chunks.back().is_none_or(|chunk| chunk.rows.len() >= CHUNK);
        if !self.open && is_full {
            self.chunks.push_back(Rc::new(Chunk {
                number: self.next,
                rows: Vec::new(),
            }));
            self.next += 1;
            if self.chunks.len() > MAX_CHUNKS {
                self.chunks.pop_front();
            }
        }
        let chunk = self.chunks.back_mut().expect("one was pushed if there was none");
        let rows = &mut Rc::make_mut(chunk).rows;
        if !self.open {
            rows.push(Row::new());
            self.open = true;
        }
        rows.last_mut()
            .expect("one was pushed if there was none, and an open line is in the last chunk")
    }

    /// Takes an escape sequence as far as it has come; gives it back if it is not over.
    fn take_escape(&mut self, escape: String) -> Option<String> {
        let last = escape.chars().next_back()?;
        if escape == "[" {
            return Some(escape);
        }
        // A sequence that does not end is dropped.
        if escape.starts_with('[') && !('\u{40}'..='\u{7e}').contains(&last) && escape.len() < 32 {
            return Some(escape);
        }
        if let Some(codes) = escape.strip_prefix('[').and_then(|rest| rest.strip_suffix('m')) {
            for code in codes.split(';') {
                self.look = look_after(self.look, code);
            }
        }
        None
    }
}

/// What an SGR code makes of a look; codes that are not drawn change nothing.
///
/// Source: ECMA-48, 8.3.117.
fn look_after(look: Look, code: &str) -> Look {
    match code.parse::<u8>() {
        Ok(0) => Look::default(),
        Err(_) if code.is_empty() => Look::default(),
        Ok(1) => Look { bold: true, ..look },
        Ok(2) => Look { dim: true, ..look },
        Ok(22) => Look {
            bold: false,
            dim: false,
            ..look
        },
        Ok(n @ 30..=37) => Look {
            colour: Some(n - 30),
            ..look
        },
        Ok(39) => Look { colour: None, ..look },
        Ok(n @ 90..=97) => Look {
            colour: Some(n - 90 + 8),
            ..look
        },
        _ => look,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(screen: &Screen) -> Vec<String> {
        let rows = screen.chunks.iter().flat_map(|chunk| chunk.rows.iter());
        rows.map(|row| row.iter().map(|span| span.text.as_str()).collect())
            .collect()
    }

    fn written(texts: &[&str]) -> Screen {
        let mut screen = Screen::default();
        for text in texts {
            screen.write(text);
        }
        screen
    }

    #[test]
    fn a_line_goes_on_in_the_next_text() {
        assert_eq!(texts(&written(&["a", "b\n", "\nc\n"])), ["ab", "", "c"]);
    }

    #[test]
    fn a_prompt_begins_a_line_of_its_own() {
        let mut screen = written(&["no end"]);
        screen.echo("$ ", "ls");
        screen.write("x\n");
        assert_eq!(texts(&screen), ["no end", "$ ls", "x"]);
    }

    #[test]
    fn colours_last_until_they_are_taken_back_even_over_a_cut() {
        let screen = written(&["\u{1b}[1;3", "1mred\u{1b}[0m plain\u{1b}[2J\n"]);
        let row = &screen.chunks[0].rows[0];
        let red = Look {
            colour: Some(1),
            bold: true,
            ..Look::default()
        };
        assert_eq!((row[0].text.as_str(), row[0].look), ("red", red));
        assert_eq!((row[1].text.as_str(), row[1].look), (" plain", Look::default()));
    }

    #[test]
    fn control_characters_are_not_shown() {
        assert_eq!(texts(&written(&["a\u{7}\r\nb\n"])), ["a", "b"]);
    }

    #[test]
    fn old_lines_go_and_the_chunks_keep_their_numbers() {
        let mut screen = Screen::default();
        for n in 0..CHUNK * (MAX_CHUNKS + 2) {
            screen.write(&format!("{n}\n"));
        }
        assert_eq!(screen.len(), CHUNK * MAX_CHUNKS);
        assert_eq!(screen.chunks[0].number, 2);
        assert_eq!(texts(&screen)[0], (2 * CHUNK).to_string());
    }

    #[test]
    fn a_line_without_an_end_is_broken() {
        let screen = written(&[&"x".repeat(MAX_LINE * 2 + 1)]);
        assert_eq!(screen.len(), 3);
    }

    #[test]
    fn only_the_last_chunk_changes_when_a_line_comes() {
        let mut screen = Screen::default();
        screen.write(&"x\n".repeat(CHUNK + 1));
        let before = screen.clone();
        screen.write("y\n");
        assert!(Rc::ptr_eq(&before.chunks[0], &screen.chunks[0]));
        assert!(!Rc::ptr_eq(&before.chunks[1], &screen.chunks[1]));
    }
}
