//! Ending a container's process by its keeper, and waiting for that.

use super::frame::{self, Kind};
use super::keeper;
use super::refusals::system;
use super::status::Status;
use engine::{Ending, Refusal};
use oci::Time;
use std::path::Path;
use std::time::{Duration, Instant};

/// A process that was killed has ended in this time.
const DEATH: Duration = Duration::from_secs(10);

/// Asks a keeper to end its process and waits until it has.
pub(super) fn stop_by(
    socket: &mut std::os::unix::net::UnixStream,
    signal: u8,
    grace_secs: u32,
    folder: &Path,
    now: Time,
) -> Result<Ending, Refusal> {
    let begun = Instant::now();
    let patience = DEATH + Duration::from_secs(grace_secs.into());
    let mut request = vec![signal];
    request.extend(grace_secs.to_be_bytes());
    let told = frame::write(socket, Kind::Stop, &request).and_then(|()| socket.set_read_timeout(Some(patience)));
    if told.is_err() {
        return ended_by_itself(folder, now);
    }
    loop {
        match frame::read(socket) {
            Ok(Some((Kind::Ended, bytes))) => {
                let code: [u8; 4] = bytes.try_into().unwrap_or_default();
                return Ok(Ending {
                    exit: i32::from_be_bytes(code),
                    millis: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
                });
            }
            Ok(Some(_)) => {}
            Ok(None) => return ended_by_itself(folder, now),
            Err(error) => return Err(system("wait for the container's end", &error)),
        }
    }
}

/// Waits until a container whose process has just ended is let go of.
pub(super) fn wait_for_end(folder: &Path) {
    let Ok(mut socket) = keeper::connect(folder) else {
        return;
    };
    // A keeper that is gone has nothing more to say.
    let _ = socket.set_read_timeout(Some(DEATH));
    let _ = frame::write(&mut socket, Kind::Attach, &[0]);
    while let Ok(Some((kind, _))) = frame::read(&mut socket) {
        if kind == Kind::Ended {
            return;
        }
    }
}

/// How a container ended whose keeper does not answer any more.
pub(super) fn ended_by_itself(folder: &Path, now: Time) -> Result<Ending, Refusal> {
    let status = Status::read(folder).map_err(|error| system("read the container's status", &error))?;
    let status = status.map(|status| status.lost(now).unwrap_or(status));
    let exit = status.map_or(137, |status| status.exit);
    Ok(Ending { exit, millis: 0 })
}
