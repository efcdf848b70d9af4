//! tar over the tree: archives keep modes, owners, times and links.
//!
//! Source: GNU tar 1.35 manual, "The Five Advanced tar Operations" and "Options Controlling the Overwriting".

mod extract;
mod select;
mod write;

use crate::command::Call;
use crate::commands::compress::Codec;
use crate::world::{Errno, Result};
use store::{Content, Follow, Node};

/// What is to be done with the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Create,
    Extract,
    List,
}

/// A call, read.
#[derive(Debug, Default)]
struct Request {
    operation: Option<Operation>,
    /// `None` and `-`: standard input or output.
    archive: Option<String>,
    /// Members with the directory they are taken from; without members, the last directory counts.
    members: Vec<(String, String)>,
    dir: String,
    strip: usize,
    excludes: Vec<String>,
    codec: Option<Codec>,
    verbose: bool,
    keeps_owner: Option<bool>,
    keeps_mode: Option<bool>,
    numeric_owner: bool,
    touches: bool,
    to_stdout: bool,
    skips_old: bool,
}

/// The pax record that names the size of a file whose bytes are not simulated.
const ABSENT_SIZE: &str = "LAYERLAB.size";
/// GNU tar's exit code when something went wrong.
const FAILED: i32 = 2;
/// Letters and long options that take a value.
const WITH_VALUE: &[&str] = &[
    "f",
    "C",
    "X",
    "T",
    "b",
    "--file",
    "--directory",
    "--strip-components",
    "--exclude",
    "--owner",
    "--group",
    "--mode",
    "--mtime",
    "--transform",
    "--xform",
    "--files-from",
    "--exclude-from",
    "--sort",
    "--format",
];

pub(crate) fn tar(call: &mut Call<'_>) -> Result<i32> {
    if call.args.iter().any(|arg| arg == "--version") {
        call.say("tar (simulated)");
        return Ok(0);
    }
    let request = read_request(call);
    match request.operation {
        None => {
            call.warn("tar: You must specify one of the '-Acdtrux', '--delete' or '--test-label' options");
            Ok(FAILED)
        }
        Some(Operation::Create) => write::create(call, &request),
        Some(operation) => {
            let Some(bytes) = archive_bytes(call, &request)? else {
                return Ok(0);
            };
            match bytes {
                Ok(bytes) if operation == Operation::List => extract::list(call, &request, &bytes),
                Ok(bytes) => extract::extract(call, &request, &bytes),
                Err(exit) => Ok(exit),
            }
        }
    }
}

/// The options, in the order in which they stand; the first word may do without its dash.
fn read_request(call: &mut Call<'_>) -> Request {
    let mut request = Request {
        dir: call.cwd.to_owned(),
        ..Request::default()
    };
    let mut rest: std::collections::VecDeque<String> = call.args.iter().cloned().collect();
    if let Some(first) = rest.pop_front_if(|first| !first.starts_with('-')) {
        // The old form: all letters first, then their values.
        for letter in first.chars() {
            let name = letter.to_string();
            let value = WITH_VALUE.contains(&name.as_str()).then(|| rest.pop_front()).flatten();
            apply(call, &mut request, &name, value);
        }
    }
    while let Some(arg) = rest.pop_front() {
        if arg == "--" {
            for name in rest.drain(..) {
                request.members.push((request.dir.clone(), name));
            }
        } else if let Some(long) = arg.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (format!("--{name}"), Some(value.to_owned())),
                None => (arg.clone(), None),
            };
            let value = if value.is_none() && WITH_VALUE.contains(&name.as_str()) {
                rest.pop_front()
            } else {
                value
            };
            apply(call, &mut request, &name, value);
        } else if let Some(letters) = arg.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            for (at, letter) in letters.char_indices() {
                let name = letter.to_string();
                if !WITH_VALUE.contains(&name.as_str()) {
                    apply(call, &mut request, &name, None);
                    continue;
                }
                let attached = &letters[at + letter.len_utf8()..];
                let value = if attached.is_empty() {
                    rest.pop_front()
                } else {
                    Some(attached.to_owned())
                };
                apply(call, &mut request, &name, value);
                break;
            }
        } else {
            request.members.push((request.dir.clone(), arg));
        }
    }
    request
}

fn apply(call: &mut Call<'_>, request: &mut Request, name: &str, value: Option<String>) {
    let value = value.unwrap_or_default();
    match name {
        "c" | "--create" => request.operation = Some(Operation::Create),
        "x" | "--extract" | "--get" => request.operation = Some(Operation::Extract),
        "t" | "--list" => request.operation = Some(Operation::List),
        "f" | "--file" => request.archive = Some(value).filter(|file| file != "-"),
        "C" | "--directory" => {
            request.dir = if value.starts_with('/') {
                value
            } else {
                format!("{}/{value}", request.dir.trim_end_matches('/'))
            }
        }
        "--strip-components" => request.strip = value.parse().unwrap_or(0),
        "--exclude" => request.excludes.push(value),
        "z" | "--gzip" | "--gunzip" => request.codec = Some(Codec::Gzip),
        "j" | "--bzip2" => request.codec = Some(Codec::Bzip2),
        "J" | "--xz" => request.codec = Some(Codec::Xz),
        "--zstd" => request.codec = Some(Codec::Zstd),
        "a" | "--auto-compress" => request.codec = request.archive.as_deref().and_then(Codec::of_name),
        "v" | "--verbose" => request.verbose = true,
        "p" | "--same-permissions" | "--preserve-permissions" => request.keeps_mode = Some(true),
        "--no-same-permissions" => request.keeps_mode = Some(false),
        "--same-owner" => request.keeps_owner = Some(true),
        "o" | "--no-same-owner" => request.keeps_owner = Some(false),
        "--numeric-owner" => request.numeric_owner = true,
        "m" | "--touch" => request.touches = true,
        "O" | "--to-stdout" => request.to_stdout = true,
        "k" | "--keep-old-files" | "--skip-old-files" => request.skips_old = true,
        "b" | "S" | "--sparse" | "--overwrite" | "--wildcards" | "--format" | "--sort" | "--no-xattrs"
        | "--no-acls" | "--no-selinux" => {}
        other if other.starts_with("--warning") || other.starts_with("--checkpoint") => {}
        other => {
            let dash = if other.starts_with('-') { "" } else { "-" };
            call.warn(format!("layerlab: tar {dash}{other} is not simulated: it was ignored"));
        }
    }
}

/// The archive's bytes, an exit code if there are none, nothing if they stand for something that was not fetched.
fn archive_bytes(
    call: &mut Call<'_>,
    request: &Request,
) -> Result<Option<std::result::Result<std::sync::Arc<[u8]>, i32>>> {
    let Some(file) = &request.archive else {
        if call.stdin.is_empty()
            && let Some(url) = call.world.unfetched.take()
        {
            call.warn(format!(
                "layerlab: {url} was not fetched: tar has nothing to unpack, and what it holds is missing from here on"
            ));
            return Ok(None);
        }
        return Ok(Some(Ok(call.stdin.into())));
    };
    let path = call.path(file);
    if let Ok((_, Node::File(found))) = call.world.node(&path, Follow::Last)
        && matches!(found.content, Content::Absent { size } if size > 0)
    {
        call.warn(format!(
            "layerlab: {file} has no content here: tar has nothing to unpack, and what it holds is missing from here on"
        ));
        return Ok(None);
    }
    match call.world.read(&path) {
        Ok(bytes) => Ok(Some(Ok(bytes))),
        Err(need @ Errno::Need(_)) => Err(need),
        Err(errno) if call.is_busybox() => {
            call.warn(format!("tar: can't open '{file}': {errno}"));
            Ok(Some(Err(1)))
        }
        Err(errno) => {
            call.warn(format!(
                "tar: {file}: Cannot open: {errno}\ntar: Error is not recoverable: exiting now"
            ));
            Ok(Some(Err(FAILED)))
        }
    }
}

/// The last words of a call that failed in parts.
fn failed(call: &mut Call<'_>) -> i32 {
    call.warn("tar: Exiting with failure status due to previous errors");
    FAILED
}
