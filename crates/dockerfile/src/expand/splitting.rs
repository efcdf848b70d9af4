//! Words that blanks outside quotes make of a text.

/// The words that blanks outside quotes make.
#[derive(Default)]
pub(super) struct Words {
    done: Vec<String>,
    current: String,
    inside: bool,
}

impl Words {
    pub(super) fn push(&mut self, c: char) {
        if !c.is_whitespace() {
            self.push_raw(c);
        } else if self.inside && !self.current.is_empty() {
            self.done.push(std::mem::take(&mut self.current));
            self.inside = false;
        }
    }

    pub(super) fn push_raw(&mut self, c: char) {
        self.current.push(c);
        self.inside = true;
    }

    pub(super) fn push_raw_str(&mut self, text: &str) {
        self.current.push_str(text);
        self.inside = true;
    }

    pub(super) fn finish(mut self) -> Vec<String> {
        if !self.current.is_empty() {
            self.done.push(self.current);
        }
        self.done
    }
}
