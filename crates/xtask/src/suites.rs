//! `cargo xtask test`: every suite, one after the other, and the sum of their tests as the last line.

use crate::failure::Failure;
use crate::tally::Tally;
use crate::tools::{self, PageTools};
use crate::{dist, files, process};
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

const SUITES: [&str; 6] = ["format", "lint", "native", "peers", "wasm", "browser"];

/// Runs the named suites, or all. Prints `N passed, N failed` last; a suite that fails without a test counts as one that failed.
pub(crate) fn run(names: &[&str]) -> Result<ExitCode, Failure> {
    if let Some(unknown) = names.iter().find(|name| !SUITES.contains(name)) {
        return Err(Failure::new(
            format!("expected a suite, found {unknown:?}"),
            format!("the suites are {}", SUITES.join(", ")),
        ));
    }
    let chosen = SUITES.iter().filter(|suite| names.is_empty() || names.contains(suite));
    let mut total = Tally::default();
    let mut broken = Vec::new();
    for suite in chosen {
        let begun = Instant::now();
        println!("\n== {suite}");
        let (tally, result) = run_suite(suite);
        total.add(tally);
        let secs = begun.elapsed().as_secs();
        match result {
            Ok(()) if tally.failed == 0 => println!("== {suite}: {tally}, {secs} s"),
            Ok(()) => broken.push(*suite),
            Err(failure) => {
                total.failed += usize::from(tally.failed == 0);
                broken.push(suite);
                println!("{failure}");
            }
        }
    }
    if !broken.is_empty() {
        println!(
            "\nfailed: {}. Run one alone with `cargo xtask test {}`.",
            broken.join(", "),
            broken[0]
        );
    }
    println!("\n{total}");
    Ok(if broken.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn run_suite(suite: &str) -> (Tally, Result<(), Failure>) {
    let mut tally = Tally::default();
    let result = match suite {
        "format" => format(),
        "lint" => lint(),
        "native" => native(&mut tally),
        "peers" => peers(&mut tally),
        "wasm" => wasm(&mut tally),
        _ => browser(&mut tally),
    };
    (tally, result)
}

fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(args).current_dir(files::root());
    command
}

fn format() -> Result<(), Failure> {
    tools::component("rustfmt", "fmt")?;
    process::run(&mut cargo(&["fmt", "--all", "--check"]), "run `cargo fmt --all`")
}

fn lint() -> Result<(), Failure> {
    tools::component("clippy", "clippy")?;
    let mut clippy = cargo(&[
        "clippy",
        "--quiet",
        "--locked",
        "--workspace",
        "--all-targets",
        "--features",
        "native/peers",
        "--",
        "--deny",
        "warnings",
    ]);
    process::run(&mut clippy, "mend what clippy names above")
}

fn native(tally: &mut Tally) -> Result<(), Failure> {
    tools::for_wire()?;
    counted(
        &mut cargo(&["test", "--quiet", "--locked", "--workspace", "--no-fail-fast"]),
        tally,
    )
}

/// Against Debian's Docker, where its daemon can run: as root, on Linux.
fn peers(tally: &mut Tally) -> Result<(), Failure> {
    tools::for_wire()?;
    if !tools::for_peers()? {
        println!("  skipped: a Docker daemon of its own takes root");
        return Ok(());
    }
    let words = [
        "test",
        "--quiet",
        "--locked",
        "--package",
        "native",
        "--features",
        "peers",
        "--test",
        "peers",
        "--test",
        "course",
        "--test",
        "debian",
        "--test",
        "durability",
        "--test",
        "faults",
        "--test",
        "layout",
        "--test",
        "registry_cut",
        "--test",
        "registries",
    ];
    // A daemon at a time: each takes a while to come up.
    counted(cargo(&words).args(["--", "--test-threads=1"]), tally)?;
    let words = [
        "test",
        "--quiet",
        "--locked",
        "--package",
        "native",
        "--features",
        "peers",
        "--lib",
    ];
    counted(cargo(&words).args(["remote::peers", "--", "--test-threads=1"]), tally)
}

/// The cases that must come out alike natively and in WebAssembly, in WebAssembly.
fn wasm(tally: &mut Tally) -> Result<(), Failure> {
    let (toolchain, wasm_bindgen, _) = tools::for_modules()?;
    tools::node()?;
    let runner = wasm_bindgen.with_file_name("wasm-bindgen-test-runner");
    let mut test = toolchain.cargo();
    test.args(["test", "--locked", "--no-fail-fast", "--target", crate::wasm::TARGET]);
    test.args(["--package", "tests", "--test", "everywhere"]);
    test.args(["--package", "builder", "--test", "cases"]);
    test.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner)
        .current_dir(files::root());
    counted(&mut test, tally)
}

/// The page in a real Chromium, held against the program built natively.
fn browser(tally: &mut Tally) -> Result<(), Failure> {
    let page: PageTools = tools::for_page()?;
    let tools = tools::for_browser()?;
    let program = dist::build(&page)?;
    let dir = files::root().join("tests/browser");
    let mut tests: Vec<_> = std::fs::read_dir(&dir)
        .map_err(|error| Failure::io(format!("could not read {}", dir.display()), &error))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    tests.sort();
    let mut node = Command::new("node");
    node.args(["--test", "--test-concurrency=1", "--test-reporter=tap"])
        .args(tests)
        .current_dir(&dir);
    node.env("CHROMIUM", tools.chromium).env("LAYERLAB", program);
    counted(&mut node, tally)
}

/// Runs a test runner with its output on the terminal, counting what it reports.
fn counted(command: &mut Command, tally: &mut Tally) -> Result<(), Failure> {
    let shown = process::show(command);
    println!("  $ {shown}");
    let advice = "see the failures above";
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| Failure::new(format!("could not start `{shown}`: {error}"), advice))?;
    let output = child.stdout.take().expect("it was asked for as a pipe");
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        println!("{line}");
        tally.add(Tally::of_line(&line));
    }
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::new(format!("`{shown}` failed ({status})"), advice)),
        Err(error) => Err(Failure::new(
            format!("`{shown}` could not be waited for: {error}"),
            advice,
        )),
    }
}
