//! Layers on their way from and to a registry, as Docker prints them where the output is no terminal.

use super::bars::Bars;
use super::{Console, Session};
use registry::TlsPolicy;
use registry::client::{Event, Host, LayerEvent, LayerState, UploadKey};
use std::io::Write;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::time::Duration;

/// Which stream progress goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    /// `docker pull`.
    Out,
    /// `docker run`, whose standard output is the container's.
    Err,
    /// `-q`.
    Nowhere,
}

/// Prints what happens and passes it on.
pub(crate) struct Progress<'p, 'c> {
    pub(crate) console: &'p mut Console<'c>,
    pub(crate) wire: &'p mut dyn Host,
    pub(crate) to: To,
    /// Where what happens is said at once, if not with the rest.
    pub(crate) live: Option<Box<dyn Write>>,
    /// Lines that are drawn over, where they can be.
    pub(crate) bars: Option<Bars>,
    /// Whether anything was said: what goes wrong from then on is no answer of the daemon, but part of the progress.
    pub(crate) began: bool,
}

impl Progress<'_, '_> {
    /// Says what happens.
    fn tell(&mut self, text: &str) {
        if let Some(bars) = &mut self.bars {
            bars.leave();
        }
        match (&mut self.live, self.to) {
            (Some(live), To::Out) => {
                self.began = true;
                say(live.as_mut(), &format!("{text}\n"));
            }
            _ => self.line(text),
        }
    }

    /// Prints a line.
    pub(crate) fn line(&mut self, text: &str) {
        self.began = true;
        match self.to {
            To::Out => self.console.line(text),
            To::Err => self.console.error(&format!("{text}\n")),
            To::Nowhere => {}
        }
    }

    fn layer(&mut self, layer: &LayerEvent) {
        if let (To::Out, Some(bars)) = (self.to, &mut self.bars) {
            self.began = true;
            let drawn = bars.draw(layer);
            match &mut self.live {
                Some(live) => say(live.as_mut(), &drawn),
                None => self.console.print(&drawn),
            }
            return;
        }
        // How far it is would be drawn over and over on a terminal.
        let moves = matches!(
            layer.state,
            LayerState::Downloading { .. } | LayerState::Extracting { .. } | LayerState::Pushing { .. }
        );
        if !moves {
            self.tell(&format!("{}: {}", layer.id, layer.state));
        }
    }
}

/// Says at once what is about to happen.
pub(crate) fn announce(session: &mut Session<'_, '_>, text: &str) {
    match session.host.progress() {
        Some(mut live) => say(live.as_mut(), &format!("{text}\n")),
        None => session.console.line(text),
    }
}

fn say(live: &mut dyn Write, text: &str) {
    // Nobody need see it: what counts is said at the end.
    let _ = live.write_all(text.as_bytes()).and_then(|()| live.flush());
}

impl Host for Progress<'_, '_> {
    fn wait(&mut self, time: Duration) -> ControlFlow<()> {
        self.wire.wait(time)
    }

    fn event(&mut self, event: Event) -> ControlFlow<()> {
        match &event {
            Event::Layer(layer) => self.layer(layer),
            Event::Pulling { tag, repository } => self.tell(&format!("{tag}: Pulling from {repository}")),
            Event::Pushing { name } => self.tell(&format!("The push refers to repository [{name}]")),
            Event::Exchange(_) | Event::Spared(_) => {}
        }
        self.wire.event(event)
    }

    fn addresses(&self, name: &str) -> Vec<IpAddr> {
        self.wire.addresses(name)
    }

    fn kept_upload(&self, upload: UploadKey<'_>) -> Option<String> {
        self.wire.kept_upload(upload)
    }

    fn keep_upload(&mut self, upload: UploadKey<'_>, location: Option<&str>) {
        self.wire.keep_upload(upload, location);
    }

    fn certs(&self, registry: &str) -> TlsPolicy {
        self.wire.certs(registry)
    }
}
