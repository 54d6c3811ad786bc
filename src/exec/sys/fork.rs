//! Making processes. Only from a process with one thread: the nursery and what it forks.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::unistd::Pid;

/// The exit code of a launcher process that ended by a fault of its own.
const FAULT: i32 = 70;

/// `CLONE_INTO_CGROUP` of `<linux/sched.h>`.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Forks; the child runs `body` and ends with the code it returns, never coming back here.
pub fn child(body: impl FnOnce() -> i32) -> io::Result<Pid> {
    // SAFETY: this process has one thread, so the child finds every lock free.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => run(body),
        pid => Ok(Pid::from_raw(pid)),
    }
}

/// Forks straight into a control group, when there is one: moving a process there after its birth may cost
/// milliseconds. The child must go on to `exec`, since the C library is not told of this fork.
pub fn child_in_group(group: Option<BorrowedFd<'_>>, body: impl FnOnce() -> i32) -> io::Result<Pid> {
    let Some(group) = group else { return child(body) };
    let mut arguments = libc::clone_args {
        flags: CLONE_INTO_CGROUP,
        pidfd: 0,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: libc::SIGCHLD as u64,
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: u64::try_from(group.as_raw_fd()).unwrap_or_default(),
    };
    // SAFETY: without a new stack this is a fork; the process has one thread.
    match unsafe { libc::syscall(libc::SYS_clone3, &raw mut arguments, size_of::<libc::clone_args>()) } {
        -1 => Err(io::Error::last_os_error()),
        0 => run(body),
        pid => Ok(Pid::from_raw(i32::try_from(pid).map_err(io::Error::other)?)),
    }
}

fn run(body: impl FnOnce() -> i32) -> ! {
    let code = catch_unwind(AssertUnwindSafe(body)).unwrap_or(FAULT);
    leave(code)
}

/// Ends this process without running what the parent registered for its own end.
pub fn leave(code: i32) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(code) }
}

/// Replaces this process by a program; comes back only with the error.
pub fn exec(path: &std::ffi::CStr, argv: &Pointers, env: &Pointers) -> io::Error {
    // SAFETY: both lists end with a null pointer and their strings live as long as they do.
    unsafe { libc::execve(path.as_ptr(), argv.0.as_ptr(), env.0.as_ptr()) };
    io::Error::last_os_error()
}

/// A null-ended list of C strings, made before the fork so that nothing is allocated after it.
pub struct Pointers(
    Vec<*const libc::c_char>,
    #[expect(dead_code, reason = "owns what the pointers point to")] Vec<std::ffi::CString>,
);

impl Pointers {
    pub fn new(strings: Vec<std::ffi::CString>) -> Self {
        let mut pointers: Vec<_> = strings.iter().map(|one| one.as_ptr()).collect();
        pointers.push(std::ptr::null());
        Self(pointers, strings)
    }
}
