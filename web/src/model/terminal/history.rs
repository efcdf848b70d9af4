//! Commands that were typed before, to be walked with Up and Down.

use std::rc::Rc;

use super::line::Line;

/// Commands that are kept.
const MAX: usize = 500;

/// The commands of one host, oldest first, and where one stands among them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct History {
    /// Oldest first.
    pub(crate) commands: Rc<Vec<String>>,
    /// Where one stands; `None` at the line that is being typed.
    at: Option<usize>,
    /// That line, while one is elsewhere.
    draft: String,
}

impl History {
    /// With what was kept before.
    pub(crate) fn of(mut commands: Vec<String>) -> History {
        commands.drain(..commands.len().saturating_sub(MAX));
        History {
            commands: Rc::new(commands),
            ..History::default()
        }
    }

    /// Keeps a command. Neither a repetition nor one that begins with a blank is kept, as with bash's `ignoreboth`.
    pub(crate) fn keep(&mut self, command: &str) {
        self.at = None;
        let is_repeated = self.commands.last().is_some_and(|last| last == command);
        if command.trim().is_empty() || command.starts_with(' ') || is_repeated {
            return;
        }
        let commands = Rc::make_mut(&mut self.commands);
        commands.push(command.to_owned());
        if commands.len() > MAX {
            commands.remove(0);
        }
    }

    /// The command before, if there is one.
    pub(crate) fn up(&mut self, typed: &Line) -> Option<Line> {
        let to = self.at.unwrap_or(self.commands.len()).checked_sub(1)?;
        if self.at.is_none() {
            self.draft.clone_from(&typed.text);
        }
        self.at = Some(to);
        Some(Line::of(&self.commands[to]))
    }

    /// The command after, or the line that was being typed.
    pub(crate) fn down(&mut self) -> Option<Line> {
        let to = self.at? + 1;
        self.at = (to < self.commands.len()).then_some(to);
        Some(match self.at {
            Some(to) => Line::of(&self.commands[to]),
            None => Line::of(&self.draft),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_and_down_walk_and_come_back_to_what_was_typed() {
        let mut history = History::of(vec!["a".to_owned(), "b".to_owned()]);
        let draft = Line::of("dra");
        let up = |history: &mut History| history.up(&draft).map(|line| line.text);
        assert_eq!(up(&mut history).as_deref(), Some("b"));
        assert_eq!(up(&mut history).as_deref(), Some("a"));
        assert_eq!(up(&mut history), None);
        assert_eq!(history.down().map(|line| line.text).as_deref(), Some("b"));
        assert_eq!(history.down(), Some(draft.clone()));
        assert_eq!(history.down(), None);
    }

    #[test]
    fn a_repetition_and_what_begins_with_a_blank_are_not_kept() {
        let mut history = History::default();
        for command in ["a", "a", " secret", "", "b"] {
            history.keep(command);
        }
        assert_eq!(*history.commands, ["a", "b"]);
    }

    #[test]
    fn the_oldest_go_when_there_are_many() {
        let mut history = History::of((0..MAX + 2).map(|n| n.to_string()).collect());
        assert_eq!(history.commands[0], "2");
        history.keep("new");
        assert_eq!((history.commands.len(), history.commands[0].as_str()), (MAX, "3"));
    }
}
