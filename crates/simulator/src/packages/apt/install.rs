//! apt-get install and remove: what is chosen, fetched, unpacked and forgotten.

use super::{ARCHIVES, FAILED, STATUS, Told, has_lists, host, installed, recipes, suite};
use crate::command::Call;
use crate::packages::recipe::{Package, Recommends, Suite, unpack};
use crate::packages::shown;
use crate::world::Result;
use store::{Content, Follow, Node};

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
            None => versions.first(),
            Some(wanted) => versions.iter().find(|version| fits(version, wanted)),
        };
        if let Some(version) = version {
            let version = (*version).to_owned();
            chosen.push(Chosen { package, version });
        } else {
            let wanted = wanted.unwrap_or_default();
            errors.push(format!("E: Version '{wanted}' for '{name}' was not found"));
            let (suite, versions) = (suite.name, versions.join(", "));
            notes.push(format!(
                "layerlab: the simulated archive of {suite} has {name} {versions}"
            ));
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

pub(super) fn install(call: &mut Call<'_>, told: &Told) -> Result<i32> {
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

pub(super) fn remove(call: &mut Call<'_>, told: &Told) -> Result<i32> {
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
