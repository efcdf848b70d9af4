//! What a command does after its work is done: it shows what a process writes, or waits for it.

use super::attach::{Manner, Parting, attach};
use super::frame::{self, Kind};
use super::status::{Phase, Status};
use super::{Containers, has_terminal, keeper};
use cli::docker::{Lasting, Outcome, shown_log_line};
use engine::{Daemon, LogOptions};
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How often a log is looked at for more.
const LOOK: Duration = Duration::from_millis(50);
/// What a shell has for a program that an interrupt ended.
const SIGNALLED: i32 = 128;
/// The exit code of a process whose keeper was killed.
const LOST: i32 = 137;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attended {
    /// The command is over, with this exit code.
    Exit(i32),
    /// What was waited for has happened: the command is to be executed again.
    Again,
}

impl Containers {
    /// Does what a command does that goes on as long as a process does.
    ///
    /// # Errors
    ///
    /// If the process cannot be reached, or what it writes cannot be shown.
    pub fn attend(&mut self, outcome: &Outcome, daemon: &Daemon) -> io::Result<Attended> {
        let (container, doing) = match outcome {
            Outcome::Lasts { container, doing } => (container, *doing),
            Outcome::Interactive { container, exec, .. } => (container, exec.map_or(Lasting::Attached, Lasting::Exec)),
            Outcome::Exit(code) => return Ok(Attended::Exit(*code)),
            Outcome::Asks { .. } => return Ok(Attended::Exit(1)),
        };
        let input = matches!(outcome, Outcome::Interactive { .. });
        match doing {
            Lasting::Attached | Lasting::Exec(_) => {
                let held = self.held.take().filter(|held| held.container == *container);
                let (socket, tty) = match held {
                    Some(held) => (held.socket, held.tty),
                    None => (
                        self.watch(container, Watching::Output)?,
                        has_terminal(daemon, container),
                    ),
                };
                let manner = Manner {
                    tty,
                    input,
                    signals: !tty,
                };
                Ok(Attended::Exit(match attach(&socket, manner)? {
                    Parting::Ended(code) => code,
                    Parting::Detached => 0,
                    Parting::Lost => LOST,
                    Parting::Signalled(number) => SIGNALLED + number,
                }))
            }
            Lasting::Logs { timestamps, options } => self.follow(container, timestamps, options).map(Attended::Exit),
            Lasting::Waiting => {
                // A keeper that is gone has written down how its process ended.
                if let Ok(mut socket) = self.watch(container, Watching::End) {
                    while let Ok(Some((kind, _))) = frame::read(&mut socket) {
                        if kind == Kind::Ended {
                            break;
                        }
                    }
                }
                Ok(Attended::Again)
            }
        }
    }

    fn watch(&self, container: &str, watching: Watching) -> io::Result<UnixStream> {
        let mut socket = keeper::connect(&self.folder_of(container))?;
        frame::write(&mut socket, Kind::Attach, &[watching as u8])?;
        Ok(socket)
    }

    /// Shows the lines of a log that come, until the process ends.
    fn follow(&mut self, container: &str, timestamps: bool, options: LogOptions) -> io::Result<i32> {
        let Some(mut following) = self
            .following
            .take()
            .filter(|following| following.container == *container)
        else {
            return Ok(0);
        };
        let folder = self.folder_of(container);
        loop {
            // Asked before the last lines are read: what is written between the two is not lost.
            let status = Status::read(&folder)?;
            let is_over = status.is_none_or(|status| status.phase == Phase::Exited || !status.keeper.is_alive());
            while let Some(line) = following.reader.next_line()? {
                if !options.wants(line.time) {
                    continue;
                }
                let bytes = shown_log_line(&line, timestamps);
                match line.stream {
                    builder::Stream::Out => io::stdout().write_all(&bytes)?,
                    builder::Stream::Err => io::stderr().write_all(&bytes)?,
                }
            }
            io::stdout().flush()?;
            if is_over {
                return Ok(0);
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// What is wanted of a process.
#[derive(Clone, Copy)]
enum Watching {
    /// How it ends.
    End = 0,
    /// What it writes, too.
    Output = 1,
}
