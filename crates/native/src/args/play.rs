//! `layerlab play`.

use clap::Args;
use std::io::IsTerminal;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  layerlab play
        Serve the page at a free port of this machine, print the link, and open it where there is a desktop.
  layerlab play --port 8080 --no-open
        Always the same address; the link has another token each time.
  layerlab play --page dist
        The page of a folder instead of the one in the program.

The page builds in a simulation as everywhere; Run natively in its bar does it for real here. Each run first lists what will be \
executed, and asks. Only the browser that has the link can ask, and only this machine can reach it: from elsewhere, forward \
the port with `ssh -L 8080:127.0.0.1:8080 HOST`.";

/// `layerlab play`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PlayArgs {
    /// Listen at this port of 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,

    /// Serve the page of this folder instead of the one in the program
    #[arg(long, value_name = "DIR")]
    pub page: Option<PathBuf>,

    /// Open the link in a browser; without a word it is done on a terminal with a desktop
    #[arg(long, conflicts_with = "no_open")]
    pub open: bool,

    /// Open no browser
    #[arg(long)]
    pub no_open: bool,

    /// Where the store, the build cache and the images are [default: $XDG_DATA_HOME/layerlab]
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
}

/// Whether a browser is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// It is.
    Browser,
    /// The link is printed only.
    Nothing,
}

impl PlayArgs {
    /// What was asked for, or what fits the surroundings.
    pub fn opening(&self) -> Opening {
        let has_desktop = ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
        if !self.no_open && (self.open || (has_desktop && std::io::stdout().is_terminal())) {
            Opening::Browser
        } else {
            Opening::Nothing
        }
    }
}
