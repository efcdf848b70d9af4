//! What a thread asks and tells the one that started it.

use registry::TlsPolicy;
use registry::client::{Event, Host, RegistryError, UploadKey};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// How often a thread that waits looks whether it is over.
const GLANCE: Duration = Duration::from_millis(100);

/// A [`Host`] for one thread: it passes on to the host of another one.
#[derive(Clone)]
pub(super) struct Side<'s> {
    sender: Sender<Message>,
    /// Whether somebody failed or does not want any more.
    is_over: &'s AtomicBool,
    /// The longest wait.
    pause: Option<Duration>,
}

/// What a host is asked, and what is done with what it says.
type Question = Box<dyn FnOnce(&mut dyn Host) + Send>;

/// What is told and asked.
pub(super) enum Message {
    Event(Event),
    Failed(RegistryError),
    Ask(Question),
}

impl<'s> Side<'s> {
    pub(super) fn new(sender: Sender<Message>, is_over: &'s AtomicBool, pause: Option<Duration>) -> Side<'s> {
        Side { sender, is_over, pause }
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Ends the work of all threads.
    pub(super) fn fail(&self, error: RegistryError) {
        // In this order: what others say of being ended is not why they were.
        self.send(Message::Failed(error));
        self.is_over.store(true, Ordering::Relaxed);
    }

    fn send(&self, message: Message) {
        // Whoever listens outlives all who talk.
        let _ = self.sender.send(message);
    }

    fn flow(&self) -> ControlFlow<()> {
        if self.is_over() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Has the other thread's host asked, and waits for what it says.
    fn ask<T: Send + 'static>(&self, question: impl FnOnce(&mut dyn Host) -> T + Send + 'static) -> Option<T> {
        let (reply, answer): (SyncSender<T>, Receiver<T>) = sync_channel(1);
        self.send(Message::Ask(Box::new(move |host| {
            // Who asked waits.
            let _ = reply.send(question(host));
        })));
        answer.recv().ok()
    }
}

impl Host for Side<'_> {
    fn wait(&mut self, time: Duration) -> ControlFlow<()> {
        let until = Instant::now() + self.pause.map_or(time, |pause| pause.min(time));
        loop {
            self.flow()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return ControlFlow::Continue(());
            }
            std::thread::sleep(left.min(GLANCE));
        }
    }

    fn event(&mut self, event: Event) -> ControlFlow<()> {
        self.send(Message::Event(event));
        self.flow()
    }

    fn kept_upload(&self, upload: UploadKey<'_>) -> Option<String> {
        let key = Key::of(upload);
        self.ask(move |host| host.kept_upload(key.borrow()))?
    }

    fn keep_upload(&mut self, upload: UploadKey<'_>, location: Option<&str>) {
        let (key, location) = (Key::of(upload), location.map(str::to_owned));
        // It is kept before the next byte goes: the answer is waited for.
        let _ = self.ask(move |host| host.keep_upload(key.borrow(), location.as_deref()));
    }

    fn addresses(&self, name: &str) -> Vec<IpAddr> {
        let name = name.to_owned();
        self.ask(move |host| host.addresses(&name)).unwrap_or_default()
    }

    fn certs(&self, registry: &str) -> TlsPolicy {
        let registry = registry.to_owned();
        self.ask(move |host| host.certs(&registry)).unwrap_or_default()
    }
}

/// An [`UploadKey`] that another thread can have.
struct Key {
    origin: String,
    repository: String,
    digest: oci::Digest,
}

impl Key {
    fn of(key: UploadKey<'_>) -> Key {
        Key {
            origin: key.origin.to_owned(),
            repository: key.repository.to_owned(),
            digest: *key.digest,
        }
    }

    fn borrow(&self) -> UploadKey<'_> {
        UploadKey {
            origin: &self.origin,
            repository: &self.repository,
            digest: &self.digest,
        }
    }
}

/// Passes on to `host` what the threads say, until the last of them is done. Returns what went wrong first.
pub(super) fn serve(messages: &Receiver<Message>, host: &mut dyn Host, is_over: &AtomicBool) -> Option<RegistryError> {
    let mut failure = None;
    for message in messages {
        match message {
            Message::Event(event) => {
                if host.event(event).is_break() {
                    is_over.store(true, Ordering::Relaxed);
                    failure.get_or_insert(RegistryError::Cancelled);
                }
            }
            Message::Failed(error) => {
                failure.get_or_insert(error);
            }
            Message::Ask(question) => question(host),
        }
    }
    failure
}
