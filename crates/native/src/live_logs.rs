//! What commands write, printed while they write it.

use crate::executor::Listener;
use crate::executor::output::Lines;
use crate::progress::Printer;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Prints lines with the seconds since their command began.
///
/// Of several commands one has the terminal; what the others write waits until it ends, but no longer than [`TURN`], as with
/// BuildKit: lines of one command stand together.
pub(crate) struct LiveLogs<'a, 'p> {
    printer: &'a RefCell<Printer<'p>>,
    commands: BTreeMap<usize, Command>,
    /// Who has the terminal, since when.
    turn: Option<(usize, Instant)>,
}

/// So long others wait for the one that has the terminal.
const TURN: Duration = Duration::from_secs(5);

struct Command {
    /// Under which number the printer shows it.
    section: usize,
    begun: Instant,
    lines: Lines,
    /// Lines that wait, with the seconds at which they came.
    waiting: Vec<(f64, String)>,
}

impl<'a, 'p> LiveLogs<'a, 'p> {
    /// Nobody writes yet.
    pub(crate) fn new(printer: &'a RefCell<Printer<'p>>) -> LiveLogs<'a, 'p> {
        LiveLogs {
            printer,
            commands: BTreeMap::new(),
            turn: None,
        }
    }

    fn add(&mut self, number: usize, text: Option<String>) {
        if let (Some(text), Some(command)) = (text, self.commands.get_mut(&number)) {
            command.waiting.push((command.begun.elapsed().as_secs_f64(), text));
        }
        self.change_turns();
        self.print();
    }

    /// Gives the terminal to whoever waits, if it is free or was held for long enough.
    fn change_turns(&mut self) {
        if self.turn.is_some_and(|(_, since)| since.elapsed() < TURN) {
            return;
        }
        let holder = self.turn.map(|(holder, _)| holder);
        let waits = |(number, command): (&usize, &Command)| (!command.waiting.is_empty()).then_some(*number);
        let mut others = self.commands.iter().filter(|(number, _)| Some(**number) != holder);
        if let Some(next) = others.find_map(waits).or(holder) {
            self.turn = Some((next, Instant::now()));
        }
    }

    /// Prints what the one who has the terminal has to say.
    fn print(&mut self) {
        let command = self.turn.and_then(|(holder, _)| self.commands.get_mut(&holder));
        let Some(command) = command.filter(|command| !command.waiting.is_empty()) else {
            return;
        };
        let mut printer = self.printer.borrow_mut();
        printer.turn_to(command.section);
        for (seconds, text) in command.waiting.drain(..) {
            printer.log(seconds, &text);
        }
    }
}

impl Listener for LiveLogs<'_, '_> {
    fn begin(&mut self, number: usize) {
        let command = Command {
            section: self.printer.borrow().count(),
            begun: Instant::now(),
            lines: Lines::default(),
            waiting: Vec::new(),
        };
        self.commands.insert(number, command);
    }

    fn hear(&mut self, number: usize, piece: &[u8]) {
        let text = self
            .commands
            .get_mut(&number)
            .and_then(|command| command.lines.add(piece));
        self.add(number, text);
    }

    fn end(&mut self, number: usize) {
        let rest = self.commands.get_mut(&number).and_then(|command| command.lines.rest());
        // Whoever has ended says all at once.
        self.turn = Some((number, Instant::now()));
        self.add(number, rest);
        self.commands.remove(&number);
        self.turn = None;
    }

    fn pause(&mut self) {
        self.change_turns();
        self.print();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::{Look, Took};

    #[test]
    fn lines_of_a_command_stand_together_and_none_is_lost() {
        let mut out = Vec::new();
        let printer = RefCell::new(Printer::new(&mut out, Look::Plain));
        let mut logs = LiveLogs::new(&printer);
        for (number, title) in [(7, "[a 2/2] RUN make a"), (3, "[b 2/2] RUN make b")] {
            printer.borrow_mut().begin(title);
            logs.begin(number);
        }
        logs.hear(7, b"a1\na2");
        logs.hear(3, b"b1\n");
        logs.hear(7, b"\n");
        logs.end(7);
        printer.borrow_mut().turn_to(1);
        printer.borrow_mut().done(Took::Real(0));
        logs.hear(3, b"b2\nb3");
        logs.end(3);
        printer.borrow_mut().turn_to(2);
        printer.borrow_mut().done(Took::Real(0));
        drop(logs);
        printer.into_inner().finish().unwrap();
        let text = String::from_utf8(out).unwrap();
        let words: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next_back()).collect();
        assert_eq!(
            words,
            [
                "a", "...", "", "b", "...", "", "a", "a1", "a2", "0.0s", "", "b", "b1", "b2", "b3", "0.0s", ""
            ],
            "{text}"
        );
    }
}
