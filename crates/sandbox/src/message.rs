//! Values and descriptors that go over the socket between a caller and its helper process.

use crate::error::{Doing as _, SandboxError};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;

/// Most descriptors in one message: three streams and one to spare.
const MAX_DESCRIPTORS: usize = 4;

/// Sends `value` with copies of `descriptors`.
///
/// # Errors
///
/// [`SandboxError::System`] if the other end has gone.
pub(crate) fn send<T: Serialize>(
    socket: impl AsFd,
    value: &T,
    descriptors: &[BorrowedFd<'_>],
) -> Result<(), SandboxError> {
    let body = serde_json::to_vec(value).expect("messages have no maps with other keys than strings");
    let length = u32::try_from(body.len()).map_err(|_| Errno::MSGSIZE).doing("send")?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        let fits = control.push(SendAncillaryMessage::ScmRights(descriptors));
        debug_assert!(fits, "no message has more than {MAX_DESCRIPTORS} descriptors");
    }
    let header = length.to_le_bytes();
    // The descriptors travel with the header, which is too short to be sent in part.
    retry_on_intr(|| sendmsg(&socket, &[IoSlice::new(&header)], &mut control, SendFlags::NOSIGNAL)).doing("send")?;
    let mut rest = &body[..];
    while !rest.is_empty() {
        let n_sent = retry_on_intr(|| rustix::net::send(&socket, rest, SendFlags::NOSIGNAL)).doing("send")?;
        rest = &rest[n_sent..];
    }
    Ok(())
}

/// Waits for a value and its descriptors; `None` if the other end has gone.
///
/// # Errors
///
/// [`SandboxError::System`] if a message breaks off or is not what was expected.
pub(crate) fn receive<T: DeserializeOwned>(socket: impl AsFd) -> Result<Option<(T, Vec<OwnedFd>)>, SandboxError> {
    let mut header = [0_u8; 4];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::WAITALL;
    let received = retry_on_intr(|| recvmsg(&socket, &mut [IoSliceMut::new(&mut header)], &mut control, flags));
    match received {
        Ok(message) if message.bytes == header.len() => {}
        Ok(message) if message.bytes == 0 => return Ok(None),
        Err(Errno::CONNRESET) => return Ok(None),
        Ok(_) => return Err(Errno::BADMSG).doing("receive"),
        Err(errno) => return Err(errno).doing("receive"),
    }
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    let mut body = vec![0_u8; u32::from_le_bytes(header) as usize];
    let mut n_read = 0;
    while n_read < body.len() {
        match retry_on_intr(|| rustix::io::read(&socket, &mut body[n_read..])).doing("receive")? {
            0 => return Err(Errno::BADMSG).doing("receive"),
            n => n_read += n,
        }
    }
    let value = serde_json::from_slice(&body)
        .map_err(|_| Errno::BADMSG)
        .doing("receive")?;
    Ok(Some((value, descriptors)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    fn pair() -> (OwnedFd, OwnedFd) {
        socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap()
    }

    #[test]
    fn a_long_value_and_its_descriptors_arrive_together() {
        let (ours, theirs) = pair();
        let long = "x".repeat(2_000_000);
        let sent = long.clone();
        let sender = std::thread::spawn(move || send(&ours, &sent, &[ours.as_fd(), ours.as_fd()]));
        let (value, descriptors) = receive::<String>(&theirs).unwrap().unwrap();
        assert_eq!((value, descriptors.len()), (long, 2));
        sender.join().unwrap().unwrap();
    }

    #[test]
    fn an_end_that_has_gone_is_told_from_a_message_that_broke_off() {
        let (ours, theirs) = pair();
        drop(ours);
        assert!(receive::<String>(&theirs).unwrap().is_none());
        let (ours, theirs) = pair();
        rustix::io::write(&ours, &[200, 0, 0, 0, b'"']).unwrap();
        drop(ours);
        assert!(receive::<String>(&theirs).is_err());
    }
}
