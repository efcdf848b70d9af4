//! The build while it goes on, as `docker build --progress=plain` prints it.

use crate::excerpt::printable;
use oci::Reference;
use planner::{Base, Plan};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Prints steps to a terminal or a file. Errors of writing are kept and given by [`Printer::finish`].
pub struct Printer<'a> {
    out: &'a mut dyn Write,
    look: Look,
    count: usize,
    /// Which one the last line belongs to.
    current: usize,
    /// Titles of those that have begun and not ended.
    open: BTreeMap<usize, String>,
    failure: Option<io::Error>,
}

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Text only.
    Plain,
    /// With the colours of a terminal.
    Colour,
    /// Nothing at all.
    Silent,
}

/// A step as it is announced: `[build 2/4] RUN go build`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Title<'a> {
    /// The stage's name; empty if there is one stage only.
    pub stage: &'a str,
    /// The step's number in the stage, from 1.
    pub number: usize,
    /// How many steps the stage has.
    pub total: usize,
    /// The instruction.
    pub text: &'a str,
}

impl<'a> Title<'a> {
    /// That of a step of a plan, by its index.
    pub fn of(plan: &'a Plan, step: usize) -> Title<'a> {
        let step = &plan.steps[step];
        let stage = &plan.stages[step.stage];
        Title {
            stage: &stage.label,
            number: step.number,
            total: stage.total,
            text: &step.text,
        }
    }
}

/// An image's name with registry and tag, as BuildKit prints it.
pub fn full_name(name: &str) -> String {
    Reference::parse(name).map_or_else(|_| name.to_owned(), |name| name.or_latest().to_string())
}

/// How long something took, and whether that was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Took {
    /// Milliseconds on the clock.
    Real(u64),
    /// Milliseconds that it would take, as the simulation has it.
    Simulated(u64),
}

impl<'a> Printer<'a> {
    /// A printer to `out`.
    pub fn new(out: &'a mut dyn Write, look: Look) -> Printer<'a> {
        Printer {
            out,
            look,
            count: 0,
            current: 0,
            open: BTreeMap::new(),
            failure: None,
        }
    }

    /// Goes on numbering after `count` things that another printer has printed.
    #[must_use]
    pub fn after(mut self, count: usize) -> Printer<'a> {
        self.count = count;
        self.current = count;
        self
    }

    /// How many things have begun.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Something that begins; what follows until the next one belongs to it.
    pub fn begin(&mut self, title: &str) {
        let title = bold(self.look, &printable(title));
        self.count += 1;
        self.leave();
        self.current = self.count;
        self.numbered(&title);
        self.open.insert(self.current, title);
    }

    /// What follows belongs to `number`, one that has begun and not ended.
    pub fn turn_to(&mut self, number: usize) {
        if number == self.current {
            return;
        }
        if let Some(title) = self.open.get(&number).cloned() {
            self.leave();
            self.current = number;
            self.numbered(&title);
        }
    }

    /// Says that the one that had the last word goes on, if it does.
    fn leave(&mut self) {
        if self.open.contains_key(&self.current) {
            self.numbered("...");
        }
        if self.current > 0 {
            self.line(String::new());
        }
    }

    /// A step that begins.
    pub fn step(&mut self, title: &Title<'_>) {
        let width = title.total.max(1).ilog10() as usize + 1;
        let stage = if title.stage.is_empty() {
            String::new()
        } else {
            format!("{} ", title.stage)
        };
        // Heredocs make an instruction longer than a line.
        let text = title.text.lines().next().unwrap_or("");
        self.begin(&format!("[{stage}{:width$}/{}] {text}", title.number, title.total));
    }

    /// What the stages of a plan begin with, which takes no time: it is here by then.
    pub fn bases(&mut self, plan: &Plan) {
        for stage in plan.stages.iter().filter(|stage| stage.needed) {
            if let Base::Image(name) = &stage.base {
                self.step(&Title {
                    stage: &stage.label,
                    number: 1,
                    total: stage.total,
                    text: &format!("FROM {}", full_name(name)),
                });
                self.done(Took::Real(0));
            }
        }
    }

    /// Text that the step writes, with the seconds since it began.
    pub fn log(&mut self, seconds: f64, text: &str) {
        for line in text.lines() {
            // A carriage return starts the line again: only what is left at the end is worth a line of its own.
            let shown = line.rsplit('\r').find(|part| !part.is_empty()).unwrap_or("");
            self.numbered(&format!("{seconds:.3} {}", printable(shown)));
        }
    }

    /// A fact about the step.
    pub fn note(&mut self, text: &str) {
        self.numbered(&printable(text));
    }

    /// The step was not done: the cache has its result.
    pub fn cached(&mut self) {
        self.ended(&green(self.look, "CACHED"));
    }

    /// The step is done.
    pub fn done(&mut self, took: Took) {
        let text = match took {
            Took::Real(millis) => format!("DONE {}", seconds(millis)),
            Took::Simulated(millis) => format!("DONE {} (simulated)", seconds(millis)),
        };
        self.ended(&text);
    }

    /// The step was ended because another one failed.
    pub fn cancelled(&mut self) {
        self.ended("CANCELED");
    }

    /// The step failed.
    pub fn failed(&mut self, message: &str) {
        self.ended(&red(self.look, &format!("ERROR: {}", printable(message))));
    }

    /// Ends the last line and says whether everything could be written.
    ///
    /// # Errors
    ///
    /// The first error of the terminal or the file.
    pub fn finish(mut self) -> io::Result<()> {
        if self.count > 0 {
            self.line(String::new());
        }
        self.failure.map_or(Ok(()), Err)
    }

    fn numbered(&mut self, text: &str) {
        self.line(format!("#{} {text}", self.current));
    }

    /// A last word.
    fn ended(&mut self, text: &str) {
        self.numbered(text);
        self.open.remove(&self.current);
    }

    fn line(&mut self, text: String) {
        if self.look == Look::Silent || self.failure.is_some() {
            return;
        }
        self.failure = writeln!(self.out, "{text}").err();
    }
}

/// `0.1s`, as BuildKit rounds it.
pub fn seconds(millis: u64) -> String {
    format!("{:.1}s", millis as f64 / 1000.0)
}

fn bold(look: Look, text: &str) -> String {
    paint(look, "1", text)
}

fn green(look: Look, text: &str) -> String {
    paint(look, "32", text)
}

fn red(look: Look, text: &str) -> String {
    paint(look, "31", text)
}

fn paint(look: Look, code: &str, text: &str) -> String {
    if look == Look::Colour {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(look: Look, act: impl FnOnce(&mut Printer<'_>)) -> String {
        let mut out = Vec::new();
        let mut printer = Printer::new(&mut out, look);
        act(&mut printer);
        printer.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn steps_are_numbered_and_told_apart_by_empty_lines() {
        let text = print(Look::Plain, |printer| {
            printer.begin("[internal] load build definition from Dockerfile");
            printer.done(Took::Real(0));
            printer.step(&Title {
                stage: "",
                number: 2,
                total: 12,
                text: "COPY a /",
            });
            printer.cached();
            printer.step(&Title {
                stage: "build",
                number: 3,
                total: 4,
                text: "RUN <<EOF\nmake\nEOF",
            });
            printer.log(0.25, "a\n10%\r20%\n");
            printer.done(Took::Simulated(12_340));
        });
        let expected = "\
#1 [internal] load build definition from Dockerfile
#1 DONE 0.0s

#2 [ 2/12] COPY a /
#2 CACHED

#3 [build 3/4] RUN <<EOF
#3 0.250 a
#3 0.250 20%
#3 DONE 12.3s (simulated)

";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_command_cannot_steer_the_terminal() {
        let text = print(Look::Plain, |printer| printer.log(0.0, "\u{1b}]0;title\u{7}"));
        assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'), "{text:?}");
    }

    #[test]
    fn silence_is_silent() {
        assert_eq!(print(Look::Silent, |printer| printer.begin("x")), "");
    }
}
