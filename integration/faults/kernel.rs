//! What the kernel is asked for that the standard library does not offer. The only unsafe code here.

pub mod syncs;

use std::{
    ffi::CString,
    io,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

/// A process, held so that its number can never come to mean another one.
#[derive(Debug)]
pub struct Held(OwnedFd);

impl Held {
    /// Takes hold of a process; none if it is gone.
    pub fn open(pid: i32) -> Option<Self> {
        // SAFETY: plain numbers go in, a new descriptor or an error comes out.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0)?;
        // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
        Some(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Whether it has not ended. One that has ended and is not reaped is not alive; one whose main thread alone has
    /// ended is.
    pub fn is_alive(&self) -> bool {
        let mut poll = libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry, which lives through the call.
        unsafe { libc::poll(&raw mut poll, 1, 0) == 0 }
    }

    /// Signals it; nothing happens when it has ended.
    pub fn signal(&self, signal: i32) {
        // SAFETY: the descriptor is ours, the other arguments are numbers.
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, self.0.as_raw_fd(), signal, 0, 0) };
    }
}

/// Makes a named pipe that everybody may use.
///
/// # Errors
/// What the kernel says.
pub fn make_pipe(path: &Path) -> io::Result<()> {
    let name = c_path(path)?;
    // SAFETY: the string ends with a zero byte and lives through both calls.
    done(unsafe { libc::mkfifo(name.as_ptr(), 0o666) })?;
    // The mask of this process may have taken rights away.
    // SAFETY: as above.
    done(unsafe { libc::chmod(name.as_ptr(), 0o666) })
}

/// Moves this process, which must have one thread, to a mount namespace of its own: what it mounts ends with it.
///
/// # Errors
/// Without the right to.
pub fn own_mounts() -> io::Result<()> {
    // SAFETY: a number goes in.
    done(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
    // SAFETY: the strings are constants; the others may be null for this kind of mount.
    done(unsafe {
        libc::mount(
            std::ptr::null(),
            c"/".as_ptr(),
            std::ptr::null(),
            libc::MS_REC | libc::MS_PRIVATE,
            std::ptr::null(),
        )
    })
}

/// Lays a file over another, in this mount namespace.
///
/// # Errors
/// What the kernel says.
pub fn lay_over(file: &CString, over: &CString) -> io::Result<()> {
    // SAFETY: both strings end with a zero byte and live through the call.
    done(unsafe {
        libc::mount(file.as_ptr(), over.as_ptr(), std::ptr::null(), libc::MS_BIND, std::ptr::null())
    })
}

/// Mounts a memory file system of this many bytes.
///
/// # Errors
/// What the kernel says.
pub fn mount_memory(at: &Path, bytes: u64) -> io::Result<()> {
    let (place, options) = (c_path(at)?, CString::new(format!("size={bytes},mode=0777"))?);
    // SAFETY: all strings end with a zero byte and live through the call.
    done(unsafe {
        libc::mount(c"tmpfs".as_ptr(), place.as_ptr(), c"tmpfs".as_ptr(), 0, options.as_ptr().cast())
    })
}

/// Takes a mount away, at once or when nobody uses it any more.
pub fn unmount(at: &Path) {
    if let Ok(place) = c_path(at) {
        // SAFETY: the string ends with a zero byte and lives through the call.
        unsafe { libc::umount2(place.as_ptr(), libc::MNT_DETACH) };
    }
}

/// Becomes another user for good, groups included. For the moment between fork and exec.
///
/// # Errors
/// What the kernel says.
pub fn become_user(user: u32) -> io::Result<()> {
    // SAFETY: numbers, and no list of groups.
    done(unsafe { libc::setgroups(0, std::ptr::null()) })?;
    // SAFETY: numbers go in.
    done(unsafe { libc::setgid(user) })?;
    // SAFETY: numbers go in.
    done(unsafe { libc::setuid(user) })
}

/// `kill -1`, as a user does it to itself.
pub fn signal_user(user: u32, number: i32) {
    // SAFETY: the child makes system calls alone, and ends.
    unsafe {
        match libc::fork() {
            0 => {
                if become_user(user).is_ok() {
                    libc::kill(-1, number);
                }
                libc::_exit(0);
            }
            child if child > 0 => {
                libc::waitpid(child, std::ptr::null_mut(), 0);
            }
            _ => {}
        }
    }
}

/// Whether this process is root.
pub fn is_root() -> bool {
    // SAFETY: nothing goes in.
    unsafe { libc::geteuid() == 0 }
}

/// Limits how many descriptors a process may have; gives what it was.
pub fn limit_files(pid: i32, soft: u64) -> Option<u64> {
    let mut old = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes into `old`, which lives through the call.
    let asked = unsafe { libc::prlimit(pid, libc::RLIMIT_NOFILE, std::ptr::null(), &raw mut old) };
    let new = libc::rlimit { rlim_cur: soft, rlim_max: old.rlim_max };
    // SAFETY: the kernel reads `new`, which lives through the call.
    let set = unsafe { libc::prlimit(pid, libc::RLIMIT_NOFILE, &raw const new, std::ptr::null_mut()) };
    (asked == 0 && set == 0).then_some(old.rlim_cur)
}

/// A path as the kernel wants it.
///
/// # Errors
/// A path with a zero byte.
pub fn c_path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

fn done(answer: i32) -> io::Result<()> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
