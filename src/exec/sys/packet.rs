//! Sequenced packets over a socket pair: one packet is one message, with the descriptors it hands over.
//!
//! A packet of more than about 200 KB does not fit a socket, and a short buffer cuts one in silence. So what is bigger than
//! [`INLINE`] travels in a sealed memory file whose descriptor comes first. Whatever arrives out of form is refused by
//! itself and never ends the conversation.

use std::fs::File;
use std::io::{self, IoSlice, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, sendmsg, socketpair};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Largest body in bytes that travels inside the packet itself.
const INLINE: usize = 16 * 1024;
/// Largest message in bytes that is accepted at all: a bound on memory, far above any real request.
const LARGEST: u64 = 256 * 1024 * 1024;
/// Most descriptors in one packet.
const MOST_DESCRIPTORS: usize = 8;

const IN_PACKET: u8 = 0;
const IN_MEMORY_FILE: u8 = 1;

/// What came from the other side.
#[derive(Debug)]
pub enum Received<T> {
    /// A whole message and the descriptors that came with it.
    Message(T, Vec<OwnedFd>),
    /// Nothing is waiting.
    Nothing,
    /// Something out of form came and was thrown away; the conversation goes on.
    Refused(String),
    /// The other side is gone.
    Closed,
}

/// A connected pair, closed by `exec`.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?)
}

/// Sends one message with its descriptors, without ever blocking.
///
/// # Errors
/// `WouldBlock` when the other side does not read; any other error means that the message was not sent.
pub fn send<T: Serialize>(socket: impl AsFd, message: &T, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let body = rmp_serde::to_vec(message).map_err(io::Error::other)?;
    if body.len() <= INLINE {
        return send_raw(socket.as_fd(), &[IN_PACKET], &body, descriptors);
    }
    let file = sealed_file(&body)?;
    let mut all = vec![file.as_fd()];
    all.extend_from_slice(descriptors);
    send_raw(socket.as_fd(), &[IN_MEMORY_FILE], &[], &all)
}

fn send_raw(
    socket: BorrowedFd<'_>,
    tag: &[u8],
    body: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let raw: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control: &[ControlMessage<'_>] = if raw.is_empty() { &[] } else { &rights };
    let parts = [IoSlice::new(tag), IoSlice::new(body)];
    let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
    loop {
        match sendmsg::<()>(socket.as_raw_fd(), &parts, control, flags, None) {
            Ok(_) => return Ok(()),
            Err(nix::Error::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// A memory file with these bytes that nobody can change any more.
fn sealed_file(bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut file =
        File::from(memfd_create(c"pikoci-request", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?);
    file.write_all(bytes)?;
    fcntl(&file, FcntlArg::F_ADD_SEALS(needed_seals() | SealFlag::F_SEAL_SEAL))?;
    Ok(file.into())
}

fn needed_seals() -> SealFlag {
    SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_WRITE
}

/// Takes the next message, without ever blocking.
///
/// # Errors
/// Only when the socket itself is of no use any more.
pub fn receive<T: DeserializeOwned>(socket: impl AsFd) -> io::Result<Received<T>> {
    let socket = socket.as_fd();
    // On the stack: a process that has just been forked pays for each page of the heap that it touches first.
    let mut buffer = [0u8; INLINE + 1];
    let (length, flags, descriptors) = match receive_raw(socket, &mut buffer) {
        Ok(parts) => parts,
        Err(nix::Error::EAGAIN) => return Ok(Received::Nothing),
        Err(nix::Error::ECONNRESET) => return Ok(Received::Closed),
        Err(error) => return Err(error.into()),
    };
    if length == 0 {
        return if hung_up(socket)? {
            Ok(Received::Closed)
        } else {
            Ok(Received::Refused("an empty packet".into()))
        };
    }
    if flags.contains(MsgFlags::MSG_TRUNC) {
        return Ok(Received::Refused(format!("a packet of more than {INLINE} bytes")));
    }
    if flags.contains(MsgFlags::MSG_CTRUNC) {
        // Too many files are open here. Whoever sent it can be told if the message is whole; what is left of the
        // descriptors is of no use.
        drop(descriptors);
        let lost = |_| Received::Refused("a packet of which descriptors were lost on the way".into());
        return Ok(decode(&buffer[..length], Vec::new()).unwrap_or_else(lost));
    }
    if descriptors.len() > MOST_DESCRIPTORS {
        return Ok(Received::Refused(format!("a packet with more than {MOST_DESCRIPTORS} descriptors")));
    }
    Ok(decode(&buffer[..length], descriptors).unwrap_or_else(Received::Refused))
}

/// Sleeps until a message is there; none when the other side is gone.
pub fn wait_for<T: DeserializeOwned>(socket: impl AsFd) -> Option<(T, Vec<OwnedFd>)> {
    loop {
        match receive(&socket) {
            Ok(Received::Message(message, descriptors)) => return Some((message, descriptors)),
            Ok(Received::Refused(_)) => {}
            Ok(Received::Nothing) => {
                let _ = poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE);
            }
            Ok(Received::Closed) | Err(_) => return None,
        }
    }
}

/// Room for as many descriptors as the system ever hands over at once: what does not fit would stay open unseen.
const MOST_AT_ONCE: usize = 253;

/// One packet, with every descriptor that came along, also when some were lost on the way.
fn receive_raw(
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
) -> Result<(usize, MsgFlags, Vec<OwnedFd>), nix::Error> {
    // Words, so that the headers in it are aligned.
    let mut space = [0u64; MOST_AT_ONCE / 2 + 4];
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: a structure of numbers and pointers, for which all zeros are valid.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = space.as_mut_ptr().cast();
    header.msg_controllen = size_of_val(&space);
    let length = loop {
        let flags = libc::MSG_CMSG_CLOEXEC | libc::MSG_DONTWAIT;
        // SAFETY: everything that the header points to is there, as long as it says, until the call is over.
        match nix::Error::result(unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) }) {
            Err(nix::Error::EINTR) => {}
            Err(error) => return Err(error),
            Ok(length) => break usize::try_from(length).unwrap_or_default(),
        }
    };
    Ok((length, MsgFlags::from_bits_truncate(header.msg_flags), descriptors_in(&header)))
}

fn descriptors_in(header: &libc::msghdr) -> Vec<OwnedFd> {
    let mut descriptors = Vec::new();
    // SAFETY: the kernel has just filled the header and the space that it points to, and put these descriptors into this
    // process; nobody else knows them.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while let Some(found) = message.as_ref() {
            if (found.cmsg_level, found.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
                let size = found.cmsg_len - libc::CMSG_LEN(0) as usize;
                let first = libc::CMSG_DATA(message).cast::<RawFd>();
                let all = (0..size / size_of::<RawFd>()).map(|number| first.add(number).read_unaligned());
                descriptors.extend(all.map(|raw| OwnedFd::from_raw_fd(raw)));
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    descriptors
}

fn decode<T: DeserializeOwned>(packet: &[u8], mut descriptors: Vec<OwnedFd>) -> Result<Received<T>, String> {
    let message = match packet[0] {
        IN_PACKET => rmp_serde::from_slice(&packet[1..]),
        IN_MEMORY_FILE if descriptors.is_empty() => {
            return Err("a big message without its memory file".into());
        }
        IN_MEMORY_FILE => {
            let body =
                read_sealed(descriptors.remove(0)).map_err(|error| format!("a memory file: {error}"))?;
            rmp_serde::from_slice(&body)
        }
        other => return Err(format!("a packet of unknown kind {other}")),
    };
    match message {
        Ok(message) => Ok(Received::Message(message, descriptors)),
        Err(error) => Err(format!("a message that cannot be read: {error}")),
    }
}

fn read_sealed(descriptor: OwnedFd) -> io::Result<Vec<u8>> {
    let mut file = File::from(descriptor);
    let seals = SealFlag::from_bits_truncate(fcntl(&file, FcntlArg::F_GET_SEALS)?);
    if !seals.contains(needed_seals()) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not sealed"));
    }
    let size = file.metadata()?.len();
    if size > LARGEST {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{size} bytes, at most {LARGEST} are taken"),
        ));
    }
    file.rewind()?;
    let mut body = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.read_to_end(&mut body)?;
    Ok(body)
}

/// Whether the other side has closed its end: this tells an empty packet from the end of the conversation.
pub fn hung_up(socket: BorrowedFd<'_>) -> io::Result<bool> {
    let mut watched = [PollFd::new(socket, PollFlags::empty())];
    poll(&mut watched, PollTimeout::ZERO)?;
    Ok(watched[0].revents().is_some_and(|found| found.contains(PollFlags::POLLHUP)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchanged(message: &Vec<u8>) -> Received<Vec<u8>> {
        let (left, right) = pair().unwrap();
        send(&left, message, &[]).unwrap();
        receive(&right).unwrap()
    }

    #[test]
    fn messages_of_every_size_arrive_whole() {
        for size in [0, 1, INLINE - 10, INLINE, INLINE + 1, 300_000, 3_000_000] {
            let message = vec![7u8; size];
            assert!(matches!(exchanged(&message), Received::Message(got, _) if got == message), "{size}");
        }
    }

    #[test]
    fn descriptors_come_after_the_memory_file() {
        let (left, right) = pair().unwrap();
        let file = File::open("/dev/null").unwrap();
        send(&left, &vec![1u8; 100_000], &[file.as_fd(), file.as_fd()]).unwrap();
        assert!(matches!(receive::<Vec<u8>>(&right).unwrap(), Received::Message(_, fds) if fds.len() == 2));
    }

    #[test]
    fn what_is_out_of_form_is_refused_and_the_talk_goes_on() {
        let (left, right) = pair().unwrap();
        send_raw(left.as_fd(), &[], &[], &[]).unwrap();
        assert!(matches!(receive::<u32>(&right).unwrap(), Received::Refused(_)));
        send_raw(left.as_fd(), &[IN_MEMORY_FILE], &[], &[]).unwrap();
        assert!(matches!(receive::<u32>(&right).unwrap(), Received::Refused(_)));
        send_raw(left.as_fd(), &[IN_PACKET], &vec![0; INLINE + 10], &[]).unwrap();
        assert!(matches!(receive::<u32>(&right).unwrap(), Received::Refused(_)));
        let null = File::open("/dev/null").unwrap();
        send_raw(left.as_fd(), &[IN_PACKET], &[1], &[null.as_fd(); MOST_DESCRIPTORS + 1]).unwrap();
        assert!(matches!(receive::<u32>(&right).unwrap(), Received::Refused(_)));
        send(&left, &5u32, &[]).unwrap();
        assert!(matches!(receive::<u32>(&right).unwrap(), Received::Message(5, _)));
        assert!(matches!(receive::<u32>(&right).unwrap(), Received::Nothing));
        drop(left);
        assert!(matches!(receive::<u32>(&right).unwrap(), Received::Closed));
    }
}
