//! What happens when the process of a container ends.

use super::super::{Daemon, later};
use super::{Restart, Status};
use oci::Time;

/// The first pause before a process is started again, in milliseconds; it doubles every time.
const FIRST_PAUSE: u64 = 100;
/// The longest one.
const LONGEST_PAUSE: u64 = 60_000;
/// A process that ran so long starts with the first pause again.
const GOOD_RUN_SECS: i64 = 10;

impl Daemon {
    /// Notes that the process of a container ended, and does what its options say then. Returns whether the container is
    /// gone.
    pub(super) fn ended(&mut self, id: &str, exit: i32, at: Time) -> bool {
        let container = self.container_mut(id);
        let policy = container.options.restart;
        let auto_remove = container.options.auto_remove;
        let state = &mut container.state;
        let ran_well = state
            .started
            .is_some_and(|started| at.secs - started.secs >= GOOD_RUN_SECS);
        state.exit = exit;
        state.pid = 0;
        state.finished = Some(at);
        state.processes.clear();
        state.ports.clear();
        state.address = None;
        state.tmpfs.clear();
        state.restart_at = None;
        state.status = Status::Exited;
        let starts_again = !state.stopped_by_hand
            && match policy {
                Restart::No => false,
                Restart::Always | Restart::UnlessStopped => true,
                Restart::OnFailure(most) => exit != 0 && (most == 0 || state.restarts < most),
            };
        if starts_again {
            if ran_well {
                state.quick_ends = 0;
            }
            let pause = FIRST_PAUSE << state.quick_ends.min(20);
            state.quick_ends += 1;
            state.status = Status::Restarting;
            state.restart_at = Some(later(at, pause.min(LONGEST_PAUSE)));
        } else if auto_remove {
            self.discard(id, true);
            return true;
        }
        false
    }
}
