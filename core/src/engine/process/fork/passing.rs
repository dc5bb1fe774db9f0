//! What goes through the socket between the library and a fork server: a letter, and open files with it.

use std::io::{Error as IoError, ErrorKind, IoSlice, IoSliceMut, Result as IoResult};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::cmsg_space;
use rustix::io::retry_on_intr;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};

/// Of one message.
const MOST: usize = 3;

/// `descriptors` stay open here, too.
pub(super) fn send(socket: impl AsFd, letter: u8, descriptors: &[BorrowedFd<'_>]) -> IoResult<()> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST))];
    let mut with = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !with.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(ErrorKind::InvalidInput.into());
    }
    let letter = [letter];
    retry_on_intr(|| sendmsg(&socket, &[IoSlice::new(&letter)], &mut with, SendFlags::NOSIGNAL))?;
    Ok(())
}

/// None: the other side has closed the socket.
pub(super) fn receive(socket: impl AsFd) -> IoResult<Option<(u8, Vec<OwnedFd>)>> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST))];
    let mut with = RecvAncillaryBuffer::new(&mut space);
    let mut letter = [0];
    let into = &mut [IoSliceMut::new(&mut letter)];
    let received = retry_on_intr(|| recvmsg(&socket, into, &mut with, RecvFlags::CMSG_CLOEXEC))?;
    let mut descriptors = Vec::new();
    for message in with.drain() {
        match message {
            RecvAncillaryMessage::ScmRights(some) => descriptors.extend(some),
            _ => return Err(IoError::new(ErrorKind::InvalidData, "no descriptors")),
        }
    }
    Ok((received.bytes > 0).then_some((letter[0], descriptors)))
}
