//! `cargo xtask`: the commands that set the project up, build it, serve it and test it.
//!
//! Each step says what it does, is skipped when it is done, and fails with what to do about it. Nothing here is compiled into the product.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line speaks to a terminal"
)]

mod bench;
mod bench_native;
mod editor;
mod failure;
mod files;
mod machine;
mod modules;
mod page;
mod probe;
mod process;
mod serve;
mod suites;
mod tally;
mod tools;
mod wasm;

use failure::Failure;
use std::process::ExitCode;

const HELP: &str = "\
Layerlab's own commands. Run them from anywhere in the repository.

  cargo xtask play [--port N]   install what is missing, build the page, serve it on http://127.0.0.1:8080
  cargo xtask test [SUITE...]   install what is missing and run every test; suites: format lint native peers wasm browser
  cargo xtask setup             install what is missing, and nothing else
  cargo xtask build             build the page into dist/
  cargo xtask serve [--port N]  serve dist/ as it is
  cargo xtask bench             measure how fast the engine is, natively and in WebAssembly, and print a table
  cargo xtask bench native      measure builds and registries beside Docker, buildah, skopeo and docker-registry, as root
  cargo xtask recorded [DIR]    hold the WebAssembly build against recorded BuildKit cases in DIR, ../shared/parity
  cargo xtask modules           what Trunk calls after a build: adds the engine, the shell and the editor to the page

A newcomer needs the first; before a commit, the second. Both say what they do, skip what is done, and end with what to do
if something fails. Tools are kept in ~/.cache/layerlab, build output in target/, the page in dist/.

Environment:
  LAYERLAB_WASM=rustup|debian   where the WebAssembly toolchain comes from; without it the first that works is taken
  CHROMIUM=/path/to/chromium    the browser of the browser tests
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("\n{failure}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result<ExitCode, Failure> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["help" | "--help" | "-h", ..] => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        ["play", rest @ ..] => {
            let port = serve::port(rest)?;
            page::build(&tools::for_page()?)?;
            serve::forever(port)
        }
        ["serve", rest @ ..] => serve::forever(serve::port(rest)?),
        ["setup"] => {
            tools::for_page()?;
            tools::for_browser()?;
            println!("everything is there");
            Ok(ExitCode::SUCCESS)
        }
        ["build"] => {
            page::build(&tools::for_page()?)?;
            Ok(ExitCode::SUCCESS)
        }
        ["bench"] => {
            bench::run()?;
            Ok(ExitCode::SUCCESS)
        }
        ["bench", "native", rest @ ..] => {
            bench_native::run(rest)?;
            Ok(ExitCode::SUCCESS)
        }
        ["recorded"] => {
            probe::recorded(None)?;
            Ok(ExitCode::SUCCESS)
        }
        ["recorded", folder] => {
            probe::recorded(Some(folder))?;
            Ok(ExitCode::SUCCESS)
        }
        ["modules"] => {
            modules::add_to_page()?;
            Ok(ExitCode::SUCCESS)
        }
        ["test", suites @ ..] => suites::run(suites),
        [other, ..] => Err(Failure::new(
            format!("expected a command, found {other:?}"),
            "see `cargo xtask --help`",
        )),
    }
}
