//! The line that is typed: its text, where the cursor stands, and what each key makes of it.

/// A line with a cursor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Line {
    /// Without a line break.
    pub(crate) text: String,
    /// In bytes, on the border of a character.
    pub(crate) cursor: usize,
}

/// A key that changes the line without a character of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edit {
    /// Ctrl-A.
    Start,
    /// Ctrl-E.
    End,
    /// Ctrl-U: cut what stands before the cursor.
    CutBefore,
    /// Ctrl-K: cut what stands after it.
    CutAfter,
    /// Ctrl-W: cut the word before it.
    CutWord,
    /// Ctrl-Y: put in what was cut last.
    Put,
}

impl Line {
    /// A line with the cursor at its end.
    pub(crate) fn of(text: &str) -> Line {
        Line {
            cursor: text.len(),
            text: text.to_owned(),
        }
    }

    /// A line as the page's field has it; a cursor inside a character goes to its start.
    pub(crate) fn at(text: &str, cursor: usize) -> Line {
        let mut cursor = cursor.min(text.len());
        while !text.is_char_boundary(cursor) {
            cursor -= 1;
        }
        Line {
            text: text.to_owned(),
            cursor,
        }
    }

    /// What stands before the cursor.
    pub(crate) fn before(&self) -> &str {
        &self.text[..self.cursor]
    }

    /// What stands after it.
    pub(crate) fn after(&self) -> &str {
        &self.text[self.cursor..]
    }

    /// Puts text in at the cursor.
    pub(crate) fn insert(&mut self, text: &str) {
        self.text.insert_str(self.cursor, text);
        self.cursor += text.len();
    }

    /// Puts `text` in place of what stands between `start` and the cursor.
    pub(crate) fn replace_from(&mut self, start: usize, text: &str) {
        self.text.replace_range(start..self.cursor, text);
        self.cursor = start + text.len();
    }

    /// Does what a key does; what it cuts goes to `cut`.
    pub(crate) fn edit(&mut self, edit: Edit, cut: &mut String) {
        match edit {
            Edit::Start => self.cursor = 0,
            Edit::End => self.cursor = self.text.len(),
            Edit::CutBefore => self.cut(0, self.cursor, cut),
            Edit::CutAfter => self.cut(self.cursor, self.text.len(), cut),
            Edit::CutWord => self.cut(self.word_start(), self.cursor, cut),
            Edit::Put => self.insert(cut),
        }
    }

    fn cut(&mut self, start: usize, end: usize, cut: &mut String) {
        // A second cut of nothing leaves what was cut before.
        if start < end {
            self.text[start..end].clone_into(cut);
            self.text.replace_range(start..end, "");
            self.cursor = start;
        }
    }

    /// Where the word before the cursor begins; words are parted by blanks, as bash's Ctrl-W has it.
    fn word_start(&self) -> usize {
        let trimmed = self.before().trim_end();
        let blank = trimmed.char_indices().rev().find(|(_, c)| c.is_whitespace());
        blank.map_or(0, |(at, c)| at + c.len_utf8())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line after a key, with `|` for the cursor, and what was cut.
    fn after(line: &str, edit: Edit) -> (String, String) {
        let cursor = line.find('|').expect("a cursor");
        let mut line = Line::at(&line.replace('|', ""), cursor);
        let mut cut = "old".to_owned();
        line.edit(edit, &mut cut);
        (format!("{}|{}", line.before(), line.after()), cut)
    }

    #[test]
    fn keys_move_and_cut_as_in_bash() {
        let cases = [
            ("docker im|age", Edit::Start, "|docker image", "old"),
            ("docker im|age", Edit::End, "docker image|", "old"),
            ("docker im|age", Edit::CutBefore, "|age", "docker im"),
            ("docker im|age", Edit::CutAfter, "docker im|", "age"),
            ("docker image ls |", Edit::CutWord, "docker image |", "ls "),
            ("docker im|age", Edit::CutWord, "docker |age", "im"),
            ("ä ö|", Edit::CutWord, "ä |", "ö"),
            ("|x", Edit::CutBefore, "|x", "old"),
            ("a|b", Edit::Put, "aold|b", "old"),
        ];
        for (line, edit, expected, cut) in cases {
            assert_eq!(
                after(line, edit),
                (expected.to_owned(), cut.to_owned()),
                "{line} {edit:?}"
            );
        }
    }

    #[test]
    fn a_cursor_inside_a_character_goes_to_its_start() {
        assert_eq!(Line::at("ä", 1).cursor, 0);
        assert_eq!(Line::at("a", 99).cursor, 1);
    }
}
