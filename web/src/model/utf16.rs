//! Places in a text, from UTF-8 bytes to the UTF-16 units in which a browser counts.

/// Byte offsets of one text, to be turned into UTF-16 offsets.
///
/// Invariant: `marks` rises, and holds one pair for every character that is longer than one byte: the offsets just past it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Utf16Map {
    marks: Vec<(usize, usize)>,
}

impl Utf16Map {
    /// Reads `text` once.
    pub(crate) fn of(text: &str) -> Utf16Map {
        let mut marks = Vec::new();
        let mut units = 0;
        for (at, c) in text.char_indices() {
            units += c.len_utf16();
            if c.len_utf8() > 1 {
                marks.push((at + c.len_utf8(), units));
            }
        }
        Utf16Map { marks }
    }

    /// The UTF-16 offset of a byte offset; one inside a character counts as that character's start or a little after.
    pub(crate) fn utf16(&self, byte: usize) -> usize {
        let after = self.marks.partition_point(|&(at, _)| at <= byte);
        match after.checked_sub(1).map(|last| self.marks[last]) {
            None => byte,
            Some((at, units)) => units + (byte - at),
        }
    }

    /// The byte offset of a UTF-16 offset.
    pub(crate) fn byte(&self, utf16: usize) -> usize {
        let after = self.marks.partition_point(|&(_, units)| units <= utf16);
        match after.checked_sub(1).map(|last| self.marks[last]) {
            None => utf16,
            Some((at, units)) => at + (utf16 - units),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_starts_where_the_browser_says() {
        let text = "RUN echo ä 世 😀 end\nCMD x";
        let map = Utf16Map::of(text);
        let mut units = 0;
        for (at, c) in text.char_indices() {
            assert_eq!(map.utf16(at), units, "before {c:?}");
            assert_eq!(map.byte(units), at, "before {c:?}");
            units += c.len_utf16();
        }
        assert_eq!(map.utf16(text.len()), units);
    }

    #[test]
    fn plain_text_keeps_its_offsets() {
        assert_eq!(Utf16Map::of("FROM scratch").utf16(7), 7);
    }
}
