//! All commands on one page: those that clap reads, and those of the `docker` command language.

use super::Cli;
use clap::CommandFactory;
use std::sync::LazyLock;

/// What `layerlab --help` says after its own commands.
static REST: LazyLock<String> = LazyLock::new(|| {
    let titles = (
        "Docker's commands on this machine, in groups",
        "Docker's commands on this machine",
    );
    let listing = cli::help::listing(titles, |name| !is_ours(name));
    format!(
        "{}\n\nAll commands work on the folder that --root names, or $LAYERLAB_ROOT [default: $XDG_DATA_HOME/layerlab].\n\
         `layerlab COMMAND --help` says more of each.\n\n{}",
        listing.trim(),
        super::EXAMPLES
    )
});

/// The command line as clap reads it, with a help that lists everything.
pub fn command() -> clap::Command {
    Cli::command().after_help(REST.as_str())
}

/// Whether clap has a command of this name.
pub(super) fn is_ours(word: &str) -> bool {
    Cli::command()
        .get_subcommands()
        .any(|command| command.get_name() == word)
}
