//! Processes that a shell cannot be: the harness's own program, under another name.

use std::{ffi::CString, thread, time::Duration};

/// What it is called in a yard.
pub const NAME: &str = "pikoci-faults-helper";
/// How long a link of a chain lives.
const LINK: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(86_413);

/// Becomes what the arguments say, for ever; returns only if they say nothing.
pub fn become_what_is_asked(args: &[String]) {
    let [_, what, rest @ ..] = args else { return };
    match what.as_str() {
        "chain" => {
            let width = rest.first().and_then(|width| width.parse().ok()).unwrap_or(1);
            chain(width);
        }
        "zombie-leader" => zombie_leader(),
        "thread-child" => thread_child(),
        _ => {}
    }
}

/// Links that live for a moment, each in a session of its own: when one is found it is gone.
fn chain(width: u32) {
    for _ in 1..width {
        // SAFETY: this process has one thread.
        if unsafe { libc::fork() } == 0 {
            break;
        }
    }
    loop {
        // SAFETY: this process has one thread; the parent ends at once.
        unsafe {
            if libc::fork() > 0 {
                libc::_exit(0);
            }
            libc::setsid();
        }
        thread::sleep(LINK);
    }
}

/// The main thread ends, another lives: the process table says zombie.
fn zombie_leader() {
    thread::spawn(|| thread::sleep(LONG));
    // SAFETY: ends this thread alone; nothing that it owns is used by the other.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
}

/// A child whose parent is a thread that ends.
fn thread_child() {
    let parent = thread::spawn(|| {
        let (program, argument) = (CString::from(c"sleep"), CString::from(c"86413"));
        let arguments = [program.as_ptr(), argument.as_ptr(), std::ptr::null()];
        // SAFETY: the child calls exec and exit alone; the strings end with a zero byte, the list with null.
        unsafe {
            if libc::fork() == 0 {
                libc::setsid();
                libc::execvp(program.as_ptr(), arguments.as_ptr());
                libc::_exit(127);
            }
        }
    });
    let _ = parent.join();
    thread::sleep(LONG);
}
