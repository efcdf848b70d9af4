//! What a session writes: kept in order, bounded, in the words of the shell that the image has.

use crate::command::Dialect;
use builder::Output;
use std::sync::{Arc, Mutex, MutexGuard};

/// What a run may write to its log.
pub(crate) const MAX_LOG_BYTES: usize = 2 << 20;

/// What was written, in order.
pub(crate) type Log = Arc<Mutex<Vec<Output>>>;

/// The log, to be read or written.
pub(crate) fn held(log: &Log) -> MutexGuard<'_, Vec<Output>> {
    log.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Adds `piece` to what was written.
pub(crate) fn note(output: &mut Vec<Output>, piece: Output) {
    if piece.bytes.is_empty() {
        return;
    }
    match output.last_mut() {
        Some(last) if last.stream == piece.stream => last.bytes.extend(piece.bytes),
        _ => output.push(piece),
    }
}

/// Keeps at most [`MAX_LOG_BYTES`] of what was written.
pub(crate) fn clip(output: &mut Vec<Output>) {
    let mut room = MAX_LOG_BYTES;
    for (idx, piece) in output.iter_mut().enumerate() {
        if piece.bytes.len() > room {
            piece.bytes.truncate(room);
            output.truncate(idx + 1);
            output.push(Output::err("\n[output clipped, log limit 2MiB reached]\n"));
            return;
        }
        room -= piece.bytes.len();
    }
}

/// The shell's own complaints in the words of the shell that the image has.
pub(crate) fn spoken(text: &str, dialect: Dialect) -> String {
    text.split_inclusive('\n')
        .map(|line| spoken_line(line, dialect))
        .collect()
}

fn spoken_line(line: &str, dialect: Dialect) -> String {
    let Some((number, rest)) = line
        .strip_prefix("/bin/sh: line ")
        .or_else(|| line.strip_prefix("bash: line "))
        .and_then(|rest| rest.split_once(": "))
        .filter(|(number, _)| number.bytes().all(|b| b.is_ascii_digit()))
    else {
        return line.to_owned();
    };
    let rest = rest
        .strip_suffix(": command not found\n")
        .map_or_else(|| rest.to_owned(), |name| format!("{name}: not found\n"));
    match dialect {
        Dialect::Dash => format!("/bin/sh: {number}: {rest}"),
        Dialect::Ash => format!("/bin/sh: {rest}"),
        Dialect::Bash | Dialect::BashPrompt => line.to_owned(),
    }
}
