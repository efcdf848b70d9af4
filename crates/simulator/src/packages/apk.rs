//! apk, as Alpine has it.

use super::recipe::{Package, Recipes, Recommends, parse, unpack};
use crate::command::Call;
use crate::world::Result;
use std::collections::BTreeSet;
use std::sync::OnceLock;
use store::{Content, Follow};

const INSTALLED: &str = "/lib/apk/db/installed";
const WORLD: &str = "/etc/apk/world";
const CACHE: &str = "/var/cache/apk";
/// Bytes of the indexes of main and community.
const INDEXES: [(&str, u64); 2] = [("main", 720_000), ("community", 1_240_000)];

fn recipes() -> &'static Recipes {
    static RECIPES: OnceLock<Recipes> = OnceLock::new();
    RECIPES.get_or_init(|| parse(include_str!("../../recipes/apk.txt")).expect("the recipes are read by a test"))
}

/// What apk was told.
#[derive(Debug, Default)]
struct Told {
    no_cache: bool,
    update: bool,
    group: Option<String>,
    words: Vec<String>,
}

fn told(args: &[String]) -> Told {
    let mut told = Told::default();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--no-cache" => told.no_cache = true,
            "-U" | "--update-cache" | "--update" => told.update = true,
            "-t" | "--virtual" => told.group = rest.next().cloned(),
            "-X" | "--repository" | "-p" | "--root" => drop(rest.next()),
            arg if arg.starts_with("--virtual=") => told.group = arg.split_once('=').map(|(_, name)| name.to_owned()),
            arg if arg.starts_with('-') => {}
            _ => told.words.push(arg.clone()),
        }
    }
    told
}

pub(crate) fn apk(call: &mut Call<'_>) -> Result<i32> {
    let mut told = told(call.args);
    if told.words.is_empty() {
        call.say("apk-tools (simulated)\nUsage: apk COMMAND [ARGS]");
        return Ok(1);
    }
    let command = told.words.remove(0);
    if call.world.who.uid != 0 && matches!(command.as_str(), "add" | "del" | "update" | "upgrade") {
        call.warn("ERROR: Unable to lock database: Permission denied");
        call.warn("ERROR: Failed to open apk database: Permission denied");
        return Ok(99);
    }
    match command.as_str() {
        "update" => {
            let ok = fetch_index(call, true)?;
            call.say(if ok {
                "OK: packages available"
            } else {
                "2 unavailable, 0 stale; 0 distinct packages available"
            });
            Ok(if ok { 0 } else { 2 })
        }
        "add" => add(call, &told),
        "del" => del(call, &told),
        "upgrade" => {
            if told.update || told.no_cache {
                fetch_index(call, !told.no_cache)?;
            }
            call.say("OK: everything is up to date");
            Ok(0)
        }
        "info" | "list" => {
            for name in installed(call)? {
                call.say(name);
            }
            Ok(0)
        }
        "cache" | "version" | "fix" | "search" | "policy" => Ok(0),
        other => {
            call.warn(format!("apk: '{other}' is not an apk command. See 'apk --help'."));
            Ok(1)
        }
    }
}

fn repositories(call: &Call<'_>) -> Result<Vec<String>> {
    let text = call.text_of("/etc/apk/repositories")?;
    Ok(text
        .lines()
        .filter(|line| line.starts_with("http"))
        .map(str::to_owned)
        .collect())
}

/// Fetches the indexes; leaves them in the cache if `keep`. False without a network.
fn fetch_index(call: &mut Call<'_>, keep: bool) -> Result<bool> {
    for repository in repositories(call)? {
        let component = repository.rsplit('/').next().unwrap_or_default().to_owned();
        call.say(format!("fetch {repository}/x86_64/APKINDEX.tar.gz"));
        if !call.world.network {
            call.warn(format!("WARNING: Ignoring {repository}: DNS lookup error"));
            continue;
        }
        let size = INDEXES
            .iter()
            .find(|(name, _)| *name == component)
            .map_or(500_000, |(_, size)| *size);
        if keep {
            let path = format!("{CACHE}/APKINDEX.{component}.tar.gz");
            call.place(&path, 0o644, Content::Absent { size })?;
        }
        call.take_transfer(size, size);
    }
    call.take_millis(200);
    Ok(call.world.network)
}

fn has_index(call: &Call<'_>) -> bool {
    call.names_in(CACHE).iter().any(|name| name.starts_with("APKINDEX"))
}

fn installed(call: &Call<'_>) -> Result<BTreeSet<String>> {
    let text = call.text_of(INSTALLED)?;
    Ok(text
        .lines()
        .filter_map(|line| line.strip_prefix("P:").map(str::to_owned))
        .collect())
}

fn add(call: &mut Call<'_>, told: &Told) -> Result<i32> {
    let has_fetched = if told.no_cache || told.update {
        fetch_index(call, !told.no_cache)?
    } else {
        has_index(call)
    };
    let before = installed(call)?;
    let names: Vec<&str> = told
        .words
        .iter()
        .map(|word| word.split(['=', '~', '<', '>', '@']).next().unwrap_or(word))
        .collect();
    let missing: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| !before.contains(*name) && (!has_fetched || !recipes().packages.contains_key(name)))
        .collect();
    if !missing.is_empty() {
        if !has_fetched && !told.no_cache && !told.update {
            for repository in repositories(call)? {
                call.warn(format!(
                    "WARNING: opening from cache {repository}: No such file or directory"
                ));
            }
        }
        call.warn("ERROR: unable to select packages:");
        for name in &missing {
            call.warn(format!("  {name} (no such package):\n    required by: world[{name}]"));
        }
        if has_fetched {
            call.warn(format!(
                "layerlab: the simulated repositories have {} packages",
                recipes().packages.len()
            ));
        }
        return Ok(missing.len() as i32);
    }
    let all = recipes().closure(&names, &before, Recommends::Leave);
    for (n, package) in all.iter().enumerate() {
        let version = package.versions("*").first().copied().unwrap_or("1");
        call.say(format!(
            "({}/{}) Installing {} ({version})",
            n + 1,
            all.len(),
            package.name
        ));
        let paths = unpack(call, package)?;
        remember(call, package, version, &paths)?;
        call.take_transfer(package.download, package.installed);
        call.take_millis(60);
    }
    let mut wanted: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    if let Some(group) = &told.group {
        let line = format!("P:{group}\nV:0\nD:{}\n\n", names.join(" "));
        call.add_text(INSTALLED, &line)?;
        wanted = vec![group.clone()];
    }
    let mut world = call.text_of(WORLD)?;
    for name in wanted {
        if !world.lines().any(|line| line == name) {
            world.push_str(&name);
            world.push('\n');
        }
    }
    call.place_text(WORLD, &world)?;
    call.say("Executing busybox.trigger");
    let size: u64 = all.iter().map(|package| package.installed).sum();
    let count = installed(call)?.len();
    call.say(format!(
        "OK: {} MiB in {count} packages",
        (size + 7_000_000) / 1_048_576
    ));
    Ok(0)
}

fn remember(call: &mut Call<'_>, package: &Package, version: &str, paths: &[String]) -> Result<()> {
    let mut entry = format!("P:{}\nV:{version}\nI:{}\n", package.name, package.installed);
    for path in paths {
        entry.push_str(&format!("R:{path}\n"));
    }
    entry.push('\n');
    call.add_text(INSTALLED, &entry)
}

fn del(call: &mut Call<'_>, told: &Told) -> Result<i32> {
    let text = call.text_of(INSTALLED)?;
    let entries: Vec<&str> = text.split("\n\n").filter(|entry| !entry.trim().is_empty()).collect();
    let name_of = |entry: &str| {
        entry
            .lines()
            .find_map(|line| line.strip_prefix("P:"))
            .unwrap_or_default()
            .to_owned()
    };
    let mut going: BTreeSet<String> = BTreeSet::new();
    for word in &told.words {
        let Some(entry) = entries.iter().find(|entry| name_of(entry) == *word) else {
            call.warn(format!("ERROR: No such package: {word}"));
            return Ok(1);
        };
        going.insert(word.clone());
        // A virtual package takes along what it was made of, and what only that needs.
        if let Some(parts) = entry.lines().find_map(|line| line.strip_prefix("D:")) {
            let parts: Vec<&str> = parts.split(' ').collect();
            let all = recipes().closure(&parts, &BTreeSet::new(), Recommends::Leave);
            going.extend(all.iter().map(|package| package.name.to_owned()));
        }
    }
    let world: Vec<String> = call
        .text_of(WORLD)?
        .lines()
        .map(str::to_owned)
        .filter(|line| !told.words.contains(line))
        .collect();
    let roots: Vec<&str> = world.iter().map(String::as_str).collect();
    for package in recipes().closure(&roots, &BTreeSet::new(), Recommends::Leave) {
        going.remove(package.name);
    }
    let mut kept = String::new();
    let mut n = 0;
    for entry in entries {
        let name = name_of(entry);
        if !going.contains(&name) {
            kept.push_str(entry.trim_matches('\n'));
            kept.push_str("\n\n");
            continue;
        }
        n += 1;
        call.say(format!("({n}/{}) Purging {name}", going.len()));
        for path in entry.lines().filter_map(|line| line.strip_prefix("R:")) {
            if call.world.node(path, Follow::AllButLast).is_ok() {
                call.world.unlink(path)?;
            }
        }
    }
    call.place_text(INSTALLED, &kept)?;
    call.place_text(WORLD, &(world.join("\n") + "\n"))?;
    call.say("OK: packages removed");
    Ok(0)
}
