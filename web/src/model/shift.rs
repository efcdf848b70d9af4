//! Where a place of the old text is found in the new one, after an edit.

/// One edit: the lines before and behind it kept their text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shift {
    /// Bytes at the start that are the same, up to a line break.
    head_bytes: usize,
    /// Whole lines in them.
    head_lines: usize,
    /// Where the unchanged end begins in the old text: bytes, and the number of lines before it.
    tail: (usize, usize),
    /// The same in the new text.
    new_tail: (usize, usize),
}

impl Shift {
    /// Compares two texts line by line.
    pub(crate) fn between(old: &str, new: &str) -> Shift {
        let old_lines: Vec<&str> = old.split_inclusive('\n').collect();
        let new_lines: Vec<&str> = new.split_inclusive('\n').collect();
        let head = old_lines.iter().zip(&new_lines).take_while(|(a, b)| a == b).count();
        let most = old_lines.len().min(new_lines.len()) - head;
        let tail = old_lines
            .iter()
            .rev()
            .zip(new_lines.iter().rev())
            .take(most)
            .take_while(|(a, b)| a == b)
            .count();
        let tail_bytes: usize = old_lines[old_lines.len() - tail..].iter().map(|line| line.len()).sum();
        Shift {
            head_bytes: old_lines[..head].iter().map(|line| line.len()).sum(),
            head_lines: head,
            tail: (old.len() - tail_bytes, old_lines.len() - tail),
            new_tail: (new.len() - tail_bytes, new_lines.len() - tail),
        }
    }

    /// The new numbers of a range of lines (from 1, last one included); `None` if any of them changed.
    pub(crate) fn lines(&self, (first, last): (usize, usize)) -> Option<(usize, usize)> {
        if last <= self.head_lines {
            return Some((first, last));
        }
        (first > self.tail.1).then(|| {
            let moved = |line: usize| line - self.tail.1 + self.new_tail.1;
            (moved(first), moved(last))
        })
    }

    /// The new offsets of a range of bytes; `None` if the edit touches it.
    pub(crate) fn span(&self, (start, end): (usize, usize)) -> Option<(usize, usize)> {
        if end <= self.head_bytes {
            return Some((start, end));
        }
        (start >= self.tail.0).then(|| {
            let moved = |at: usize| at - self.tail.0 + self.new_tail.0;
            (moved(start), moved(end))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_behind_an_inserted_line_move_down() {
        let shift = Shift::between("FROM a\nRUN b\nCMD c\n", "FROM a\n# new\nRUN b\nCMD c\n");
        assert_eq!(shift.lines((1, 1)), Some((1, 1)));
        assert_eq!(shift.lines((2, 3)), Some((3, 4)));
        assert_eq!(shift.span((7, 10)), Some((13, 16)));
    }

    #[test]
    fn a_changed_line_is_found_nowhere() {
        let shift = Shift::between("FROM a\nRUN b\nCMD c\n", "FROM a\nRUN bb\nCMD c\n");
        assert_eq!(shift.lines((2, 2)), None);
        assert_eq!(shift.lines((1, 2)), None);
        assert_eq!(shift.lines((3, 3)), Some((3, 3)));
        assert_eq!(shift.span((7, 12)), None);
    }

    #[test]
    fn removing_repeated_lines_does_not_count_any_twice() {
        let shift = Shift::between("a\na\na\n", "a\n");
        assert_eq!(shift.lines((1, 1)), Some((1, 1)));
        assert_eq!(shift.lines((2, 2)), None);
        assert_eq!(shift.lines((3, 3)), None);
    }

    #[test]
    fn an_empty_text_can_be_compared() {
        assert_eq!(Shift::between("", "FROM a").span((0, 0)), Some((0, 0)));
        assert_eq!(Shift::between("FROM a", "").span((0, 4)), None);
        assert_eq!(Shift::between("", "").span((0, 0)), Some((0, 0)));
    }
}
