//! `tail`: the end of files and of standard input; with `-f` it stays.

use crate::command::Call;
use crate::world::{Errno, Result};

/// How much is shown: from the start (`+N`) or from the end, in lines or bytes.
#[derive(Debug, Clone, Copy)]
struct Much {
    number: usize,
    from_start: bool,
    bytes: bool,
}

pub(crate) fn tail(call: &mut Call<'_>) -> Result<i32> {
    let mut much = Much {
        number: 10,
        from_start: false,
        bytes: false,
    };
    let (mut follows, mut quiet, mut verbose) = (false, false, false);
    let mut files = Vec::new();
    let mut rest = call.args.iter();
    while let Some(arg) = rest.next() {
        let known = match arg.as_str() {
            "-f" | "-F" | "--follow" | "--follow=name" | "--follow=descriptor" => {
                follows = true;
                true
            }
            "-q" | "--quiet" | "--silent" => {
                quiet = true;
                true
            }
            "-v" | "--verbose" => {
                verbose = true;
                true
            }
            "--retry" => true,
            "-s" | "--pid" => rest.next().is_some(),
            "-n" | "--lines" | "-c" | "--bytes" => match rest.next() {
                Some(number) => measure(&mut much, number, arg.contains('c') || arg == "--bytes"),
                None => {
                    return call.fail(format!(
                        "option requires an argument -- '{}'",
                        arg.trim_start_matches('-')
                    ));
                }
            },
            flags => match flags.strip_prefix('-').filter(|flags| !flags.is_empty()) {
                None => {
                    files.push(arg.clone());
                    true
                }
                Some(flags) => clustered(&mut much, flags, &mut follows),
            },
        };
        if !known {
            return call.fail(format!("unrecognized option '{arg}'"));
        }
    }
    let exit = show(call, &files, much, verbose || (files.len() > 1 && !quiet))?;
    if follows && !call.is_build() && (exit == 0 || files.len() > 1) {
        return Err(call.last_as_called());
    }
    Ok(exit)
}

/// `5`, `n5`, `fn20`, `-lines=5` without its first dash.
fn clustered(much: &mut Much, flags: &str, follows: &mut bool) -> bool {
    if let Some(number) = flags.strip_prefix("-lines=") {
        return measure(much, number, false);
    }
    if let Some(number) = flags.strip_prefix("-bytes=") {
        return measure(much, number, true);
    }
    if flags.starts_with("-sleep-interval=") || flags.starts_with("-pid=") {
        return true;
    }
    let flags = match flags.strip_prefix(['f', 'F']) {
        Some(rest) => {
            *follows = true;
            rest
        }
        None => flags,
    };
    let bytes = flags.starts_with('c');
    let number = flags.strip_prefix(['n', 'c']).unwrap_or(flags);
    match number.strip_suffix('f') {
        Some(number) => {
            *follows = true;
            measure(much, number, bytes)
        }
        None => measure(much, number, bytes),
    }
}

/// Reads `5`, `+5`, `-5`; false if it is no number.
fn measure(much: &mut Much, number: &str, bytes: bool) -> bool {
    let (from_start, digits) = match number.strip_prefix('+') {
        Some(digits) => (true, digits),
        None => (false, number.strip_prefix('-').unwrap_or(number)),
    };
    match digits.parse() {
        Ok(number) => {
            *much = Much {
                number,
                from_start,
                bytes,
            };
            true
        }
        Err(_) => false,
    }
}

fn show(call: &mut Call<'_>, files: &[String], much: Much, headed: bool) -> Result<i32> {
    if files.is_empty() {
        call.raw = end_of(call.stdin, much).to_vec();
        return Ok(0);
    }
    let mut exit = 0;
    for (idx, name) in files.iter().enumerate() {
        let bytes = if name == "-" {
            Ok(call.stdin.into())
        } else {
            call.world.read(&call.path(name))
        };
        match bytes {
            Ok(bytes) => {
                if headed {
                    let gap = if idx > 0 { "\n" } else { "" };
                    call.raw.extend(format!("{gap}==> {name} <==\n").into_bytes());
                }
                call.raw.extend_from_slice(end_of(&bytes, much));
            }
            Err(need @ Errno::Need(_)) => return Err(need),
            Err(Errno::IsDirectory) => {
                let line = format!("{}: error reading '{name}': Is a directory", call.name);
                call.warn(line);
                exit = 1;
            }
            Err(errno) => {
                let line = format!("{}: cannot open '{name}' for reading: {errno}", call.name);
                call.warn(line);
                exit = 1;
            }
        }
    }
    Ok(exit)
}

fn end_of(bytes: &[u8], much: Much) -> &[u8] {
    let skipped = if much.bytes {
        if much.from_start {
            much.number.saturating_sub(1)
        } else {
            bytes.len().saturating_sub(much.number)
        }
    } else {
        let mut starts: Vec<usize> = std::iter::once(0)
            .chain(
                bytes
                    .iter()
                    .enumerate()
                    .filter(|(_, byte)| **byte == b'\n')
                    .map(|(at, _)| at + 1),
            )
            .collect();
        if starts.last() == Some(&bytes.len()) {
            starts.pop();
        }
        let line = if much.from_start {
            much.number.saturating_sub(1)
        } else {
            starts.len().saturating_sub(much.number)
        };
        starts.get(line).copied().unwrap_or(bytes.len())
    };
    &bytes[skipped.min(bytes.len())..]
}

#[cfg(test)]
mod tests {
    use super::{Much, end_of, measure};

    #[test]
    fn the_end_is_counted_in_lines_or_bytes_from_either_side() {
        let shown = |number: &str, bytes| {
            let mut much = Much {
                number: 10,
                from_start: false,
                bytes: false,
            };
            assert!(measure(&mut much, number, bytes));
            String::from_utf8(end_of(b"a\nb\nc\n", much).to_vec()).unwrap()
        };
        assert_eq!(shown("2", false), "b\nc\n");
        assert_eq!(shown("+2", false), "b\nc\n");
        assert_eq!(shown("-1", false), "c\n");
        assert_eq!(shown("9", false), "a\nb\nc\n");
        assert_eq!(shown("0", false), "");
        assert_eq!(shown("3", true), "\nc\n");
        assert_eq!(shown("+4", true), "\nc\n");
    }
}
