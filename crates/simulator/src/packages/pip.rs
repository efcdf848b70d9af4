//! pip: packages into site-packages, and what it keeps in its cache.

use super::recipe::bytes;
use crate::command::Call;
use crate::world::{Errno, Result};
use std::collections::BTreeSet;
use store::Content;

/// What is assumed of a package that no recipe has: bytes to fetch, and on disk.
const ASSUMED: (u64, u64) = (200_000, 800_000);

struct Wheel {
    name: String,
    version: String,
    download: u64,
    installed: u64,
    needs: Vec<&'static str>,
    is_assumed: bool,
}

fn wheel(name: &str) -> Wheel {
    let known = include_str!("../../recipes/languages.txt").lines().find_map(|line| {
        let words: Vec<&'static str> = line.split(' ').collect();
        match words.as_slice() {
            ["pip", known, version, download, installed, needs @ ..] if *known == name => Some(Wheel {
                name: name.to_owned(),
                version: (*version).to_owned(),
                download: bytes(download)?,
                installed: bytes(installed)?,
                needs: needs.to_vec(),
                is_assumed: false,
            }),
            _ => None,
        }
    });
    known.unwrap_or_else(|| Wheel {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        download: ASSUMED.0,
        installed: ASSUMED.1,
        needs: Vec::new(),
        is_assumed: true,
    })
}

/// A requirement's name, as pip compares names, and the version that `==` asks for. `None` if it is none.
fn requirement(text: &str) -> Option<(String, Option<String>)> {
    let text = text.split(['#', ';']).next()?.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return None;
    }
    let pinned = rest
        .split("==")
        .nth(1)
        .map(|version| version.split(',').next().unwrap_or(version).trim().to_owned());
    Some((name.to_ascii_lowercase().replace(['_', '.'], "-"), pinned))
}

pub(crate) fn pip(call: &mut Call<'_>) -> Result<i32> {
    let command = call
        .args
        .iter()
        .find(|arg| !arg.starts_with('-'))
        .cloned()
        .unwrap_or_default();
    match command.as_str() {
        "install" => install(call),
        "--version" | "" => {
            call.say("pip 24.2 (simulated)");
            Ok(0)
        }
        "freeze" | "list" => {
            let dir = site_packages(call);
            for name in call.names_in(&dir) {
                if let Some((package, version)) = name.strip_suffix(".dist-info").and_then(|name| name.rsplit_once('-'))
                {
                    call.say(format!("{package}=={version}"));
                }
            }
            Ok(0)
        }
        "uninstall" | "cache" | "check" | "config" | "download" | "wheel" => {
            call.warn(format!("layerlab: pip {command} is not simulated: nothing was done"));
            Ok(0)
        }
        other => {
            call.warn(format!("ERROR: unknown command \"{other}\""));
            Ok(1)
        }
    }
}

/// Where this image's Python looks for packages.
fn site_packages(call: &Call<'_>) -> String {
    for base in ["/usr/local/lib", "/usr/lib"] {
        if let Some(python) = call
            .names_in(base)
            .into_iter()
            .find(|name| name.starts_with("python3."))
        {
            return format!("{base}/{python}/site-packages");
        }
    }
    "/usr/local/lib/python3/site-packages".to_owned()
}

/// Names with the versions that `==` asks for, or what pip says of the arguments.
type Asked = std::result::Result<Vec<(String, Option<String>)>, String>;

/// Names and versions asked for, from arguments and files; or what pip says of them.
fn asked(call: &Call<'_>) -> Result<Asked> {
    let mut asked = Vec::new();
    let mut args = call.args.iter().skip_while(|arg| *arg != "install").skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-r" | "--requirement" => {
                let file = args.next().cloned().unwrap_or_default();
                let path = call.path(&file);
                let text = match call.world.read(&path) {
                    Ok(text) => text,
                    Err(need @ Errno::Need(_)) => return Err(need),
                    Err(errno) => {
                        return Ok(Err(format!(
                            "ERROR: Could not open requirements file: [Errno 2] {errno}: '{file}'"
                        )));
                    }
                };
                let text = String::from_utf8_lossy(&text).into_owned();
                asked.extend(
                    text.lines()
                        .filter(|line| !line.starts_with('-'))
                        .filter_map(requirement),
                );
            }
            "-t" | "--target" | "-i" | "--index-url" | "--extra-index-url" | "-c" | "--constraint" | "--prefix"
            | "--timeout" => {
                args.next();
            }
            "." | "-e" | "--editable" => {}
            arg if arg.starts_with('-') => {}
            arg => match requirement(arg) {
                Some(requirement) => asked.push(requirement),
                None => return Ok(Err(format!("ERROR: Invalid requirement: '{arg}'"))),
            },
        }
    }
    Ok(Ok(asked))
}

fn install(call: &mut Call<'_>) -> Result<i32> {
    let asked = match asked(call)? {
        Ok(asked) => asked,
        Err(error) => {
            call.warn(error);
            return Ok(1);
        }
    };
    if asked.is_empty() {
        call.warn("ERROR: You must give at least one requirement to install (see \"pip help install\")");
        return Ok(1);
    }
    if !call.world.network {
        let (name, _) = &asked[0];
        call.warn("WARNING: Retrying (Retry(total=4, connect=None, read=None, redirect=None, status=None)) after connection broken by 'NewConnectionError': Failed to establish a new connection: [Errno -3] Temporary failure in name resolution");
        call.warn(format!(
            "ERROR: Could not find a version that satisfies the requirement {name} (from versions: none)"
        ));
        call.warn(format!("ERROR: No matching distribution found for {name}"));
        return Ok(1);
    }
    let mut wheels: Vec<Wheel> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut left: Vec<(String, Option<String>)> = asked.into_iter().rev().collect();
    while let Some((name, pinned)) = left.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let mut wheel = wheel(&name);
        if let Some(pinned) = pinned {
            let major = |version: &str| version.split('.').next().and_then(|major| major.parse::<u32>().ok());
            if !wheel.is_assumed && major(&pinned) > major(&wheel.version) {
                call.warn(format!("ERROR: Could not find a version that satisfies the requirement {name}=={pinned} (from versions: {})", wheel.version));
                call.warn(format!("ERROR: No matching distribution found for {name}=={pinned}"));
                return Ok(1);
            }
            wheel.version = pinned;
        }
        left.extend(wheel.needs.iter().map(|need| ((*need).to_owned(), None)));
        wheels.push(wheel);
    }
    unpack(call, &wheels)
}

fn unpack(call: &mut Call<'_>, wheels: &[Wheel]) -> Result<i32> {
    let no_cache = call.args.iter().any(|arg| arg == "--no-cache-dir")
        || !matches!(call.env("PIP_NO_CACHE_DIR"), "" | "0" | "false");
    let quiet = call
        .args
        .iter()
        .any(|arg| matches!(arg.as_str(), "-q" | "-qq" | "--quiet"));
    let dir = site_packages(call);
    let home = call.world.home.clone();
    for wheel in wheels {
        let module = wheel.name.replace('-', "_");
        if !quiet {
            call.say(format!("Collecting {}", wheel.name));
            call.say(format!(
                "  Downloading {module}-{}-py3-none-any.whl ({})",
                wheel.version,
                super::shown(wheel.download)
            ));
        }
        if wheel.is_assumed {
            call.warn(format!(
                "layerlab: the size of {} is assumed: no recipe has it",
                wheel.name
            ));
        }
        let half = wheel.installed / 2;
        call.place(
            &format!("{dir}/{module}/__init__.py"),
            0o644,
            Content::Absent { size: half },
        )?;
        let rest = Content::Absent {
            size: wheel.installed - half,
        };
        call.place(&format!("{dir}/{module}/__pycache__/{module}.cpython.pyc"), 0o644, rest)?;
        let metadata = format!(
            "Metadata-Version: 2.1\nName: {}\nVersion: {}\n",
            wheel.name, wheel.version
        );
        call.place_text(
            &format!("{dir}/{module}-{}.dist-info/METADATA", wheel.version),
            &metadata,
        )?;
        if !no_cache {
            let path = format!("{home}/.cache/pip/http-v2/{module}-{}.body", wheel.version);
            call.place(&path, 0o600, Content::Absent { size: wheel.download })?;
        }
        call.take_transfer(wheel.download, wheel.installed);
        call.take_millis(250);
    }
    let names: Vec<String> = wheels
        .iter()
        .map(|wheel| format!("{}-{}", wheel.name, wheel.version))
        .collect();
    call.say(format!(
        "Installing collected packages: {}",
        wheels
            .iter()
            .map(|wheel| wheel.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    ));
    call.say(format!("Successfully installed {}", names.join(" ")));
    if call.world.who.uid == 0 {
        call.warn("WARNING: Running pip as the 'root' user can result in broken permissions and conflicting behaviour with the system package manager. It is recommended to use a virtual environment instead: https://pip.pypa.io/warnings/venv");
    }
    Ok(0)
}
