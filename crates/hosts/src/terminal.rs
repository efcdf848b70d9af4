//! A terminal: shells one inside the other, and what the one on top waits for.

mod frame;
mod screen;
mod talk;

pub(crate) use frame::{Frame, Where};
pub use talk::{Input, Shown, Wants};

use crate::calls::{self, Called, Calling};
use crate::lab::{Lab, Tools};
use crate::names::PLACES;
use builder::{
    Answer, CallAnswer, Done, ExecuteError, HOST_CALLS, HostCall, Line, Output, SessionId, SoFar, Then, Turn,
};
use engine::later;
use frame::Waits;
use screen::visible;
use std::fmt::Write;

/// How many lines a shell remembers.
const MAX_HISTORY: usize = 1000;
/// How many shells may run inside each other.
const MAX_DEPTH: usize = 8;
const COLUMNS: u16 = 120;
/// Exit code of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// A terminal of a machine.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    index: u32,
    /// The shell that a person sees is the last one.
    frames: Vec<Frame>,
    shown: Shown,
}

impl Terminal {
    /// The terminal of machine number `index`, where `user` is logged in.
    pub(crate) fn new(index: usize, user: &str) -> Terminal {
        Terminal {
            index: index as u32,
            frames: vec![Frame {
                prompt: format!("{user}@{}:~$ ", PLACES[index].name),
                ..Frame::new(Where::Machine(index), user, "/bin/bash")
            }],
            shown: Shown::default(),
        }
    }

    /// The shell a person types at.
    pub(crate) fn top(&self) -> &Frame {
        self.frames.last().expect("the first shell is never left")
    }

    fn top_mut(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("the first shell is never left")
    }

    fn session(&self) -> SessionId {
        self.index * MAX_DEPTH as u32 + self.frames.len() as u32 - 1
    }

    /// Takes what a person gave, and says what is shown for it.
    pub(crate) fn take(&mut self, input: Input, lab: &mut Lab, tools: &mut Tools<'_>) -> Shown {
        self.shown = Shown::default();
        match (input, self.top().waits.clone()) {
            (Input::Line(text), Waits::Idle) => self.line(&text, lab, tools),
            (Input::Line(text), Waits::Question { .. }) => self.resume(Answer::Text(Some(text)), lab, tools),
            (Input::Line(text), Waits::Host(waiting)) => {
                self.answer_call(*waiting, calls::Said::Line(text), lab, tools);
            }
            (Input::Edited(text), Waits::Host(waiting)) => {
                self.answer_call(*waiting, calls::Said::Edited(text), lab, tools);
            }
            (Input::EndOfInput, Waits::Idle) => self.leave_shell(lab, tools),
            (Input::EndOfInput, Waits::Question { .. }) => self.resume(Answer::Text(None), lab, tools),
            (Input::EndOfInput, Waits::Host(waiting)) => self.answer_call(*waiting, calls::Said::End, lab, tools),
            (Input::Interrupt, Waits::Idle) => {
                self.top_mut().unfinished.clear();
                self.say("^C\n");
            }
            (Input::Interrupt, Waits::Host(waiting)) if waiting.1.takes_interrupt() => {
                self.say("^C\n");
                self.answer_call(*waiting, calls::Said::Interrupt, lab, tools);
            }
            (Input::Interrupt, _) => self.interrupt(lab, tools),
            // A line for a program that reads nothing, an editor that is not open: nobody takes it.
            (Input::Line(_) | Input::EndOfInput | Input::Edited(_), _) => {}
        }
        self.shown.wants = self.wants();
        std::mem::take(&mut self.shown)
    }

    /// What it waits for.
    pub(crate) fn wants(&self) -> Wants {
        let top = self.top();
        match &top.waits {
            Waits::Idle if top.unfinished.is_empty() => Wants::Prompt(top.prompt.clone()),
            Waits::Idle => Wants::More,
            Waits::Question { prompt, echo } => Wants::Line {
                prompt: prompt.clone(),
                echo: *echo,
            },
            Waits::Host(waiting) => waiting.1.wants(),
            Waits::Above | Waits::Lasting => Wants::Nothing,
        }
    }

    fn say(&mut self, text: &str) {
        self.shown.text.push_str(text);
    }

    fn print(&mut self, output: &[Output]) {
        for piece in output {
            let text = String::from_utf8_lossy(&piece.bytes);
            self.shown.text.push_str(&visible(&text));
        }
    }

    fn line(&mut self, text: &str, lab: &mut Lab, tools: &mut Tools<'_>) {
        let session = self.session();
        let top = self.top_mut();
        if !top.unfinished.is_empty() {
            top.unfinished.push('\n');
        }
        top.unfinished.push_str(text);
        let text = top.unfinished.clone();
        if !text.trim().is_empty() {
            top.history.push(text.clone());
            let extra = top.history.len().saturating_sub(MAX_HISTORY);
            top.history.drain(..extra);
        }
        let line = Line {
            text,
            state: top.state.clone(),
            shell: top.shell.clone(),
            user: top.user.clone(),
            hostname: lab.hostname(&top.place),
            env: top.env.clone(),
            cwd: top.cwd.clone(),
            now: tools.now,
            columns: COLUMNS,
            history: top.history.clone(),
            calls: match top.place {
                Where::Machine(_) => HOST_CALLS.iter().map(|&name| name.to_owned()).collect(),
                Where::Container(..) => Vec::new(),
            },
        };
        let place = top.place.clone();
        let turn = lab
            .tree_of(&place, tools)
            .and_then(|tree| tools.shell.start(session, &line, &tree, tools.blobs));
        self.turns(turn, lab, tools);
    }

    fn resume(&mut self, answer: Answer, lab: &mut Lab, tools: &mut Tools<'_>) {
        let (session, place) = (self.session(), self.top().place.clone());
        let turn = lab
            .tree_of(&place, tools)
            .and_then(|tree| tools.shell.resume(session, answer, &tree, tools.blobs));
        self.turns(turn, lab, tools);
    }

    /// Goes on turn by turn until the line is done or waits for a person.
    fn turns(&mut self, first: Result<Turn, ExecuteError>, lab: &mut Lab, tools: &mut Tools<'_>) {
        let turn = match first {
            Ok(turn) => turn,
            Err(error) => {
                let _ = writeln!(self.shown.text, "layerlab: {error}");
                self.end_line(1);
                return;
            }
        };
        match turn {
            Turn::Unfinished => {
                let top = self.top_mut();
                top.waits = Waits::Idle;
                // The text stays: the next line goes on with it, and only then is it one command of the history.
                top.history.pop();
            }
            Turn::Done(done) => self.done(done, lab, tools),
            Turn::Ask(question) => {
                self.keep(&question.so_far, lab, tools);
                self.top_mut().waits = Waits::Question {
                    prompt: question.prompt,
                    echo: question.echo,
                };
            }
            Turn::Lasts { so_far, .. } => {
                self.keep(&so_far, lab, tools);
                self.top_mut().waits = Waits::Lasting;
            }
            Turn::Call(call) => {
                self.keep(&call.so_far, lab, tools);
                let called = calls::begin(&call, self.top().place.machine(), lab, tools);
                self.called(call, called, lab, tools);
            }
        }
    }

    fn answer_call(&mut self, waiting: (HostCall, Calling), said: calls::Said, lab: &mut Lab, tools: &mut Tools<'_>) {
        let (call, calling) = waiting;
        let called = calls::go_on(&call, calling, said, self.top().place.machine(), lab, tools);
        self.called(call, called, lab, tools);
    }

    /// What a program of the host came to.
    fn called(&mut self, call: HostCall, called: Called, lab: &mut Lab, tools: &mut Tools<'_>) {
        match called {
            Called::Done { output, answer } => {
                self.print(&output);
                self.resume(Answer::Call(answer), lab, tools);
            }
            Called::Clear(answer) => {
                self.shown.clear = true;
                self.shown.text.clear();
                self.resume(Answer::Call(answer), lab, tools);
            }
            Called::Waits { output, calling } => {
                self.print(&output);
                self.top_mut().waits = Waits::Host(Box::new((call, calling)));
            }
            Called::Enter { output, frame } => {
                self.print(&output);
                self.enter(*frame, lab, tools);
            }
        }
    }

    /// A shell of another machine or of a container, while the line of the one on top waits for its end.
    fn enter(&mut self, frame: Frame, lab: &mut Lab, tools: &mut Tools<'_>) {
        self.top_mut().waits = Waits::Above;
        if !self.open(frame, lab, tools) {
            let answer = CallAnswer {
                exit: 1,
                ..CallAnswer::default()
            };
            self.resume(Answer::Call(answer), lab, tools);
        }
    }

    /// A shell inside the one on top; whether there is room for it.
    fn open(&mut self, frame: Frame, lab: &mut Lab, tools: &mut Tools<'_>) -> bool {
        if self.frames.len() == MAX_DEPTH {
            let _ = writeln!(
                self.shown.text,
                "layerlab: at most {MAX_DEPTH} shells run inside each other"
            );
            return false;
        }
        self.frames.push(frame);
        self.line("", lab, tools);
        true
    }

    fn done(&mut self, done: Done, lab: &mut Lab, tools: &mut Tools<'_>) {
        self.keep(&done.so_far, lab, tools);
        let top = self.top_mut();
        top.state = done.state;
        top.prompt = done.prompt;
        top.cwd = done.cwd;
        self.end_line(done.exit);
        match done.then {
            Then::Prompt => {}
            Then::Exit => self.left(done.exit, lab, tools),
            // `su` and `sudo -i`: a shell of somebody else inside this one.
            Then::Become(user) => {
                let place = self.top().place.clone();
                self.open(Frame::new(place, &user, "/bin/bash"), lab, tools);
            }
        }
    }

    fn end_line(&mut self, exit: i32) {
        self.shown.exit = Some(exit);
        let top = self.top_mut();
        top.unfinished.clear();
        top.waits = Waits::Idle;
    }

    fn leave_shell(&mut self, lab: &mut Lab, tools: &mut Tools<'_>) {
        if self.top().unfinished.is_empty() {
            self.say("exit\n");
            self.left(0, lab, tools);
        } else {
            self.top_mut().unfinished.clear();
        }
    }

    /// The shell on top has ended; the first one begins anew, as a terminal's window would.
    fn left(&mut self, exit: i32, lab: &mut Lab, tools: &mut Tools<'_>) {
        if self.frames.len() == 1 {
            let (place, user) = (self.top().place.clone(), self.top().user.clone());
            self.frames = vec![Frame::new(place, &user, "/bin/bash")];
            self.line("", lab, tools);
            return;
        }
        let left = self.frames.pop().expect("there are two at least");
        lab.shell_left(&left, exit, tools);
        if !matches!(self.top().waits, Waits::Above) {
            // `su`: its line was over when this shell began.
            self.shown.exit = Some(exit);
            return;
        }
        let answer = CallAnswer {
            exit,
            ..CallAnswer::default()
        };
        self.resume(Answer::Call(answer), lab, tools);
    }

    fn interrupt(&mut self, lab: &mut Lab, tools: &mut Tools<'_>) {
        self.say("^C\n");
        let session = self.session();
        match tools.shell.abort(session) {
            Some(done) => self.done(done, lab, tools),
            None => self.end_line(INTERRUPTED),
        }
    }

    /// Shows what was written and keeps the files as they are now.
    fn keep(&mut self, so_far: &SoFar, lab: &mut Lab, tools: &mut Tools<'_>) {
        self.print(&so_far.output);
        tools.now = later(tools.now, so_far.millis);
        let place = self.top().place.clone();
        if let Err(why) = lab.put_tree(&place, so_far.tree.clone(), tools) {
            let _ = writeln!(self.shown.text, "layerlab: {why}");
        }
    }
}
