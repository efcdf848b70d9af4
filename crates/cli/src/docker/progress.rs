//! Layers on their way from and to a registry, as Docker prints them where the output is no terminal.

use super::Console;
use super::bars::Bars;
use registry::TlsPolicy;
use registry::client::{Event, Host, LayerEvent, LayerState, UploadKey};
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
    /// Lines that are drawn over, where they can be.
    pub(crate) bars: Option<Bars>,
    /// Whether anything was said: what goes wrong from then on is no answer of the daemon, but part of the progress.
    pub(crate) began: bool,
}

impl Progress<'_, '_> {
    /// Prints a line.
    pub(crate) fn line(&mut self, text: &str) {
        if let Some(bars) = &mut self.bars {
            bars.leave();
        }
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
            self.console.print(&drawn);
            return;
        }
        // How far it is would be drawn over and over on a terminal.
        let moves = matches!(
            layer.state,
            LayerState::Downloading { .. } | LayerState::Extracting { .. } | LayerState::Pushing { .. }
        );
        if !moves {
            self.line(&format!("{}: {}", layer.id, layer.state));
        }
    }
}

impl Host for Progress<'_, '_> {
    fn wait(&mut self, time: Duration) -> ControlFlow<()> {
        self.wire.wait(time)
    }

    fn event(&mut self, event: Event) -> ControlFlow<()> {
        match &event {
            Event::Layer(layer) => self.layer(layer),
            Event::Pulling { tag, repository } => self.line(&format!("{tag}: Pulling from {repository}")),
            Event::Pushing { name } => self.line(&format!("The push refers to repository [{name}]")),
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
