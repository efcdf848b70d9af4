//! npm and yarn: `node_modules` from package.json, the cache, and the common build scripts.

use super::recipe::bytes;
use crate::command::Call;
use crate::world::{Errno, Result};
use serde_json::{Map, Value};
use store::Content;

/// What is assumed of a package that no recipe has: bytes on disk, and how many packages come with it.
const ASSUMED: (u64, u64) = (900_000, 6);
/// What a build script is assumed to write.
const BUILT_BYTES: u64 = 650_000;

/// Which packages of package.json are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    Production,
}

pub(crate) fn npm(call: &mut Call<'_>) -> Result<i32> {
    let words: Vec<String> = call.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    let command = words.first().map(String::as_str).unwrap_or_default();
    match command {
        "ci" | "clean-install" => {
            if !call.world.exists(&call.path("package-lock.json")) {
                call.warn("npm error code EUSAGE");
                call.warn(
                    "npm error\nnpm error The `npm ci` command can only install with an existing package-lock.json or",
                );
                call.warn("npm error npm-shrinkwrap.json with lockfileVersion >= 1. Run an install with npm@5 or");
                call.warn("npm error later to generate a package-lock.json file, then try again.");
                return Ok(1);
            }
            install(call, &[])
        }
        "install" | "i" | "add" | "in" => {
            let is_global = call.args.iter().any(|arg| matches!(arg.as_str(), "-g" | "--global"));
            if is_global {
                global(call, &words[1..])
            } else {
                install(call, &words[1..])
            }
        }
        "run" | "run-script" | "test" | "start" | "build" => {
            let script = if matches!(command, "run" | "run-script") {
                words.get(1).cloned()
            } else {
                Some(command.to_owned())
            };
            run(call, script.as_deref())
        }
        "cache" => {
            let cache = format!("{}/.npm/_cacache/content.files", call.world.home);
            if words.get(1).is_some_and(|word| word == "clean") && call.world.exists(&cache) {
                call.world.unlink(&cache)?;
            }
            Ok(0)
        }
        "init" => {
            let path = call.path("package.json");
            call.place_text(&path, "{\n  \"name\": \"app\",\n  \"version\": \"1.0.0\"\n}\n")?;
            Ok(0)
        }
        "config" | "set" | "prune" | "audit" | "fund" | "update" | "rebuild" | "dedupe" => Ok(0),
        "" if call.args.iter().any(|arg| arg == "--version" || arg == "-v") => {
            call.say("10.8.2");
            Ok(0)
        }
        other => {
            call.warn(format!("Unknown command: \"{other}\""));
            Ok(1)
        }
    }
}

pub(crate) fn yarn(call: &mut Call<'_>) -> Result<i32> {
    let words: Vec<String> = call.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    match words.first().map(String::as_str) {
        None if call.args.iter().any(|arg| arg == "--version") => {
            call.say("1.22.22");
            Ok(0)
        }
        None | Some("install") => install(call, &[]),
        Some("add") => install(call, &words[1..]),
        Some("cache" | "config" | "set") => Ok(0),
        Some("run") => run(call, words.get(1).map(String::as_str)),
        Some(script) => run(call, Some(script)),
    }
}

pub(crate) fn npx(call: &mut Call<'_>) -> Result<i32> {
    let program = call
        .args
        .iter()
        .find(|arg| !arg.starts_with('-'))
        .cloned()
        .unwrap_or_default();
    call.warn(format!(
        "layerlab: {program} is not simulated: it was not run, and nothing was changed"
    ));
    Ok(0)
}

fn package_json(call: &mut Call<'_>) -> Result<Option<Map<String, Value>>> {
    let path = call.path("package.json");
    let text = match call.world.read(&path) {
        Ok(text) => text,
        Err(need @ Errno::Need(_)) => return Err(need),
        Err(_) => {
            call.warn("npm error code ENOENT\nnpm error syscall open");
            call.warn(format!("npm error path {path}\nnpm error errno -2"));
            call.warn(format!(
                "npm error enoent Could not read package.json: Error: ENOENT: no such file or directory, open '{path}'"
            ));
            return Ok(None);
        }
    };
    match serde_json::from_slice(&text) {
        Ok(Value::Object(map)) => Ok(Some(map)),
        Ok(_) => Ok(Some(Map::new())),
        Err(error) => {
            call.warn(format!(
                "npm error code EJSONPARSE\nnpm error path {path}\nnpm error JSON.parse {error}"
            ));
            Ok(None)
        }
    }
}

/// Bytes and packages of one dependency, and whether they are assumed.
fn weigh(name: &str) -> (u64, u64, bool) {
    let known = include_str!("../../recipes/languages.txt").lines().find_map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["npm", known, _, installed, count] if *known == name => Some((bytes(installed)?, count.parse().ok()?)),
            _ => None,
        }
    });
    known.map_or((ASSUMED.0, ASSUMED.1, true), |(size, count)| (size, count, false))
}

/// `@scope/name@version` without the version.
fn bare(word: &str) -> &str {
    match word.get(1..).and_then(|rest| rest.find('@')) {
        Some(at) => &word[..=at],
        None => word,
    }
}

fn no_network(call: &mut Call<'_>, name: &str) -> i32 {
    call.warn("npm error code EAI_AGAIN\nnpm error syscall getaddrinfo\nnpm error errno EAI_AGAIN");
    call.warn(format!("npm error request to https://registry.npmjs.org/{name} failed, reason: getaddrinfo EAI_AGAIN registry.npmjs.org"));
    1
}

fn install(call: &mut Call<'_>, words: &[String]) -> Result<i32> {
    let Some(package) = package_json_or_empty(call, words)? else {
        return Ok(254);
    };
    let omit = call.args.iter().any(|arg| {
        matches!(
            arg.as_str(),
            "--omit=dev" | "--production" | "--only=production" | "--prod"
        )
    });
    let which = if omit || call.env("NODE_ENV") == "production" {
        Which::Production
    } else {
        Which::All
    };
    let mut names: Vec<String> = words.iter().map(|word| bare(word).to_owned()).collect();
    for key in ["dependencies", "devDependencies"] {
        if key == "devDependencies" && which == Which::Production {
            continue;
        }
        if let Some(Value::Object(map)) = package.get(key) {
            names.extend(map.keys().cloned());
        }
    }
    names.sort();
    names.dedup();
    if let Some(name) = names.first().filter(|_| !call.world.network) {
        return Ok(no_network(call, name));
    }
    let (mut size, mut count) = (0, 0);
    for name in &names {
        let (installed, packages, is_assumed) = weigh(name);
        if is_assumed {
            call.warn(format!("layerlab: the size of {name} is assumed: no recipe has it"));
        }
        let dir = call.path(&format!("node_modules/{name}"));
        let version = "1.0.0";
        call.place_text(
            &format!("{dir}/package.json"),
            &format!("{{\"name\":\"{name}\",\"version\":\"{version}\"}}\n"),
        )?;
        call.place(
            &format!("{dir}/index.js"),
            0o644,
            Content::Absent { size: installed / 2 },
        )?;
        let below = Content::Absent {
            size: installed - installed / 2,
        };
        call.place(&format!("{dir}/node_modules.files"), 0o644, below)?;
        size += installed;
        count += packages;
    }
    let lock = call.path("node_modules/.package-lock.json");
    call.place_text(&lock, &format!("{{\"lockfileVersion\":3,\"packages\":{count}}}\n"))?;
    if call.name == "npm" && !words.is_empty() {
        remember(call, package, words)?;
    }
    let lockfile = call.path("package-lock.json");
    if call.name == "npm" && !call.world.exists(&lockfile) {
        call.place_text(&lockfile, "{\n  \"lockfileVersion\": 3\n}\n")?;
    }
    let cache = if call.name == "yarn" {
        "/usr/local/share/.cache/yarn/v6.files".to_owned()
    } else {
        format!("{}/.npm/_cacache/content.files", call.world.home)
    };
    if count > 0 && call.world.who.uid == 0 {
        call.place(&cache, 0o644, Content::Absent { size: size / 3 })?;
    }
    call.take_transfer(size / 3, size);
    call.take_millis(900 + count * 4);
    call.say(format!(
        "\nadded {count} packages, and audited {} packages in {}s",
        count + 1,
        1 + count / 60
    ));
    call.say("\nfound 0 vulnerabilities");
    Ok(0)
}

fn package_json_or_empty(call: &mut Call<'_>, words: &[String]) -> Result<Option<Map<String, Value>>> {
    if !words.is_empty() && !call.world.exists(&call.path("package.json")) {
        return Ok(Some(Map::new()));
    }
    package_json(call)
}

/// Writes what was installed by name into package.json.
fn remember(call: &mut Call<'_>, mut package: Map<String, Value>, words: &[String]) -> Result<()> {
    let entry = package
        .entry("dependencies")
        .or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(map) = entry {
        for word in words {
            map.insert(bare(word).to_owned(), Value::String("^1.0.0".to_owned()));
        }
    }
    let text = serde_json::to_string_pretty(&Value::Object(package)).map_err(|_| Errno::Invalid)?;
    let path = call.path("package.json");
    call.place_text(&path, &(text + "\n"))
}

fn global(call: &mut Call<'_>, words: &[String]) -> Result<i32> {
    if let Some(name) = words.first().filter(|_| !call.world.network) {
        return Ok(no_network(call, name));
    }
    for word in words {
        let name = bare(word);
        let (size, count, is_assumed) = weigh(name);
        if is_assumed {
            call.warn(format!("layerlab: the size of {name} is assumed: no recipe has it"));
        }
        call.place(
            &format!("/usr/local/lib/node_modules/{name}/index.js"),
            0o755,
            Content::Absent { size },
        )?;
        let program = name.rsplit('/').next().unwrap_or(name);
        let link = format!("/usr/local/bin/{program}");
        if !call.world.exists(&link) {
            call.world
                .symlink(&format!("../lib/node_modules/{name}/index.js"), &link)?;
        }
        call.take_transfer(size / 3, size);
        call.say(format!("\nadded {count} packages in {}s", 1 + count / 60));
    }
    Ok(0)
}

/// A script of package.json. Its program is not run: what a build usually leaves is put there, and the log says so.
fn run(call: &mut Call<'_>, script: Option<&str>) -> Result<i32> {
    let Some(package) = package_json(call)? else {
        return Ok(254);
    };
    let script = script.unwrap_or_default();
    let text = package
        .get("scripts")
        .and_then(|scripts| scripts.get(script))
        .and_then(Value::as_str)
        .map(str::to_owned);
    let Some(text) = text else {
        call.warn(format!("npm error Missing script: \"{script}\""));
        return Ok(1);
    };
    call.say(format!("\n> {script}\n> {text}\n"));
    if !script.starts_with("build") {
        call.warn(format!(
            "layerlab: the script {script:?} is not simulated: it was not run"
        ));
        return Ok(0);
    }
    let dir = if text.contains("react-scripts") {
        "build"
    } else if text.contains("next") {
        ".next"
    } else {
        "dist"
    };
    let at = call.path(dir);
    call.place(&format!("{at}/index.html"), 0o644, Content::Absent { size: 600 })?;
    call.place(&format!("{at}/index.js"), 0o644, Content::Absent { size: BUILT_BYTES })?;
    call.warn(format!(
        "layerlab: the build is not simulated: {dir}/ stands for what it would leave"
    ));
    call.take_millis(6_000);
    Ok(0)
}
