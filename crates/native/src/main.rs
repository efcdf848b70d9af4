//! The `layerlab` program.

use clap::Parser;
use native::args::Cli;

fn main() {
    let _cli = Cli::parse();
}
