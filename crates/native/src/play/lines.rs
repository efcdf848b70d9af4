//! The progress of a child, read from the lines of `--progress=plain`: what has begun, what it says, how it ended.

use crate::excerpt::printable;
use messages::RunEvent;
use std::collections::{BTreeMap, VecDeque};

/// The most characters of a line that are passed on.
const MAX_LINE: usize = 8 << 10;
/// The most lines that are remembered to say why something failed.
const MAX_LAST: usize = 20;

/// Reads lines one after the other.
#[derive(Debug, Default)]
pub(super) struct Progress {
    begun: usize,
    titles: BTreeMap<usize, String>,
    last: VecDeque<String>,
}

impl Progress {
    /// What a line says; `None` for an empty one.
    pub(super) fn read(&mut self, line: &str) -> Option<RunEvent> {
        let line = printable(line.trim_end());
        if line.is_empty() {
            return None;
        }
        let line: String = line.chars().take(MAX_LINE).collect();
        if self.is_known(&line) {
            return None;
        }
        Some(self.numbered(&line).unwrap_or_else(|| {
            if self.last.len() == MAX_LAST {
                self.last.pop_front();
            }
            self.last.push_back(line.clone());
            RunEvent::Log { number: 0, text: line }
        }))
    }

    /// Why the program failed, as it said last: its hints and its error, or whatever it wrote.
    pub(super) fn why(&self) -> String {
        let is_said = |line: &&String| line.starts_with("error: ") || line.starts_with("hint: ");
        let said: Vec<&str> = self.last.iter().filter(is_said).map(String::as_str).collect();
        let said = if said.is_empty() {
            self.last.iter().map(String::as_str).collect()
        } else {
            said
        };
        if said.is_empty() {
            "error: the program ended without a word".to_owned()
        } else {
            said.join("\n")
        }
    }

    /// Of steps that go on beside each other the program says which one speaks: here each line has its number anyway.
    fn is_known(&self, line: &str) -> bool {
        let numbered = line.strip_prefix('#').and_then(|line| line.split_once(' '));
        let Some((number, text)) = numbered else { return false };
        let title = number.parse().ok().and_then(|number: usize| self.titles.get(&number));
        title.is_some_and(|title| text == "..." || text == title)
    }

    /// A line that begins with `#` and a number.
    fn numbered(&mut self, line: &str) -> Option<RunEvent> {
        let (number, text) = line.strip_prefix('#')?.split_once(' ')?;
        let number: usize = number.parse().ok()?;
        let text = text.to_owned();
        // The first line of a number is its title.
        if number > self.begun {
            self.begun = number;
            self.titles.insert(number, text.clone());
            return Some(RunEvent::Begun { number, title: text });
        }
        let how = match text.split(' ').next().unwrap_or_default() {
            "CACHED" => "cached",
            "DONE" => "done",
            "ERROR:" => "failed",
            "CANCELED" => return Some(ended_by_another(number)),
            _ => return Some(RunEvent::Log { number, text }),
        };
        let text = text.split_once(' ').map_or("", |(_, rest)| rest).to_owned();
        let how = how.to_owned();
        Some(RunEvent::Ended { number, how, text })
    }
}

fn ended_by_another(number: usize) -> RunEvent {
    RunEvent::Ended {
        number,
        how: "failed".to_owned(),
        text: "ended because another step failed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<RunEvent>, Progress) {
        let mut progress = Progress::default();
        let events = text.lines().filter_map(|line| progress.read(line)).collect();
        (events, progress)
    }

    #[test]
    fn steps_begin_speak_and_end() {
        let (events, _) =
            read("#1 [1/2] FROM scratch\n#1 CACHED\n\n#2 [2/2] RUN make\n#2 0.120 cc -c a.c\n#2 DONE 0.3s\n");
        let begun = |number, title: &str| RunEvent::Begun {
            number,
            title: title.to_owned(),
        };
        let ended = |number, how: &str, text: &str| RunEvent::Ended {
            number,
            how: how.to_owned(),
            text: text.to_owned(),
        };
        let log = RunEvent::Log {
            number: 2,
            text: "0.120 cc -c a.c".to_owned(),
        };
        assert_eq!(
            events,
            [
                begun(1, "[1/2] FROM scratch"),
                ended(1, "cached", ""),
                begun(2, "[2/2] RUN make"),
                log,
                ended(2, "done", "0.3s"),
            ]
        );
    }

    #[test]
    fn steps_beside_each_other_are_told_apart_and_begin_once() {
        let (events, _) = read(
            "#1 [a 2/2] RUN a\n#1 ...\n\n#2 [b 2/2] RUN b\n#2 ...\n\n#1 [a 2/2] RUN a\n#1 0.1 word\n#1 DONE 0.2s\n\n\
             #2 [b 2/2] RUN b\n#2 CANCELED\n",
        );
        let numbers: Vec<(usize, bool)> = events
            .iter()
            .map(|event| match event {
                RunEvent::Begun { number, .. } | RunEvent::Log { number, .. } => (*number, false),
                RunEvent::Ended { number, .. } => (*number, true),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(numbers, [(1, false), (2, false), (1, false), (1, true), (2, true)]);
    }

    #[test]
    fn a_failure_is_told_in_the_words_of_the_program() {
        let (_, progress) =
            read("#1 [1/1] RUN false\n#1 ERROR: exit code: 1\nDockerfile:1\nhint: look\nerror: failed to solve\n");
        assert_eq!(progress.why(), "hint: look\nerror: failed to solve");
        assert_eq!(read("").1.why(), "error: the program ended without a word");
        assert_eq!(read("thread panicked").1.why(), "thread panicked");
    }

    #[test]
    fn what_a_command_writes_is_no_event_of_the_program() {
        let (events, _) = read("#1 [1/1] RUN x\n#1 0.001 #9 [1/1] FROM evil\n#1 0.002 \u{1b}[2J\n");
        assert!(matches!(&events[1], RunEvent::Log { number: 1, text } if text == "0.001 #9 [1/1] FROM evil"));
        assert!(matches!(&events[2], RunEvent::Log { text, .. } if !text.contains('\u{1b}')));
    }

    #[test]
    fn a_flood_without_an_end_of_line_is_cut() {
        let (events, _) = read(&"x".repeat(MAX_LINE + 1));
        assert!(matches!(&events[0], RunEvent::Log { text, .. } if text.len() == MAX_LINE));
    }
}
