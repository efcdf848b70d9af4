//! apt and dpkg, as Debian and Ubuntu have them.

use super::recipe::{Package, Recipes, Recommends, Suite, parse, unpack};
use super::shown;
use crate::command::Call;
use crate::world::Result;
use std::collections::BTreeSet;
use std::sync::OnceLock;
use store::{Content, Follow, Node};

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
            "-yqq" | "-qqy" | "-qyy" => {
                told.yes = true;
                told.quiet = true;
            }
            "-qq" | "--quiet=2" => {
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
        "install" | "reinstall" => install(call, &told),
        "remove" | "purge" => remove(call, &told),
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
#[allow(clippy::unnecessary_wraps, reason = "every command has one signature")]
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

/// A package as asked for, with the version it gets.
struct Chosen {
    package: &'static Package,
    version: String,
}

/// What the words ask for, or what apt says of the first that it cannot have.
fn choose(call: &Call<'_>, words: &[String], suite: &Suite) -> std::result::Result<Vec<Chosen>, Vec<String>> {
    let mut chosen = Vec::new();
    let mut errors = Vec::new();
    let mut notes = Vec::new();
    for word in words {
        let (name, wanted) = word
            .split_once('=')
            .map_or((word.as_str(), None), |(name, wanted)| (name, Some(wanted)));
        let name = name.split(':').next().unwrap_or(name).trim_end_matches(['+', '-']);
        let name = if recipes().packages.contains_key(word.as_str()) {
            word.as_str()
        } else {
            name
        };
        let found = recipes().packages.get(name).filter(|_| has_lists(call));
        let Some(package) = found else {
            errors.push(format!("E: Unable to locate package {name}"));
            if has_lists(call) {
                notes.push(format!(
                    "layerlab: the simulated archive has {} packages; {name} is not among them",
                    recipes().packages.len()
                ));
            }
            continue;
        };
        let versions = package.versions(suite.name);
        let version = match wanted {
            None => versions.first().copied(),
            Some(wanted) => versions.iter().find(|version| fits(version, wanted)).copied(),
        };
        match version {
            Some(version) => chosen.push(Chosen {
                package,
                version: version.to_owned(),
            }),
            None => {
                errors.push(format!(
                    "E: Version '{}' for '{name}' was not found",
                    wanted.unwrap_or_default()
                ));
                notes.push(format!(
                    "layerlab: the simulated archive of {} has {name} {}",
                    suite.name,
                    versions.join(", ")
                ));
            }
        }
    }
    if errors.is_empty() {
        return Ok(chosen);
    }
    errors.append(&mut notes);
    Err(errors)
}

/// A version, or a pattern that ends in `*`.
fn fits(version: &str, wanted: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(start) => version.starts_with(start),
        None => version == wanted,
    }
}

fn install(call: &mut Call<'_>, told: &Told) -> Result<i32> {
    let suite = suite(call)?;
    call.say("Reading package lists...");
    call.say("Building dependency tree...");
    call.say("Reading state information...");
    call.take_millis(700);
    let before = installed(call)?;
    let (there, wanted): (Vec<String>, Vec<String>) =
        told.words.iter().cloned().partition(|word| before.contains(word));
    for name in &there {
        call.say(format!("{name} is already the newest version."));
    }
    let chosen = match choose(call, &wanted, &suite) {
        Ok(chosen) => chosen,
        Err(errors) => {
            for error in errors {
                call.warn(error);
            }
            return Ok(FAILED);
        }
    };
    let names: Vec<&str> = chosen.iter().map(|chosen| chosen.package.name).collect();
    let recommends = if told.recommends {
        Recommends::Install
    } else {
        Recommends::Leave
    };
    let all = recipes().closure(&names, &before, recommends);
    if all.is_empty() {
        call.say("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.");
        return Ok(0);
    }
    let extra: Vec<&str> = all
        .iter()
        .map(|package| package.name)
        .filter(|name| !names.contains(name))
        .collect();
    if !extra.is_empty() {
        call.say("The following additional packages will be installed:");
        call.say(format!("  {}", extra.join(" ")));
    }
    let new: Vec<&str> = all.iter().map(|package| package.name).collect();
    let (download, size) = all.iter().fold((0, 0), |(download, size), package| {
        (download + package.download, size + package.installed)
    });
    call.say("The following NEW packages will be installed:");
    call.say(format!("  {}", new.join(" ")));
    call.say(format!(
        "0 upgraded, {} newly installed, 0 to remove and 0 not upgraded.",
        all.len()
    ));
    call.say(format!("Need to get {} of archives.", shown(download)));
    call.say(format!(
        "After this operation, {} of additional disk space will be used.",
        shown(size)
    ));
    // apt asks when it would do more than it was told to; there is nobody to answer.
    if !told.yes && !extra.is_empty() {
        call.say("Do you want to continue? [Y/n] Abort.");
        return Ok(1);
    }
    if !call.world.network {
        for package in &all {
            call.warn(format!(
                "E: Failed to fetch {}/pool/{}.deb  Temporary failure resolving '{}'",
                suite.mirror,
                package.name,
                host(&suite)
            ));
        }
        call.warn("E: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?");
        return Ok(FAILED);
    }
    fetch_and_unpack(call, told, &suite, &all, &chosen)?;
    Ok(0)
}

fn fetch_and_unpack(
    call: &mut Call<'_>,
    told: &Told,
    suite: &Suite,
    all: &[&Package],
    chosen: &[Chosen],
) -> Result<()> {
    let version = |package: &Package| {
        let pinned = chosen
            .iter()
            .find(|chosen| chosen.package.name == package.name)
            .map(|chosen| chosen.version.as_str());
        // What a pinned package needs comes in the same version, if there is one.
        let follows = chosen
            .iter()
            .find(|chosen| package.versions(suite.name).contains(&chosen.version.as_str()))
            .map(|chosen| chosen.version.as_str());
        pinned
            .or(follows)
            .or(package.versions(suite.name).first().copied())
            .unwrap_or("1")
            .to_owned()
    };
    let keeps_archives = !call.world.exists("/etc/apt/apt.conf.d/docker-clean");
    for (n, package) in all.iter().enumerate() {
        let version = version(package);
        if !told.quiet {
            let line = format!(
                "Get:{} {} {}/main amd64 {} amd64 {version} [{}]",
                n + 1,
                suite.mirror,
                suite.name,
                package.name,
                shown(package.download)
            );
            call.say(line);
        }
        if keeps_archives || told.download_only {
            let path = format!("{ARCHIVES}/{}_{}_amd64.deb", package.name, version.replace(':', "%3a"));
            call.place(&path, 0o644, Content::Absent { size: package.download })?;
        }
        call.take_transfer(package.download, package.installed);
    }
    let total: u64 = all.iter().map(|package| package.download).sum();
    call.say(format!("Fetched {} in {}s", shown(total), total.div_ceil(8_000_000)));
    if told.download_only {
        return Ok(());
    }
    call.say("debconf: delaying package configuration, since apt-utils is not installed");
    for package in all {
        let version = version(package);
        if !told.quiet {
            call.say(format!("Selecting previously unselected package {}.", package.name));
            call.say(format!("Unpacking {} ({version}) ...", package.name));
        }
        let paths = unpack(call, package)?;
        call.place_text(
            &format!("/var/lib/dpkg/info/{}.list", package.name),
            &(paths.join("\n") + "\n"),
        )?;
        let entry = format!(
            "Package: {}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\nInstalled-Size: {}\n\n",
            package.name,
            package.installed / 1024
        );
        call.add_text(STATUS, &entry)?;
        call.add_text(
            "/var/log/dpkg.log",
            &format!("status installed {}:amd64 {version}\n", package.name),
        )?;
        call.take_millis(180);
    }
    for package in all {
        call.say(format!("Setting up {} ({}) ...", package.name, version(package)));
    }
    call.say("Processing triggers for libc-bin ...");
    Ok(())
}

fn remove(call: &mut Call<'_>, told: &Told) -> Result<i32> {
    let before = installed(call)?;
    let (there, missing): (Vec<&String>, Vec<&String>) = told.words.iter().partition(|word| before.contains(*word));
    for name in missing {
        if !recipes().packages.contains_key(name.as_str()) {
            call.warn(format!("E: Unable to locate package {name}"));
            return Ok(FAILED);
        }
        call.say(format!("Package '{name}' is not installed, so not removed"));
    }
    if there.is_empty() {
        call.say("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.");
        return Ok(0);
    }
    if !told.yes {
        call.say("Do you want to continue? [Y/n] Abort.");
        return Ok(1);
    }
    for name in there {
        forget(call, name)?;
        call.say(format!("Removing {name} ..."));
    }
    Ok(0)
}

/// Takes a package's files and its entry away.
fn forget(call: &mut Call<'_>, name: &str) -> Result<()> {
    let list = format!("/var/lib/dpkg/info/{name}.list");
    for path in call.text_of(&list)?.lines() {
        if matches!(call.world.node(path, Follow::AllButLast), Ok((_, node)) if !matches!(node, Node::Dir(_))) {
            call.world.unlink(path)?;
        }
    }
    if call.world.exists(&list) {
        call.world.unlink(&list)?;
    }
    let head = format!("Package: {name}");
    let text = call.text_of(STATUS)?;
    let kept: Vec<&str> = text
        .split("\n\n")
        .filter(|entry| !entry.is_empty() && entry.lines().next() != Some(head.as_str()))
        .collect();
    call.place_text(STATUS, &(kept.join("\n\n") + "\n\n"))
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
