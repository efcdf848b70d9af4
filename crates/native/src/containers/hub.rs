//! Between a process and those who are attached to it: its output goes to all of them and to the log, their input goes to it.

use super::frame::{self, Kind};
use super::log::LogWriter;
use builder::Stream;
use oci::Time;
use rustix::fd::OwnedFd;
use rustix::process::{Signal, pidfd_send_signal};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Whoever does not take the end of a process in this time does not learn of it.
const FAREWELL: Duration = Duration::from_secs(5);

/// A process and its clients. Output and control have locks of their own: a client that does not read holds the process up, as with a
/// pipe, but never keeps it from being stopped.
#[derive(Default)]
pub(super) struct Hub {
    output: Mutex<Outputs>,
    control: Mutex<Control>,
    /// Notified when a process begins or ends, and when somebody wants it to end.
    changed: Condvar,
}

#[derive(Default)]
struct Outputs {
    log: Option<LogWriter>,
    clients: Vec<Client>,
    /// What the one who started the process is to see once it was greeted.
    held: Option<Vec<(Kind, Vec<u8>)>>,
}

struct Client {
    socket: UnixStream,
    sees_output: bool,
}

/// What can be done with a process.
#[derive(Default)]
pub(super) struct Control {
    /// The process, while it runs.
    pub process: Option<OwnedFd>,
    /// Its terminal.
    pub terminal: Option<Arc<File>>,
    /// Where its input goes.
    pub input: Option<Arc<File>>,
    /// The network that it sees.
    pub network: Option<Arc<OwnedFd>>,
    /// Whether a person wants it not to run any more.
    pub by_hand: bool,
    /// Counts the processes that ended.
    pub n_ended: u64,
}

impl Hub {
    /// Writes the log from here on.
    pub(super) fn set_log(&self, log: LogWriter) {
        self.outputs().log = Some(log);
    }

    /// Whoever is at the other end of `socket` learns how the process ends, and with `sees_output` what it writes.
    pub(super) fn add_client(&self, socket: UnixStream, sees_output: bool) {
        self.outputs().clients.push(Client { socket, sees_output });
    }

    /// Whoever starts the process sees what it writes, but only after it was greeted: what comes before waits.
    pub(super) fn hold_client(&self, socket: UnixStream) {
        let mut outputs = self.outputs();
        outputs.clients.push(Client {
            socket,
            sees_output: true,
        });
        outputs.held = Some(Vec::new());
    }

    /// Greets the one who started the process, and gives it what waits.
    ///
    /// # Errors
    ///
    /// If it is gone.
    pub(super) fn greet(&self, socket: &mut UnixStream, bytes: &[u8]) -> io::Result<()> {
        let mut outputs = self.outputs();
        let held = outputs.held.take().unwrap_or_default();
        frame::write(socket, Kind::Started, bytes)?;
        for (kind, bytes) in held {
            frame::write(socket, kind, &bytes)?;
        }
        Ok(())
    }

    /// What can be done with the process.
    pub(super) fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outputs(&self) -> MutexGuard<'_, Outputs> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes everybody who waits for a change.
    pub(super) fn notify(&self) {
        self.changed.notify_all();
    }

    /// Waits until `done` says so or time is up; returns what it said last.
    pub(super) fn wait_until(&self, deadline: Instant, mut done: impl FnMut(&Control) -> bool) -> bool {
        let mut control = self.control();
        loop {
            if done(&control) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.changed.wait_timeout(control, left);
            control = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Takes what the process wrote.
    pub(super) fn take_output(&self, stream: Stream, bytes: &[u8]) {
        let mut outputs = self.outputs();
        if let Some(log) = &mut outputs.log {
            // A full disk costs the log, not the process.
            let _ = log.write(stream, bytes, now());
        }
        let kind = match stream {
            Stream::Out => Kind::Output,
            Stream::Err => Kind::Error,
        };
        if let Some(held) = &mut outputs.held {
            held.push((kind, bytes.to_vec()));
            return;
        }
        // Whoever went away sees no more.
        outputs
            .clients
            .retain_mut(|client| !client.sees_output || frame::write(&mut client.socket, kind, bytes).is_ok());
    }

    /// Writes what of the log has no line end yet.
    pub(super) fn finish_log(&self) {
        if let Some(log) = &mut self.outputs().log {
            let _ = log.finish(now());
        }
    }

    /// Tells all clients how the process ended, and lets go of them.
    pub(super) fn farewell(&self, exit: i32) {
        for client in std::mem::take(&mut self.outputs().clients) {
            let Client { mut socket, .. } = client;
            // Whoever does not listen need not know.
            let _ = socket.set_write_timeout(Some(FAREWELL));
            let _ = frame::write(&mut socket, Kind::Ended, &exit.to_be_bytes());
        }
    }

    /// Does what a client asks, until it goes away. With `ends_input` the input of the process ends then.
    pub(super) fn serve(&self, mut socket: UnixStream, ends_input: bool) {
        while let Ok(Some((kind, bytes))) = frame::read(&mut socket) {
            match kind {
                Kind::Attach => {
                    if let Ok(copy) = socket.try_clone() {
                        self.add_client(copy, bytes == [1]);
                    }
                }
                Kind::Input => self.give_input(&bytes),
                Kind::InputEnd if ends_input => self.control().input = None,
                Kind::Resize => self.resize(&bytes),
                Kind::Signal => self.signal(bytes.first().copied().unwrap_or_default().into()),
                Kind::Stop => {
                    if let Ok(copy) = socket.try_clone() {
                        self.add_client(copy, false);
                    }
                    self.stop(&bytes);
                }
                _ => {}
            }
        }
        if ends_input {
            self.control().input = None;
        }
    }

    fn give_input(&self, bytes: &[u8]) {
        let input = self.control().input.clone();
        if let Some(input) = input
            && (&*input).write_all(bytes).is_err()
        {
            // It has closed its input.
            self.control().input = None;
        }
    }

    fn resize(&self, bytes: &[u8]) {
        if let (Some(terminal), Some((columns, rows))) = (&self.control().terminal, frame::size_of(bytes)) {
            let size = Winsize {
                ws_col: columns,
                ws_row: rows,
                ws_xpixel: 0,
                ws_ypixel: 0,
            };
            // A terminal that has just been closed has no size.
            let _ = tcsetwinsize(terminal, size);
        }
    }

    /// Sends a signal to the process, if it runs.
    pub(super) fn signal(&self, number: i32) {
        let mut control = self.control();
        if number == Signal::KILL.as_raw() {
            control.by_hand = true;
        }
        if let (Some(process), Some(signal)) = (&control.process, Signal::from_named_raw(number)) {
            // It may just have ended.
            let _ = pidfd_send_signal(process, signal);
        }
        drop(control);
        self.notify();
    }

    /// Ends the process: with a signal, or after a time without asking.
    fn stop(&self, bytes: &[u8]) {
        let &[signal, a, b, c, d] = bytes else { return };
        let n_ended = {
            let mut control = self.control();
            control.by_hand = true;
            control.n_ended
        };
        self.signal(signal.into());
        let grace = Duration::from_secs(u32::from_be_bytes([a, b, c, d]).into());
        let deadline = Instant::now() + grace;
        if !self.wait_until(deadline, |control| {
            control.n_ended > n_ended || control.process.is_none()
        }) {
            self.signal(Signal::KILL.as_raw());
        }
    }
}

/// The time of this machine.
pub(super) fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time {
        secs: since.as_secs() as i64,
        nanos: since.subsec_nanos(),
    }
}
