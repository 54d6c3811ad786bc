//! Answers `fsync` and `fdatasync` of a program and its descendants in the kernel's place, as a disk that fails does.
//! Everything else, and these calls while the disk is well, go to the kernel.

use std::{
    fs, io, mem,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::net::UnixDatagram,
    },
    path::Path,
    ptr,
    sync::atomic::{AtomicBool, Ordering},
};

use libc::{
    BPF_ABS, BPF_JEQ, BPF_JMP, BPF_JUMP, BPF_K, BPF_LD, BPF_RET, BPF_STMT, BPF_W, SECCOMP_RET_ALLOW,
    SECCOMP_RET_USER_NOTIF,
};

use super::done;

/// A byte beside the descriptor: a message without one is none.
const WORD: [u8; 1] = [0];

/// Room for one descriptor in a message, aligned as the kernel wants it.
type Control = [u64; 4];

/// From now on the calls of this process, and of all that come from it, are asked about; who answers gets them through
/// the socket. For the moment between fork and exec, as root.
///
/// # Errors
/// What the kernel says.
pub fn hand_over(socket: &UnixDatagram) -> io::Result<()> {
    let listener = listen()?;
    send(socket, &listener)
}

fn listen() -> io::Result<OwnedFd> {
    let (sync, data) = (number(libc::SYS_fsync)?, number(libc::SYS_fdatasync)?);
    // SAFETY: these make plain values.
    let mut program = unsafe {
        [
            // The number of the call comes first in what a filter sees.
            BPF_STMT((BPF_LD | BPF_W | BPF_ABS) as u16, 0),
            BPF_JUMP((BPF_JMP | BPF_JEQ | BPF_K) as u16, sync, 2, 0),
            BPF_JUMP((BPF_JMP | BPF_JEQ | BPF_K) as u16, data, 1, 0),
            BPF_STMT((BPF_RET | BPF_K) as u16, SECCOMP_RET_ALLOW),
            BPF_STMT((BPF_RET | BPF_K) as u16, SECCOMP_RET_USER_NOTIF),
        ]
    };
    let filter = libc::sock_fprog { len: 5, filter: program.as_mut_ptr() };
    // SAFETY: the filter and its program live through the call.
    let listener = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const filter,
        )
    };
    let listener = i32::try_from(listener).map_err(io::Error::other)?;
    done(listener)?;
    // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(listener) })
}

fn number(call: libc::c_long) -> io::Result<u32> {
    u32::try_from(call).map_err(|_| io::ErrorKind::Unsupported.into())
}

fn send(socket: &UnixDatagram, descriptor: &OwnedFd) -> io::Result<()> {
    let mut control: Control = [0; 4];
    let mut word = WORD;
    let mut part = libc::iovec { iov_base: word.as_mut_ptr().cast(), iov_len: word.len() };
    let message = message(&mut part, &mut control);
    // SAFETY: the control buffer has room for one header and one descriptor, which is what is written.
    let sent = unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(4) as _;
        ptr::write_unaligned(libc::CMSG_DATA(header).cast::<i32>(), descriptor.as_raw_fd());
        libc::sendmsg(socket.as_raw_fd(), &raw const message, 0)
    };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn message(part: &mut libc::iovec, control: &mut Control) -> libc::msghdr {
    // SAFETY: all zeros is a message without anything.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    // SAFETY: arithmetic.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(4) } as _;
    message
}

/// What was sent through the socket.
///
/// # Errors
/// Nothing was.
pub fn take_over(socket: &UnixDatagram) -> io::Result<OwnedFd> {
    let mut control: Control = [0; 4];
    let mut word = WORD;
    let mut part = libc::iovec { iov_base: word.as_mut_ptr().cast(), iov_len: word.len() };
    let mut message = message(&mut part, &mut control);
    // SAFETY: word and control buffer live through the call; the header that it writes is read only if it is there.
    unsafe {
        let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
        if libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) < 0 {
            return Err(io::Error::last_os_error());
        }
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if header.is_null() || (*header).cmsg_type != libc::SCM_RIGHTS {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let descriptor = ptr::read_unaligned(libc::CMSG_DATA(header).cast::<i32>());
        Ok(OwnedFd::from_raw_fd(descriptor))
    }
}

/// Answers until nobody is left who could call: with an error for files below `place` while `failing`.
pub fn answer(listener: &OwnedFd, place: &Path, failing: &AtomicBool) {
    while is_asked(listener) {
        // SAFETY: all zeros is what the kernel wants to write over; it lives through the call.
        let mut call: libc::seccomp_notif = unsafe { mem::zeroed() };
        // SAFETY: as above.
        let asked =
            unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut call) };
        if asked < 0 {
            // Who called was killed meanwhile.
            continue;
        }
        let file = fs::read_link(format!("/proc/{}/fd/{}", call.pid, call.data.args[0]));
        let fails = failing.load(Ordering::SeqCst) && file.is_ok_and(|file| file.starts_with(place));
        // SAFETY: all zeros is an answer.
        let mut said: libc::seccomp_notif_resp = unsafe { mem::zeroed() };
        said.id = call.id;
        if fails {
            said.error = -libc::EIO;
        } else {
            said.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;
        }
        // SAFETY: the answer lives through the call; that nobody waits for it any more is no matter.
        unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut said) };
    }
}

/// Waits for a call; none comes any more when all callers have ended.
fn is_asked(listener: &OwnedFd) -> bool {
    let mut poll = libc::pollfd { fd: listener.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    loop {
        // SAFETY: one entry, which lives through the call.
        let found = unsafe { libc::poll(&raw mut poll, 1, -1) };
        if found > 0 {
            return poll.revents & libc::POLLIN != 0;
        }
        if found < 0 && io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return false;
        }
    }
}
