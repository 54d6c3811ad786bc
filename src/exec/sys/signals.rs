//! Signals of the launcher's own processes: those meant for the worker are ignored, the end of a child becomes readable.

use std::io;

use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// What a terminal or a supervisor sends to the worker; nursery, shim and reaper must outlive it.
const OF_THE_WORKER: [Signal; 7] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGQUIT,
    Signal::SIGHUP,
    Signal::SIGPIPE,
    Signal::SIGTTOU,
    Signal::SIGTTIN,
];

/// Ignores the signals that are meant for the worker.
pub fn ignore_those_of_the_worker() -> io::Result<()> {
    for one in OF_THE_WORKER {
        // SAFETY: no handler function is installed.
        unsafe { signal(one, SigHandler::SigIgn) }?;
    }
    Ok(())
}

/// Tells an orphaned reaper that what it keeps may go: its service's stop has been run.
pub const LET_GO: Signal = Signal::SIGUSR2;

/// Makes the end of children, and [`LET_GO`], readable from a descriptor instead of interrupting the program. Both are
/// blocked in whatever this process forks, too: no word comes too early for a reaper, and none ends another child.
pub fn ends_of_children() -> io::Result<SignalFd> {
    // SAFETY: no handler function is installed.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) }?;
    let mut set = SigSet::empty();
    set.add(Signal::SIGCHLD);
    set.add(LET_GO);
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&set), None)?;
    Ok(SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?)
}

/// What the descriptor of [`ends_of_children`] had to tell; several ends may come as one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    pub child_ended: bool,
    pub let_go: bool,
}

/// Empties the descriptor of [`ends_of_children`].
pub fn drain(descriptor: &SignalFd) -> Told {
    let mut told = Told::default();
    while let Ok(Some(one)) = descriptor.read_signal() {
        told.child_ended |= one.ssi_signo == Signal::SIGCHLD as u32;
        told.let_go |= one.ssi_signo == LET_GO as u32;
    }
    told
}

/// Before a command runs: every signal acts by default and none is blocked, whatever this program set for itself.
pub fn default_everything() {
    for one in Signal::iterator() {
        if !matches!(one, Signal::SIGKILL | Signal::SIGSTOP) {
            // SAFETY: no handler function is installed; the only failure is a signal that cannot be caught.
            let _ = unsafe { signal(one, SigHandler::SigDfl) };
        }
    }
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
}
