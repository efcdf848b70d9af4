//! `docker commit`, `diff`, `rename` and `top`.

use super::fail::daemon;
use super::{Done, Fail, SUCCESS, Session, lent, names};
use crate::table::align_with;
use crate::words::Call;
use engine::CommitOptions;
use std::fmt::Write as _;

/// The narrowest column of `docker top`.
const TOP_COLUMN: usize = 20;

pub(super) fn commit(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let name = match call.arguments.get(1) {
        Some(name) => {
            let reference = names::reference(name)?;
            if reference.digest().is_some() {
                return Err(Fail::new("cannot import digest reference"));
            }
            Some(reference.or_latest())
        }
        None => None,
    };
    let options = CommitOptions {
        name,
        changes: call.list("change").to_vec(),
        message: call.text_or_default("message").to_owned(),
        author: call.text_or_default("author").to_owned(),
    };
    session.daemon.fetch_files(&call.arguments[0], &mut lent!(session))?;
    let id = session
        .daemon
        .commit(&call.arguments[0], &options, session.now, session.blobs)?;
    session.console.line(&id.to_string());
    Ok(SUCCESS)
}

pub(super) fn diff(call: &Call, session: &mut Session<'_, '_>) -> Done {
    session.daemon.fetch_files(&call.arguments[0], &mut lent!(session))?;
    for (difference, path) in session.daemon.changes(&call.arguments[0])? {
        session.console.line(&format!("{difference} {}", path.absolute()));
    }
    Ok(SUCCESS)
}

pub(super) fn rename(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let (old, new) = (call.arguments[0].trim(), call.arguments[1].trim());
    if old.is_empty() || new.is_empty() {
        return Err(Fail::new("Error: Neither old nor new names may be empty"));
    }
    session.daemon.rename(old, new).map_err(|refusal| {
        Fail::new(format!(
            "{}\nError: failed to rename container named {old}",
            daemon(&refusal)
        ))
    })?;
    Ok(SUCCESS)
}

pub(super) fn top(call: &Call, session: &mut Session<'_, '_>) -> Done {
    if call.arguments.len() > 1 {
        session
            .console
            .error("WARNING: options of ps have no effect on this machine\n");
    }
    let name = &call.arguments[0];
    session.daemon.observe_processes(name, &mut lent!(session))?;
    let tty = session.daemon.container(name)?.options.tty;
    let mut text = "UID\tPID\tPPID\tC\tSTIME\tTTY\tTIME\tCMD\n".to_owned();
    let processes = session.daemon.top(name)?;
    let first = processes.first().map_or(0, |process| process.pid);
    for process in processes {
        let user = if process.user.is_empty() { "root" } else { &process.user };
        // The first process is a child of containerd's, which is not on this machine's list; the others are its own.
        let parent = process.parent.unwrap_or(if process.pid == first { 0 } else { first });
        let started = process.started.to_string();
        let clock = started.get(11..16).unwrap_or("00:00");
        let terminal = if tty { "pts/0" } else { "?" };
        let command = process.argv.join(" ");
        writeln!(
            text,
            "{user}\t{}\t{parent}\t0\t{clock}\t{terminal}\t{}\t{command}",
            process.pid,
            used(process.used_secs)
        )
        .expect("a String takes all text");
    }
    session.console.print(&align_with(&text, TOP_COLUMN, 3));
    Ok(SUCCESS)
}

/// Hours, minutes and seconds.
fn used(secs: u64) -> String {
    format!("{:02}:{:02}:{:02}", secs / 3600, secs / 60 % 60, secs % 60)
}
