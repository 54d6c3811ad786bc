//! Making processes. Only from a process with one thread: the nursery and what it forks.

use std::io;
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

/// Makes a process that goes on to `exec` at once, straight in a control group when there is one: moving it there after
/// its birth may cost milliseconds. It gets the memory of this process on loan, and this process sleeps until it has
/// given it back: copying the memory only to throw it away would cost more than all the rest.
///
/// `body` must change nothing that this process needs, and gives the exit code of a child that has not come to `exec`.
pub fn program(group: Option<BorrowedFd<'_>>, body: &dyn Fn() -> i32) -> io::Result<Pid> {
    let mut arguments = libc::clone_args {
        flags: group.map_or(0, |_| CLONE_INTO_CGROUP),
        pidfd: 0,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: libc::SIGCHLD as u64,
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: group.map_or(0, |group| u64::try_from(group.as_raw_fd()).unwrap_or_default()),
    };
    match on_loan::clone(&mut arguments, body) {
        // Some sandboxes know only the older calls.
        Err(error) if group.is_none() && matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
            child(body)
        }
        born => born,
    }
}

/// With the parent's memory, on a stack of its own. The call returns twice on two stacks, which only the machine's own
/// language can say.
#[cfg(target_arch = "x86_64")]
mod on_loan {
    use std::arch::asm;
    use std::ffi::c_void;
    use std::io;
    use std::mem::size_of;

    use nix::unistd::Pid;

    /// Bytes; what is not touched costs nothing.
    const STACK: usize = 256 * 1024;
    /// What a stack has to begin at.
    const ALIGNED: usize = 16;

    pub fn clone(arguments: &mut libc::clone_args, body: &dyn Fn() -> i32) -> io::Result<Pid> {
        let mut stack = Vec::<u8>::with_capacity(STACK);
        let unused = stack.as_ptr().align_offset(ALIGNED);
        arguments.stack = (stack.as_mut_ptr() as usize + unused) as u64;
        arguments.stack_size = (STACK - ALIGNED) as u64;
        arguments.flags |= (libc::CLONE_VM | libc::CLONE_VFORK) as u64;
        // SAFETY: the child has a stack that lives until this call returns, which is after the child's `exec` or end; it
        // enters a function that never returns, whose argument lives as long.
        let answer = unsafe { call(arguments, enter, (&raw const body).cast()) };
        match i32::try_from(answer) {
            Ok(pid) if pid > 0 => Ok(Pid::from_raw(pid)),
            answer => Err(io::Error::from_raw_os_error(answer.map_or(libc::EINVAL, |errno| -errno))),
        }
    }

    extern "C" fn enter(body: *const c_void) -> ! {
        // SAFETY: `clone` passes this very type, and its caller sleeps.
        let body = unsafe { *body.cast::<&dyn Fn() -> i32>() };
        super::run(body)
    }

    /// The number of the child, or the error's with a minus.
    ///
    /// # Safety
    /// `arguments` names a free stack, aligned for this machine, and `enter` takes `data`.
    unsafe fn call(
        arguments: &libc::clone_args,
        enter: extern "C" fn(*const c_void) -> !,
        data: *const c_void,
    ) -> i64 {
        let answer: i64;
        // SAFETY: by the contract of this function; the parent goes on behind it with its registers as they were.
        unsafe {
            asm!(
                "syscall", "test rax, rax", "jnz 2f", "mov rdi, {data}", "call {enter}", "ud2", "2:",
                inlateout("rax") libc::SYS_clone3 => answer,
                in("rdi") std::ptr::from_ref(arguments),
                in("rsi") size_of::<libc::clone_args>(),
                out("rcx") _,
                out("r11") _,
                enter = in(reg) enter,
                data = in(reg) data,
            );
        }
        answer
    }
}

/// With a copy of the parent's memory.
#[cfg(not(target_arch = "x86_64"))]
mod on_loan {
    use std::io;
    use std::mem::size_of;

    use nix::unistd::Pid;

    pub fn clone(arguments: &mut libc::clone_args, body: &dyn Fn() -> i32) -> io::Result<Pid> {
        // SAFETY: without a new stack this is a fork; the process has one thread.
        match unsafe { libc::syscall(libc::SYS_clone3, &raw mut *arguments, size_of::<libc::clone_args>()) } {
            -1 => Err(io::Error::last_os_error()),
            0 => super::run(body),
            pid => Ok(Pid::from_raw(i32::try_from(pid).map_err(io::Error::other)?)),
        }
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
