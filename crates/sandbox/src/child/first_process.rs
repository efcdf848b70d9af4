//! The small first process of a sandbox that asks for one: it passes signals on and waits for orphans.

use crate::system;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait};

/// Splits the process in two. The new one returns, to become the program; the old one, the sandbox's first, stays until that
/// ends, and ends as it did.
pub(super) fn stay_behind() -> Result<(), Errno> {
    system::hold_signals();
    match system::fork()? {
        None => take_foreground(),
        Some(program) => {
            // The caller hears by these that the program runs, so that only the program may hold them.
            system::close_from(3);
            attend(program)
        }
    }
}

/// A group of its own, so that keys reach the program once: from the terminal, not from the first process as well.
fn take_foreground() -> Result<(), Errno> {
    rustix::process::setpgid(None, None)?;
    match rustix::termios::tcsetpgrp(rustix::stdio::stdin(), rustix::process::getpid()) {
        // No terminal, or not this session's.
        Err(Errno::NOTTY | Errno::PERM | Errno::BADF | Errno::INVAL) => Ok(()),
        set => set,
    }
}

fn attend(program: Pid) -> ! {
    loop {
        let signal = system::next_signal();
        if signal == Signal::CHILD.as_raw() {
            bury(program);
        } else if let Some(signal) = Signal::from_named_raw(signal) {
            // It may have ended just now; that is heard next.
            let _ = kill_process(program, signal);
        }
    }
}

/// Waits for all that have ended, and ends with the program.
fn bury(program: Pid) {
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if pid == program {
            system::exit(exit_code(status));
        }
    }
}

fn exit_code(status: WaitStatus) -> i32 {
    let killed = status.terminating_signal().map(|signal| 128 + signal);
    status.exit_status().or(killed).unwrap_or(1)
}
