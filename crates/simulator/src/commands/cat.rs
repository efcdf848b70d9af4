//! `cat`: files, standard input, or what is typed, one after the other.

use crate::command::Call;
use crate::world::{Errno, Result};
use builder::Echo;

/// How lines are shown.
#[derive(Debug, Clone, Copy, Default)]
struct Marks {
    numbers: bool,
    /// Only lines that are not empty get one.
    numbers_text: bool,
    squeezes: bool,
    ends: bool,
    tabs: bool,
    controls: bool,
}

pub(crate) fn cat(call: &mut Call<'_>) -> Result<i32> {
    let mut marks = Marks::default();
    let mut files = Vec::new();
    for arg in call.args {
        let flags = match arg.as_str() {
            "--number" => "n",
            "--number-nonblank" => "b",
            "--squeeze-blank" => "s",
            "--show-ends" => "E",
            "--show-tabs" => "T",
            "--show-nonprinting" => "v",
            "--show-all" => "A",
            "-" => "",
            other => other.strip_prefix('-').unwrap_or_default(),
        };
        if flags.is_empty() {
            files.push(arg.as_str());
        }
        for flag in flags.chars() {
            match flag {
                'n' => marks.numbers = true,
                'b' => (marks.numbers, marks.numbers_text) = (true, true),
                's' => marks.squeezes = true,
                'E' => marks.ends = true,
                'T' => marks.tabs = true,
                'v' => marks.controls = true,
                'e' => (marks.controls, marks.ends) = (true, true),
                't' => (marks.controls, marks.tabs) = (true, true),
                'A' => (marks.controls, marks.ends, marks.tabs) = (true, true, true),
                'u' => {}
                _ => return call.fail(format!("invalid option -- '{flag}'")),
            }
        }
    }
    if files.is_empty() {
        files.push("-");
    }
    let mut all = Vec::new();
    let mut exit = 0;
    for name in files {
        if name == "-" {
            let typed = call.all_stdin()?;
            all.extend(typed);
            continue;
        }
        let path = call.path(name);
        match call.world.read(&path) {
            Ok(bytes) => all.extend_from_slice(&bytes),
            Err(need @ Errno::Need(_)) => return Err(need),
            Err(errno) => {
                let line = format!("{}: {name}: {errno}", call.name);
                call.warn(line);
                exit = 1;
            }
        }
    }
    call.raw = marked(&all, marks);
    Ok(exit)
}

impl Call<'_> {
    /// Standard input to its end; at a terminal, what is typed.
    pub(crate) fn all_stdin(&mut self) -> Result<Vec<u8>> {
        if self.has_stdin || self.world.terminal.is_none() {
            return Ok(self.stdin.to_vec());
        }
        let mut typed = Vec::new();
        while let Some(line) = self.ask("", Echo::Shown)? {
            typed.extend_from_slice(line.as_bytes());
            typed.push(b'\n');
        }
        Ok(typed)
    }
}

fn marked(bytes: &[u8], marks: Marks) -> Vec<u8> {
    let shows = marks.numbers || marks.squeezes || marks.ends || marks.tabs || marks.controls;
    if !shows {
        return bytes.to_vec();
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut number = 0;
    let mut was_empty = false;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let is_empty = line == b"\n";
        if is_empty && was_empty && marks.squeezes {
            continue;
        }
        was_empty = is_empty;
        if marks.numbers && !(marks.numbers_text && is_empty) {
            number += 1;
            out.extend(format!("{number:6}\t").into_bytes());
        }
        for byte in line {
            match byte {
                b'\n' if marks.ends => out.extend(b"$\n"),
                b'\t' if marks.tabs => out.extend(b"^I"),
                b'\n' | b'\t' => out.push(*byte),
                0..32 if marks.controls => out.extend([b'^', byte + 64]),
                127 if marks.controls => out.extend(b"^?"),
                byte => out.push(*byte),
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Marks, marked};

    #[test]
    fn lines_are_numbered_and_marked() {
        let numbers = Marks {
            numbers: true,
            ends: true,
            ..Marks::default()
        };
        assert_eq!(marked(b"a\n\nb", numbers), b"     1\ta$\n     2\t$\n     3\tb");
        let squeezed = Marks {
            squeezes: true,
            tabs: true,
            controls: true,
            ..Marks::default()
        };
        assert_eq!(marked(b"\n\n\n\ta\x01", squeezed), b"\n^Ia^A");
    }
}
