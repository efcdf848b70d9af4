//! gzip and its kin: bytes through pipes and in files.

use super::options::Options;
use crate::command::Call;
use crate::world::{Errno, Result};
use std::io::{Read, Write};
use store::{Content, Follow, Node};

/// No stream is unpacked further than this, in bytes.
const MAX_BYTES: u64 = 512 << 20;
/// What one file may unpack to, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// A way to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Gzip,
    Bzip2,
    Xz,
    Zstd,
}

impl Codec {
    /// What `bytes` begin like.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Option<Codec> {
        Some(match bytes {
            [0x1f, 0x8b, ..] => Codec::Gzip,
            [b'B', b'Z', b'h', ..] => Codec::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Codec::Xz,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Codec::Zstd,
            _ => return None,
        })
    }

    /// What a file's name asks for.
    pub(crate) fn of_name(name: &str) -> Option<Codec> {
        let ends = |all: &[&str]| all.iter().any(|end| name.ends_with(end));
        if ends(&[".gz", ".tgz"]) {
            Some(Codec::Gzip)
        } else if ends(&[".bz2", ".tbz2", ".tbz"]) {
            Some(Codec::Bzip2)
        } else if ends(&[".xz", ".txz"]) {
            Some(Codec::Xz)
        } else if ends(&[".zst", ".tzst"]) {
            Some(Codec::Zstd)
        } else {
            None
        }
    }
}

/// The plain bytes behind `bytes`, whatever they are compressed with, up to a bound.
pub(crate) fn reader(bytes: &[u8]) -> std::io::Result<std::io::Take<Box<dyn Read + '_>>> {
    let reader: Box<dyn Read + '_> = match Codec::of_bytes(bytes) {
        Some(Codec::Gzip) => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
        Some(Codec::Bzip2) => Box::new(bzip2::read::MultiBzDecoder::new(bytes)),
        Some(Codec::Xz) => Box::new(lzma_rust2::XzReader::new(bytes, true)),
        Some(Codec::Zstd) => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(bytes);
            Box::new(decoder.map_err(|error| std::io::Error::other(error.to_string()))?)
        }
        None => Box::new(bytes),
    };
    Ok(reader.take(MAX_BYTES))
}

/// `bytes` as gzip, without a time or a name: the same bytes each time.
pub(crate) fn gzipped(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new()
        .operating_system(3)
        .write(Vec::new(), flate2::Compression::new(level));
    encoder.write_all(bytes).expect("a vector takes all bytes");
    encoder.finish().expect("a vector takes all bytes")
}

/// What gzip does to one input.
struct Job {
    unpacks: bool,
    to_stdout: bool,
    keeps: bool,
    tests: bool,
    force: bool,
    level: u32,
}

pub(crate) fn gzip(call: &mut Call<'_>) -> Result<i32> {
    let options = Options::read(call.args, &["S", "--suffix"]);
    if options.has(&["V", "--version"]) {
        call.say("gzip (simulated)");
        return Ok(0);
    }
    let level = options
        .given
        .iter()
        .rev()
        .find_map(|(name, _)| match name.as_str() {
            "--fast" => Some(1),
            "--best" => Some(9),
            name => name.parse().ok(),
        })
        .unwrap_or(6)
        .clamp(1, 9);
    let job = Job {
        unpacks: call.name != "gzip" || options.has(&["d", "--decompress", "--uncompress"]),
        to_stdout: call.name == "zcat" || options.has(&["c", "--stdout", "--to-stdout"]),
        keeps: options.has(&["k", "--keep"]),
        tests: options.has(&["t", "--test"]),
        force: options.has(&["f", "--force"]),
        level,
    };
    if options.operands.is_empty() || options.operands == ["-"] {
        return from_stdin(call, &job);
    }
    let mut exit = 0;
    for given in &options.operands {
        exit = exit.max(file(call, given, &job)?);
    }
    Ok(exit)
}

fn from_stdin(call: &mut Call<'_>, job: &Job) -> Result<i32> {
    if !job.unpacks && !job.tests {
        call.raw.extend(gzipped(call.stdin, job.level));
        return Ok(0);
    }
    if call.stdin.is_empty()
        && let Some(url) = call.world.unfetched.clone()
    {
        let name = call.name;
        call.warn(format!("layerlab: {url} was not fetched: {name} has nothing to unpack"));
        return Ok(0);
    }
    match unpacked(call.stdin) {
        Ok(bytes) if !job.tests => call.raw.extend(bytes),
        Ok(_) => {}
        Err(why) => {
            let name = call.name;
            call.warn(format!("\n{name}: stdin: {why}"));
            return Ok(1);
        }
    }
    Ok(0)
}

fn unpacked(bytes: &[u8]) -> std::result::Result<Vec<u8>, String> {
    if bytes.is_empty() {
        return Err("unexpected end of file".to_owned());
    }
    if Codec::of_bytes(bytes) != Some(Codec::Gzip) {
        return Err("not in gzip format".to_owned());
    }
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes)
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut plain)
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => "unexpected end of file".to_owned(),
            _ => "invalid compressed data--format violated".to_owned(),
        })?;
    if plain.len() as u64 > MAX_FILE_BYTES {
        return Err(Errno::Limit.to_string());
    }
    Ok(plain)
}

fn file(call: &mut Call<'_>, given: &str, job: &Job) -> Result<i32> {
    let name = call.name;
    let path = call.path(given);
    let node = match call.world.node(&path, Follow::Last) {
        Ok((_, node)) => node.clone(),
        Err(errno) => {
            call.warn(format!("{name}: {given}: {errno}"));
            return Ok(1);
        }
    };
    let Node::File(found) = node else {
        call.warn(format!("{name}: {given} is a directory -- ignored"));
        return Ok(2);
    };
    let target = match (job.unpacks, given.strip_suffix(".tgz"), given.strip_suffix(".gz")) {
        (false, ..) => format!("{given}.gz"),
        (true, Some(stem), _) => format!("{stem}.tar"),
        (true, _, Some(stem)) => stem.to_owned(),
        (true, ..) if job.to_stdout || job.tests => String::new(),
        _ => {
            call.warn(format!("{name}: {given}: unknown suffix -- ignored"));
            return Ok(2);
        }
    };
    if let Content::Absent { size } = found.content
        && size > 0
    {
        call.warn(format!("layerlab: {given} has no content here: {name} only renames it"));
        if job.to_stdout || job.tests {
            return Ok(0);
        }
        return replace(call, &path, &target, job, |call, to| {
            call.world.write_content(to, Content::Absent { size })
        });
    }
    let bytes = call.world.read(&path)?;
    let made = if job.unpacks || job.tests {
        match unpacked(&bytes) {
            Ok(made) => made,
            Err(why) => {
                call.warn(format!("\n{name}: {given}: {why}"));
                return Ok(1);
            }
        }
    } else {
        gzipped(&bytes, job.level)
    };
    if job.tests {
        return Ok(0);
    }
    if job.to_stdout {
        call.raw.extend(made);
        return Ok(0);
    }
    replace(call, &path, &target, job, |call, to| call.world.write(to, &made))
}

/// Writes `target` with the rights and the time of the file at `path`, which goes unless it is to be kept.
fn replace(
    call: &mut Call<'_>,
    path: &str,
    target: &str,
    job: &Job,
    write: impl FnOnce(&mut Call<'_>, &str) -> Result<()>,
) -> Result<i32> {
    let to = call.path(target);
    if call.world.exists(&to) && !job.force {
        let name = call.name;
        call.warn(format!("{name}: {target} already exists;\tnot overwritten"));
        return Ok(2);
    }
    let meta = call.world.node(path, Follow::Last)?.1.meta().clone();
    write(call, &to)?;
    let at = call.world.resolve(&to, Follow::Last)?;
    call.world.chmod(&at, meta.mode)?;
    // As another user, the file stays with who made it.
    let _ = call.world.chown(&at, Some(meta.uid), Some(meta.gid));
    call.world.set_time(&at, meta.mtime)?;
    if !job.keeps {
        call.world.unlink(path)?;
    }
    Ok(0)
}
