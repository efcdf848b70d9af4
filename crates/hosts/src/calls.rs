//! Programs that need more than a shell: the daemon, the network, other machines, the editor.

mod curl;
mod docker;
mod edit;
mod reach;
mod system;

use crate::lab::{Lab, Tools};
use crate::terminal::{Frame, Wants};
use builder::{CallAnswer, Echo, HostCall, Output};

/// What a program of the host came to.
pub(crate) enum Called {
    /// It has ended.
    Done {
        /// What is to be shown before: both streams in their order.
        output: Vec<Output>,
        /// How.
        answer: CallAnswer,
    },
    /// It has ended, and the screen is to be emptied.
    Clear(CallAnswer),
    /// It waits for a person.
    Waits {
        /// What it wrote so far.
        output: Vec<Output>,
        /// What it is in the middle of.
        calling: Calling,
    },
    /// A shell inside this one; the program ends when that does.
    Enter {
        /// What it wrote so far.
        output: Vec<Output>,
        /// The shell.
        frame: Box<Frame>,
    },
}

/// What a program that waits is in the middle of.
#[derive(Debug, Clone)]
pub(crate) enum Calling {
    /// An editor with a file.
    Editing {
        /// Its absolute path.
        path: String,
        /// Its text when it was opened.
        text: String,
    },
    /// A docker command that asks for a line.
    Asking {
        /// What stands before the cursor.
        prompt: String,
        /// Whether what is typed is seen.
        echo: Echo,
        /// What was typed at its questions before.
        typed: Vec<String>,
    },
    /// A docker command that shows a container's process until that ends or is interrupted.
    Attached {
        /// The container.
        container: String,
        /// Whom Ctrl-C reaches.
        signals: Signals,
    },
}

/// Whom Ctrl-C reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signals {
    /// The first process of the container.
    Process,
    /// A process that was added to it, by its number.
    Exec(u32),
    /// The docker command only, as with `logs -f`.
    Client,
}

/// What a person says to a program that waits.
pub(crate) enum Said {
    /// A line.
    Line(String),
    /// The end of input.
    End,
    /// Ctrl-C.
    Interrupt,
    /// The editor was left; with the text if it was saved.
    Edited(Option<String>),
}

impl Called {
    pub(crate) fn done(answer: CallAnswer) -> Called {
        Called::Done {
            output: Vec::new(),
            answer,
        }
    }
}

impl Calling {
    pub(crate) fn wants(&self) -> Wants {
        match self {
            Calling::Editing { path, text } => Wants::Edit {
                path: path.clone(),
                text: text.clone(),
            },
            Calling::Asking { prompt, echo, .. } => Wants::Line {
                prompt: prompt.clone(),
                echo: *echo,
            },
            Calling::Attached { .. } => Wants::Nothing,
        }
    }

    /// Whether Ctrl-C is for it, and does not just end the line.
    pub(crate) fn takes_interrupt(&self) -> bool {
        matches!(self, Calling::Attached { .. })
    }
}

/// Begins a program.
pub(crate) fn begin(call: &HostCall, machine: usize, lab: &mut Lab, tools: &mut Tools<'_>) -> Called {
    match call.command.as_str() {
        "docker" => docker::begin(call, machine, lab, tools),
        "curl" | "wget" => Called::done(curl::run(call, machine, lab, tools)),
        "vi" | "vim" | "nano" => edit::begin(call, machine, lab, tools),
        "scp" => Called::done(reach::scp(call, machine, lab, tools)),
        "ssh" => reach::ssh(call, machine),
        "ping" => Called::done(reach::ping(call, machine)),
        "systemctl" | "service" => Called::done(system::control(call, machine, lab, tools)),
        "journalctl" => Called::done(system::journal(machine, lab)),
        "clear" => Called::Clear(CallAnswer::default()),
        other => Called::done(failed(127, &format!("{other}: command not found\n"))),
    }
}

/// Goes on with a program that waited.
pub(crate) fn go_on(
    call: &HostCall,
    calling: Calling,
    said: Said,
    machine: usize,
    lab: &mut Lab,
    tools: &mut Tools<'_>,
) -> Called {
    match calling {
        Calling::Editing { path, text } => edit::go_on(call, path, text, said, machine, lab, tools),
        Calling::Asking { typed, prompt, echo } => {
            docker::answer(call, (typed, prompt, echo), said, machine, lab, tools)
        }
        Calling::Attached { container, signals } => match said {
            Said::Interrupt => docker::detach((&container, signals), machine, lab, tools),
            // The process reads nothing.
            Said::Line(_) | Said::End | Said::Edited(_) => Called::Waits {
                output: Vec::new(),
                calling: Calling::Attached { container, signals },
            },
        },
    }
}

/// The words of a call that are no options.
fn operands(call: &HostCall) -> Vec<&str> {
    let words = call.args.iter().map(String::as_str);
    words.filter(|word| !word.starts_with('-')).collect()
}

pub(crate) fn said(stdout: &str) -> CallAnswer {
    CallAnswer {
        stdout: stdout.as_bytes().to_vec(),
        ..CallAnswer::default()
    }
}

pub(crate) fn failed(exit: i32, stderr: &str) -> CallAnswer {
    CallAnswer {
        stderr: stderr.as_bytes().to_vec(),
        exit,
        ..CallAnswer::default()
    }
}
