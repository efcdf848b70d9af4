//! Reading what a process writes, to the end.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::time::Timespec;
use std::fs::File;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};

/// Reads until the end, or until nothing more is there after the process has ended: one of its children may still hold the other end.
pub(super) fn pump(source: OwnedFd, ended: &AtomicBool, mut take: impl FnMut(&[u8])) {
    let mut file = File::from(source);
    let mut bytes = vec![0; 1 << 16];
    let moment = Timespec {
        tv_sec: 0,
        tv_nsec: 50_000_000,
    };
    loop {
        let was_ended = ended.load(Ordering::Acquire);
        let mut descriptors = [PollFd::new(&file, PollFlags::IN)];
        match poll(&mut descriptors, Some(&moment)) {
            Ok(0) if was_ended => return,
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(_) => return,
        }
        match file.read(&mut bytes) {
            // A terminal that nobody holds any more is an error instead of an end.
            Ok(0) | Err(_) => return,
            Ok(count) => take(&bytes[..count]),
        }
    }
}
