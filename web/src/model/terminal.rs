//! One host's terminal: what it has said, the line that is typed, and what each key does. It sends nothing itself: see [`Out`].

mod history;
mod line;
mod screen;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, rc::Rc};

use messages::{Input, TerminalView, Wants};

pub(crate) use history::History;
pub(crate) use line::{Edit, Line};
pub(crate) use screen::{Chunk, Look, Row, Screen};

/// Lines that may wait to be run.
const MAX_WAITING: usize = 1_000;
/// Offers that are listed.
const MAX_OFFERS: usize = 200;

/// A terminal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Terminal {
    /// The lines above the one that is typed.
    pub(crate) screen: Screen,
    /// What it waits for; nothing from when a line is sent until that is answered.
    pub(crate) wants: Wants,
    /// The line that is typed.
    pub(crate) line: Line,
    /// Rises when the line changes other than by typing, so that the page's field takes it over.
    pub(crate) revision: u32,
    /// Commands typed before.
    pub(crate) history: History,
    /// The file that is open in the editor over the terminal.
    pub(crate) editing: Option<Rc<Editing>>,
    /// Lines that are run one after the other, as the terminal waits for them.
    waiting: VecDeque<String>,
    /// What a paste of several lines leaves on the line when they have run.
    rest: String,
    cut: String,
    tabs: Tabs,
}

/// A file in the editor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Editing {
    /// Its path.
    pub(crate) path: String,
    /// Its text when it was opened.
    pub(crate) text: String,
}

/// A key, a paste, or what was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    /// Characters; the line already has them.
    Typed,
    /// Enter.
    Enter,
    /// Text from the clipboard.
    Paste(String),
    /// Up: the command before.
    Up,
    /// Down: the command after.
    Down,
    /// Tab.
    Tab,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D.
    EndOfInput,
    /// Ctrl-L.
    Clear,
    /// A key that moves or cuts.
    Edit(Edit),
}

/// What a key asks of the worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Out {
    /// Give this to the terminal.
    Give(Input),
    /// What could stand at the end of this text?
    Complete(String),
}

/// How far completing has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Tabs {
    /// Tab was not the last key.
    #[default]
    None,
    /// Asked, for this text; `again` if Tab was pressed before and there were several offers.
    Asked { text: String, again: bool },
    /// Answered by several offers: the next Tab lists them.
    Several,
}

impl Terminal {
    /// Takes a key that was pressed while the page's field held `line`.
    pub(crate) fn press(&mut self, line: Line, key: Key) -> Option<Out> {
        self.line = line;
        let tabs = std::mem::take(&mut self.tabs);
        match key {
            Key::Typed => None,
            Key::Enter => self.enter(),
            Key::Paste(text) => self.paste(&text),
            Key::Up => {
                let line = self.history.up(&self.line);
                self.show(line)
            }
            Key::Down => {
                let line = self.history.down();
                self.show(line)
            }
            // A second Tab may come before the answer to the first.
            Key::Tab => self.tab(tabs != Tabs::None),
            Key::Interrupt => self.interrupt(),
            Key::EndOfInput => self.end_of_input(),
            Key::Clear => {
                self.screen.clear();
                None
            }
            Key::Edit(edit) => {
                self.line.edit(edit, &mut self.cut);
                self.revision += 1;
                None
            }
        }
    }

    /// Takes what the worker says. `knows` is false if it was said before the last line was given: then what it waits for is not news.
    pub(crate) fn take(&mut self, view: TerminalView, knows: bool) -> Option<Out> {
        if view.clear {
            self.screen.clear();
        }
        self.screen.write(&view.text);
        if !knows {
            return None;
        }
        self.wants = view.wants;
        if matches!(self.wants, Wants::Prompt(_)) {
            self.screen.close();
            self.editing = None;
        }
        self.run_waiting()
    }

    /// The terminal of a machine that is gone: what was said and typed is kept, nothing runs and nothing waits.
    pub(crate) fn stopped(&self) -> Terminal {
        Terminal {
            screen: self.screen.clone(),
            history: self.history.clone(),
            revision: self.revision + 1,
            ..Terminal::default()
        }
    }

    /// Says something that is the page's own.
    pub(crate) fn say(&mut self, text: &str) {
        self.screen.close();
        self.screen.write(text);
        self.screen.close();
    }

    /// Puts a command on the line, in place of what is there.
    pub(crate) fn put(&mut self, command: &str) {
        self.tabs = Tabs::None;
        self.show(Some(Line::of(command)));
    }

    /// True if a command can be typed and would run at once.
    pub(crate) fn is_free(&self) -> bool {
        matches!(self.wants, Wants::Prompt(_)) && self.waiting.is_empty() && self.editing.is_none()
    }

    /// True while a program runs that reads nothing.
    pub(crate) fn is_running(&self) -> bool {
        self.wants == Wants::Nothing && self.editing.is_none()
    }

    /// How many lines wait to be run.
    pub(crate) fn n_waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What stands before the line; empty while a program runs.
    pub(crate) fn prompt(&self) -> &str {
        match &self.wants {
            Wants::Prompt(prompt) | Wants::More(prompt) | Wants::Line { prompt, .. } => prompt,
            Wants::Nothing => "",
        }
    }

    /// True if what is typed must not be shown.
    pub(crate) fn is_secret(&self) -> bool {
        matches!(self.wants, Wants::Line { echo: false, .. })
    }

    fn show(&mut self, line: Option<Line>) -> Option<Out> {
        if let Some(line) = line {
            self.line = line;
            self.revision += 1;
        }
        None
    }

    fn enter(&mut self) -> Option<Out> {
        let text = std::mem::take(&mut self.line).text;
        self.revision += 1;
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push_back(text);
        }
        self.run_waiting()
    }

    /// Gives the next line that waits, if the terminal waits for one.
    fn run_waiting(&mut self) -> Option<Out> {
        if self.wants == Wants::Nothing {
            return None;
        }
        let text = self.waiting.pop_front()?;
        let prompt = self.prompt().to_owned();
        self.screen.echo(&prompt, if self.is_secret() { "" } else { &text });
        if matches!(self.wants, Wants::Prompt(_)) {
            self.history.keep(&text);
        }
        self.wants = Wants::Nothing;
        if self.waiting.is_empty() && !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            self.line.insert(&rest);
            self.revision += 1;
        }
        Some(Out::Give(Input::Line(text)))
    }

    fn paste(&mut self, text: &str) -> Option<Out> {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let n_lines = text.matches('\n').count();
        if self.waiting.len() + n_lines > MAX_WAITING {
            self.say(&format!(
                "layerlab: expected at most {MAX_WAITING} lines at once, found {n_lines}"
            ));
            return None;
        }
        let mut line = std::mem::take(&mut self.line);
        self.revision += 1;
        let Some((first, more)) = text.split_once('\n') else {
            line.insert(&text);
            self.line = line;
            return None;
        };
        self.waiting.push_back(format!("{}{first}", line.before()));
        let (middle, last) = more
            .rsplit_once('\n')
            .map_or(("", more), |(middle, last)| (middle, last));
        if n_lines > 1 {
            self.waiting.extend(middle.split('\n').map(str::to_owned));
        }
        self.rest = format!("{last}{}", line.after());
        self.run_waiting()
    }

    fn interrupt(&mut self) -> Option<Out> {
        self.waiting.clear();
        self.rest.clear();
        let typed = std::mem::take(&mut self.line).text;
        self.revision += 1;
        if self.wants == Wants::Nothing {
            self.screen.write("^C\n");
            return Some(Out::Give(Input::Interrupt));
        }
        let prompt = self.prompt().to_owned();
        let typed = if self.is_secret() { "" } else { &typed };
        self.screen.echo(&prompt, &format!("{typed}^C"));
        // At a prompt there is nothing to interrupt but the line itself.
        if matches!(self.wants, Wants::Prompt(_)) {
            return None;
        }
        self.wants = Wants::Nothing;
        Some(Out::Give(Input::Interrupt))
    }

    fn end_of_input(&mut self) -> Option<Out> {
        if !self.line.text.is_empty() || !self.waiting.is_empty() {
            return None;
        }
        if self.wants != Wants::Nothing {
            let prompt = self.prompt().to_owned();
            self.screen.echo(&prompt, "");
            self.wants = Wants::Nothing;
        }
        Some(Out::Give(Input::EndOfInput))
    }

    fn tab(&mut self, again: bool) -> Option<Out> {
        let text = self.line.before().to_owned();
        if self.wants == Wants::Nothing || self.is_secret() || text.is_empty() {
            return None;
        }
        self.tabs = Tabs::Asked {
            text: text.clone(),
            again,
        };
        Some(Out::Complete(text))
    }

    /// Takes the answer to [`Out::Complete`]: fills in what all offers have in common, and lists them the second time.
    pub(crate) fn offer(&mut self, start: usize, words: &[String]) {
        let Tabs::Asked { text, again } = std::mem::take(&mut self.tabs) else {
            return;
        };
        // The line went on: the answer is about one that is gone.
        if self.line.before() != text || !text.is_char_boundary(start) {
            return;
        }
        let common = common_start(words);
        // A single offer may also spell otherwise what is there.
        let fills = common.len() > text.len() - start || words.len() == 1;
        if fills {
            self.line.replace_from(start, common);
            self.revision += 1;
        }
        if words.len() < 2 {
            return;
        }
        if again && !fills {
            self.list(words);
        }
        self.tabs = Tabs::Several;
    }

    fn list(&mut self, words: &[String]) {
        let (prompt, line) = (self.prompt().to_owned(), self.line.text.clone());
        self.screen.echo(&prompt, &line);
        let shown: Vec<&str> = words.iter().take(MAX_OFFERS).map(|word| word.trim_end()).collect();
        let more = words.len() - shown.len();
        let more = if more > 0 {
            format!("  … and {more} more")
        } else {
            String::new()
        };
        self.say(&format!("{}{more}", shown.join("  ")));
    }
}

/// What all words begin with; empty if there are none.
fn common_start(words: &[String]) -> &str {
    let Some((first, others)) = words.split_first() else {
        return "";
    };
    let mut end = first.len();
    for other in others {
        let same = first.char_indices().zip(other.chars()).find(|((_, a), b)| a != b);
        end = end.min(same.map_or(other.len(), |((at, _), _)| at));
    }
    &first[..end.min(first.len())]
}
