//! Files of a size: mktemp, dd, truncate, fallocate.

use super::options::Options;
use crate::command::Call;
use crate::world::{Errno, MAX_KEPT_BYTES, Result};
use store::{Content, Follow, Node};

pub(crate) fn mktemp(call: &mut Call<'_>) -> Result<i32> {
    let options = Options::read(call.args, &["p", "--tmpdir", "--suffix"]);
    let dir = match options.value(&["p", "--tmpdir"]) {
        Some(dir) => dir.to_owned(),
        None if !call.env("TMPDIR").is_empty() => call.env("TMPDIR").to_owned(),
        None => "/tmp".to_owned(),
    };
    let template = options.operands.first().cloned();
    let in_dir = template.is_none() || options.has(&["t", "p", "--tmpdir"]);
    let mut name = template.unwrap_or_else(|| "tmp.XXXXXXXXXX".to_owned());
    let n_marks = name.len() - name.trim_end_matches('X').len();
    if n_marks < 3 {
        return call.fail(format!("too few X's in template '{name}'"));
    }
    name.truncate(name.len() - n_marks);
    for _ in 0..n_marks {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        name.push(char::from(LETTERS[(call.world.random() % 62) as usize]));
    }
    name.push_str(options.value(&["--suffix"]).unwrap_or_default());
    let path = if in_dir && !name.starts_with('/') {
        format!("{dir}/{name}")
    } else {
        name
    };
    if !options.has(&["u", "--dry-run"]) {
        let absolute = call.path(&path);
        let is_dir = options.has(&["d", "--directory"]);
        let made = if is_dir {
            call.world.mkdir(&absolute, 0o700).map(drop)
        } else {
            call.world.write(&absolute, b"").and_then(|()| {
                let target = call.world.resolve(&absolute, Follow::Last)?;
                call.world.chmod(&target, 0o600)
            })
        };
        if let Err(errno) = made {
            return call.fail(format!("failed to create file via template '{path}': {errno}"));
        }
    }
    call.say(path);
    Ok(0)
}

/// A size as dd, truncate and head write it: `16`, `4k`, `1M`, `2GB`.
pub(crate) fn size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = if digits.is_empty() { 1 } else { digits.parse().ok()? };
    let unit: u64 = match &text[digits.len()..] {
        "" | "c" => 1,
        "w" => 2,
        "b" => 512,
        "k" | "K" | "KiB" => 1 << 10,
        "M" | "MiB" | "m" => 1 << 20,
        "G" | "GiB" | "g" => 1 << 30,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    number.checked_mul(unit)
}

pub(crate) fn dd(call: &mut Call<'_>) -> Result<i32> {
    let value = |key: &str| {
        call.args
            .iter()
            .rev()
            .find_map(|arg| arg.strip_prefix(key)?.strip_prefix('='))
    };
    let number = |key: &str, default: u64| value(key).map_or(Some(default), size);
    let (Some(block), Some(skip), Some(seek)) = (number("bs", 512), number("skip", 0), number("seek", 0)) else {
        return call.fail("invalid number");
    };
    let count = value("count").map(size);
    let (input, output) = (value("if").map(str::to_owned), value("of").map(str::to_owned));
    let no_trunc = value("conv").is_some_and(|conv| conv.contains("notrunc"));
    let wanted = match count {
        Some(None) => return call.fail("invalid number"),
        Some(Some(count)) => count.checked_mul(block),
        None => None,
    };
    let source = input.as_deref().map(|path| call.path(path));
    let device = match source.as_deref() {
        Some(path) => match call.world.node(path, Follow::Last) {
            Ok((target, Node::Special { .. })) => target.name().map(str::to_owned),
            Ok(_) => None,
            Err(errno) => {
                let input = input.unwrap_or_default();
                return call.fail(format!("failed to open '{input}': {errno}"));
            }
        },
        None => None,
    };
    let mut bytes: Vec<u8> = match device.as_deref() {
        Some("null") => Vec::new(),
        Some(name) => {
            let Some(wanted) = wanted else {
                return call.fail("an endless input needs count=");
            };
            if wanted > MAX_KEPT_BYTES {
                return claim(call, output.as_deref(), wanted, block);
            }
            if name == "zero" {
                vec![0; wanted as usize]
            } else {
                (0..wanted).map(|_| call.world.random() as u8).collect()
            }
        }
        None => {
            let all = match source.as_deref() {
                Some(path) => call.world.read(path)?.to_vec(),
                None => call.stdin.to_vec(),
            };
            let from = (skip * block).min(all.len() as u64) as usize;
            let upto = wanted.map_or(all.len(), |wanted| {
                (from as u64 + wanted).min(all.len() as u64) as usize
            });
            all[from..upto].to_vec()
        }
    };
    let n_bytes = bytes.len() as u64;
    match output {
        Some(output) => {
            let path = call.path(&output);
            if seek > 0 || no_trunc {
                let mut before = match call.world.read(&path) {
                    Ok(before) => before.to_vec(),
                    Err(need @ Errno::Need(_)) => return Err(need),
                    Err(_) => Vec::new(),
                };
                let at = (seek * block).min(MAX_KEPT_BYTES) as usize;
                before.resize(before.len().max(at), 0);
                if before.len() > at + bytes.len() && no_trunc {
                    bytes.extend_from_slice(&before[at + bytes.len()..]);
                }
                before.truncate(at);
                before.append(&mut bytes);
                bytes = before;
            }
            if let Err(errno) = call.world.write(&path, &bytes) {
                return call.fail(format!("failed to open '{output}': {errno}"));
            }
        }
        None => call.raw.append(&mut bytes),
    }
    report(call, n_bytes, block);
    Ok(0)
}

/// Writes a file that is too large to keep: its size without its bytes.
fn claim(call: &mut Call<'_>, output: Option<&str>, size: u64, block: u64) -> Result<i32> {
    if let Some(output) = output {
        let path = call.path(output);
        if let Err(errno) = call.world.write_content(&path, Content::Absent { size }) {
            return call.fail(format!("failed to open '{output}': {errno}"));
        }
    }
    call.take_millis(size / 500_000);
    report(call, size, block);
    Ok(0)
}

fn report(call: &mut Call<'_>, n_bytes: u64, block: u64) {
    let (full, part) = (n_bytes / block.max(1), u64::from(!n_bytes.is_multiple_of(block.max(1))));
    call.warn(format!(
        "{full}+{part} records in\n{full}+{part} records out\n{n_bytes} bytes copied"
    ));
}

pub(crate) fn truncate(call: &mut Call<'_>) -> Result<i32> {
    let options = Options::read(call.args, &["s", "l", "--size", "--length"]);
    let Some(wanted) = options.value(&["s", "l", "--size", "--length"]).and_then(size) else {
        return call.fail("you must specify a size");
    };
    let mut exit = 0;
    for given in &options.operands {
        let path = call.path(given);
        let before = match call.world.read(&path) {
            Ok(bytes) => bytes.to_vec(),
            Err(need @ Errno::Need(_)) => return Err(need),
            Err(_) => Vec::new(),
        };
        call.attempt(&format!("cannot open '{given}' for writing"), &mut exit, |call| {
            if wanted > MAX_KEPT_BYTES {
                return call.world.write_content(&path, Content::Absent { size: wanted });
            }
            let mut bytes = before;
            bytes.resize(wanted as usize, 0);
            call.world.write(&path, &bytes)
        })?;
    }
    Ok(exit)
}
