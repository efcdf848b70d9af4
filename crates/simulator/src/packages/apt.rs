//! apt and dpkg, as Debian and Ubuntu have them.

mod install;

use super::recipe::{Recipes, Suite, parse};
use super::shown;
use crate::command::Call;
use crate::world::Result;
use std::collections::BTreeSet;
use std::sync::OnceLock;
use store::Content;

const LISTS: &str = "/var/lib/apt/lists";
const STATUS: &str = "/var/lib/dpkg/status";
const ARCHIVES: &str = "/var/cache/apt/archives";
/// apt's exit code for every error.
const FAILED: i32 = 100;

fn recipes() -> &'static Recipes {
    static RECIPES: OnceLock<Recipes> = OnceLock::new();
    RECIPES.get_or_init(|| parse(include_str!("../../recipes/apt.txt")).expect("the recipes are read by a test"))
}

/// What apt was told.
#[derive(Debug, Default)]
struct Told {
    yes: bool,
    quiet: bool,
    recommends: bool,
    download_only: bool,
    words: Vec<String>,
}

fn told(args: &[String]) -> Told {
    let mut told = Told {
        recommends: true,
        ..Told::default()
    };
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "-y" | "--yes" | "--assume-yes" | "-yq" | "-qy" | "-fy" | "-yf" | "--force-yes" => told.yes = true,
            "-yqq" | "-qqy" | "-qyy" | "-qq" | "--quiet=2" => {
                told.yes = true;
                told.quiet = true;
            }
            "--no-install-recommends" => told.recommends = false,
            "-d" | "--download-only" => told.download_only = true,
            "-o" | "-t" | "-c" | "--option" | "--target-release" => {
                let value = rest.next().map(String::as_str).unwrap_or_default();
                told.recommends &= !matches!(value, "APT::Install-Recommends=false" | "APT::Install-Recommends=0");
            }
            arg if arg.starts_with('-') => {}
            _ => told.words.push(arg.clone()),
        }
    }
    told
}

pub(crate) fn apt(call: &mut Call<'_>) -> Result<i32> {
    if call.name == "apt" {
        call.warn("\nWARNING: apt does not have a stable CLI interface. Use with caution in scripts.\n");
    }
    let mut told = told(call.args);
    if told.words.is_empty() {
        call.say("apt (simulated)\nUsage: apt-get [options] command");
        return Ok(0);
    }
    let command = told.words.remove(0);
    if call.world.who.uid != 0 {
        let path = if command == "update" {
            "/var/lib/apt/lists/lock"
        } else {
            "/var/lib/dpkg/lock-frontend"
        };
        call.warn(format!(
            "E: Could not open lock file {path} - open (13: Permission denied)"
        ));
        call.warn("E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?");
        return Ok(FAILED);
    }
    match command.as_str() {
        "update" => update(call, &told),
        "install" | "reinstall" => install::install(call, &told),
        "remove" | "purge" => install::remove(call, &told),
        "autoremove" | "autopurge" | "upgrade" | "dist-upgrade" | "full-upgrade" => {
            call.say("Reading package lists...\nBuilding dependency tree...\nCalculating upgrade...");
            call.say("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.");
            call.take_millis(400);
            Ok(0)
        }
        "clean" | "autoclean" => {
            for name in call.names_in(ARCHIVES) {
                if has_deb_suffix(&name) {
                    call.world.unlink(&format!("{ARCHIVES}/{name}"))?;
                }
            }
            Ok(0)
        }
        "list" | "search" | "show" | "policy" | "check" | "download" | "build-dep" | "indextargets" => {
            call.warn(format!("layerlab: apt {command} is not simulated: nothing was done"));
            Ok(0)
        }
        other => {
            call.warn(format!("E: Invalid operation {other}"));
            Ok(FAILED)
        }
    }
}

fn has_deb_suffix(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| extension == "deb")
}

/// Commands around apt that leave nothing behind here.
pub(crate) fn quiet(call: &mut Call<'_>) -> Result<i32> {
    let line = format!("layerlab: {} is not simulated: nothing was done", call.name);
    call.warn(line);
    Ok(0)
}

/// The release that the image says it is.
fn suite(call: &Call<'_>) -> Result<Suite> {
    let release = call.text_of("/etc/os-release")?;
    let field = |key: &str| {
        release.lines().find_map(|line| {
            line.strip_prefix(key)?
                .strip_prefix('=')
                .map(|value| value.trim_matches('"').to_owned())
        })
    };
    let name = field("VERSION_CODENAME").unwrap_or_default();
    let fallback = if field("ID").as_deref() == Some("ubuntu") {
        "noble"
    } else {
        "bookworm"
    };
    let suites = &recipes().suites;
    let known = suites.iter().find(|suite| suite.name == name);
    Ok(*known
        .or_else(|| suites.iter().find(|suite| suite.name == fallback))
        .expect("the recipes have both"))
}

fn host(suite: &Suite) -> &'static str {
    suite
        .mirror
        .trim_start_matches("http://")
        .split('/')
        .next()
        .unwrap_or_default()
}

fn update(call: &mut Call<'_>, told: &Told) -> Result<i32> {
    let suite = suite(call)?;
    let (mirror, name) = (suite.mirror, suite.name);
    if !call.world.network {
        for (n, pocket) in ["", "-updates", "-security"].iter().enumerate() {
            call.say(format!("Err:{} {mirror} {name}{pocket} InRelease", n + 1));
            call.say(format!("  Temporary failure resolving '{}'", host(&suite)));
        }
        call.say("Reading package lists...");
        call.warn(format!(
            "W: Failed to fetch {mirror}/dists/{name}/InRelease  Temporary failure resolving '{}'",
            host(&suite)
        ));
        call.warn("W: Some index files failed to download. They have been ignored, or old ones used instead.");
        call.take_millis(3_000);
        return Ok(0);
    }
    let prefix = suite.mirror.trim_start_matches("http://").replace('/', "_");
    let parts: &[(&str, u64)] = if suite.mirror.contains("ubuntu") {
        &[("main", 30), ("universe", 55), ("multiverse", 3), ("restricted", 12)]
    } else {
        &[("main", 100)]
    };
    call.world.mkdir_all(&format!("{LISTS}/partial"))?;
    let mut n = 0;
    for (pocket, share) in [("", 70_u64), ("-updates", 20), ("-security", 10)] {
        n += 1;
        if !told.quiet {
            call.say(format!(
                "Get:{n} {mirror} {name}{pocket} InRelease [{}]",
                shown(250_000)
            ));
        }
        let release = format!("{LISTS}/{prefix}_dists_{name}{pocket}_InRelease");
        call.place(&release, 0o644, Content::Absent { size: 250_000 })?;
        for (component, part) in parts {
            n += 1;
            let size = (suite.kept - 750_000) * share * part / 10_000;
            if !told.quiet {
                let fetched = suite.fetched * share * part / 10_000;
                let shown = shown(fetched);
                call.say(format!(
                    "Get:{n} {mirror} {name}{pocket}/{component} amd64 Packages [{shown}]"
                ));
            }
            let path = format!("{LISTS}/{prefix}_dists_{name}{pocket}_{component}_binary-amd64_Packages.lz4");
            call.place(&path, 0o644, Content::Absent { size })?;
        }
    }
    call.place(&format!("{LISTS}/lock"), 0o640, Content::Absent { size: 0 })?;
    let before = call.world.millis;
    call.take_transfer(suite.fetched, suite.kept);
    call.take_millis(1_200);
    let millis = call.world.millis - before;
    if !told.quiet {
        let rate = shown(suite.fetched * 1000 / millis.max(1));
        call.say(format!(
            "Fetched {} in {}s ({rate}/s)",
            shown(suite.fetched),
            millis.div_ceil(1000)
        ));
        call.say("Reading package lists...");
    }
    Ok(0)
}

/// Whether an update has been here and its lists are still there.
fn has_lists(call: &Call<'_>) -> bool {
    call.names_in(LISTS).iter().any(|name| name.contains("_Packages"))
}

/// What dpkg says is installed.
fn installed(call: &Call<'_>) -> Result<BTreeSet<String>> {
    let text = call.text_of(STATUS)?;
    Ok(text
        .lines()
        .filter_map(|line| line.strip_prefix("Package: ").map(str::to_owned))
        .collect())
}

pub(crate) fn dpkg(call: &mut Call<'_>) -> Result<i32> {
    let words: Vec<&str> = call.args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--print-architecture"] => call.say("amd64"),
        ["-l" | "--list" | "--get-selections", ..] => {
            for name in installed(call)? {
                call.say(format!("ii  {name}"));
            }
        }
        ["-s" | "--status", name] => {
            if !installed(call)?.contains(*name) {
                call.warn(format!(
                    "dpkg-query: package '{name}' is not installed and no information is available"
                ));
                return Ok(1);
            }
            call.say(format!("Package: {name}\nStatus: install ok installed"));
        }
        _ => call.warn("layerlab: this use of dpkg is not simulated: nothing was done"),
    }
    Ok(0)
}
