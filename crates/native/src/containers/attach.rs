//! A terminal, or a pipe, at a process that a keeper holds: until the process ends, or a person lets go of it.

use super::frame::{self, Kind};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};
use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::iterator::Signals;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;

/// The keys that let go of a process: Ctrl-P and Ctrl-Q.
const DETACH: [u8; 2] = [16, 17];

/// How a process is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manner {
    /// Whether the process has a terminal.
    pub tty: bool,
    /// Whether what is typed, or piped, goes to it.
    pub input: bool,
    /// Whether signals of this process go to it; otherwise they end the attachment.
    pub signals: bool,
}

/// How that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parting {
    /// The process ended, with this exit code.
    Ended(i32),
    /// A person let go of it; it goes on.
    Detached,
    /// Its keeper is gone, and so is the process.
    Lost,
    /// This process is to end, by this signal.
    Signalled(i32),
}

/// What happens meanwhile.
enum Happened {
    Frame(Kind, Vec<u8>),
    Closed,
    Detached,
    Resized,
    Signalled(i32),
}

/// Shows what the process at the other end of `socket` writes, and gives it what is typed.
///
/// # Errors
///
/// If signals cannot be received or the output cannot be written.
pub(super) fn attach(socket: &UnixStream, manner: Manner) -> io::Result<Parting> {
    let is_terminal = manner.tty && manner.input && isatty(io::stdin());
    let raw = is_terminal.then(Raw::begin).transpose()?;
    let (sender, happened) = mpsc::channel();
    watch_signals(sender.clone())?;
    read_frames(socket.try_clone()?, sender.clone());
    if manner.input {
        give_input(socket.try_clone()?, sender, is_terminal);
    } else {
        // A process that has ended already needs no end of its input.
        let _ = frame::write(&mut &*socket, Kind::InputEnd, &[]);
    }
    let mut socket = socket;
    if manner.tty {
        resize(&mut socket);
    }
    let parting = loop {
        match happened.recv().unwrap_or(Happened::Closed) {
            Happened::Frame(Kind::Output, bytes) => show(&mut io::stdout(), &bytes)?,
            Happened::Frame(Kind::Error, bytes) => show(&mut io::stderr(), &bytes)?,
            Happened::Frame(Kind::Ended, bytes) => {
                let code: [u8; 4] = bytes.try_into().unwrap_or_default();
                break Parting::Ended(i32::from_be_bytes(code));
            }
            Happened::Frame(..) => {}
            Happened::Closed => break Parting::Lost,
            Happened::Detached => break Parting::Detached,
            Happened::Resized => resize(&mut socket),
            Happened::Signalled(number) if !manner.signals => break Parting::Signalled(number),
            Happened::Signalled(number) => {
                // A keeper that is gone is noticed where its frames are read.
                let _ = frame::write(&mut socket, Kind::Signal, &[number as u8]);
            }
        }
    };
    drop(raw);
    if parting == Parting::Detached {
        // Nothing depends on it.
        let _ = writeln!(io::stderr(), "read escape sequence");
    }
    Ok(parting)
}

/// Columns and rows of the terminal; what is usual if there is none.
pub(super) fn terminal_size() -> (u16, u16) {
    let size = tcgetwinsize(io::stdout()).or_else(|_| tcgetwinsize(io::stdin()));
    match size {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        _ => (80, 24),
    }
}

fn show(sink: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
    sink.write_all(bytes)?;
    sink.flush()
}

fn resize(socket: &mut &UnixStream) {
    let _ = frame::write(socket, Kind::Resize, &frame::size_bytes(terminal_size()));
}

/// A terminal that passes every key on, until it is dropped.
struct Raw(Termios);

impl Raw {
    fn begin() -> io::Result<Raw> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Drain, &raw)?;
        Ok(Raw(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // There is nothing else that could be done.
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.0);
    }
}

fn read_frames(mut socket: UnixStream, sender: mpsc::Sender<Happened>) {
    thread::spawn(move || {
        loop {
            let happened = match frame::read(&mut socket) {
                Ok(Some((kind, bytes))) => Happened::Frame(kind, bytes),
                Ok(None) | Err(_) => Happened::Closed,
            };
            let is_over = matches!(happened, Happened::Closed);
            if sender.send(happened).is_err() || is_over {
                return;
            }
        }
    });
}

/// Sends what is typed. The thread ends with the program: nobody can be told to stop reading a terminal.
fn give_input(mut socket: UnixStream, sender: mpsc::Sender<Happened>, is_terminal: bool) {
    thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        let mut keys = Keys::default();
        let mut bytes = vec![0; 1 << 14];
        while let Ok(count @ 1..) = stdin.read(&mut bytes) {
            let (passed, lets_go) = if is_terminal {
                keys.pass(&bytes[..count])
            } else {
                (bytes[..count].to_vec(), false)
            };
            if lets_go {
                let _ = sender.send(Happened::Detached);
                return;
            }
            if frame::write(&mut socket, Kind::Input, &passed).is_err() {
                return;
            }
        }
        // A keeper that is gone is noticed where its frames are read.
        let _ = frame::write(&mut socket, Kind::InputEnd, &[]);
    });
}

/// Looks for the keys that let go in what is typed.
#[derive(Default)]
struct Keys {
    n_seen: usize,
}

impl Keys {
    /// What is to be passed on, and whether the keys were pressed.
    fn pass(&mut self, bytes: &[u8]) -> (Vec<u8>, bool) {
        let mut passed = Vec::new();
        for &byte in bytes {
            if byte == DETACH[self.n_seen] {
                self.n_seen += 1;
                if self.n_seen == DETACH.len() {
                    return (passed, true);
                }
                continue;
            }
            // What looked like the keys was none.
            passed.extend(&DETACH[..self.n_seen]);
            self.n_seen = usize::from(byte == DETACH[0]);
            if self.n_seen == 0 {
                passed.push(byte);
            }
        }
        (passed, false)
    }
}

/// Tells of signals from here on.
fn watch_signals(sender: mpsc::Sender<Happened>) -> io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH])?;
    thread::spawn(move || {
        for signal in signals.forever() {
            let happened = match signal {
                SIGWINCH => Happened::Resized,
                other => Happened::Signalled(other),
            };
            if sender.send(happened).is_err() {
                return;
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_that_let_go_are_seen_across_reads_and_nothing_else_is_lost() {
        let mut keys = Keys::default();
        assert_eq!(keys.pass(b"a\x10b"), (b"a\x10b".to_vec(), false));
        assert_eq!(keys.pass(b"c\x10"), (b"c".to_vec(), false));
        assert_eq!(keys.pass(b"\x10\x11rest"), (b"\x10".to_vec(), true));
    }
}
