//! How a nursery comes to be, and what the worker does to itself.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use super::lost::LostShims;
use super::serve::Nursery;
use crate::sys::cgroup::Place;
use crate::sys::harden::{self, ArgumentMemory, Surroundings};
use crate::sys::wait::{self, Reaped};
use crate::sys::{descriptors, fork, packet, signals};

/// The worker's side of a nursery.
#[derive(Debug)]
pub struct NurseryHandle {
    pub(crate) socket: OwnedFd,
    /// What commands inherit: taken before this program changes it for itself.
    pub(crate) surroundings: Surroundings,
}

/// Forks the nursery. Called by `main` first of all: before threads exist, and before settings, arguments or the
/// environment have been looked at.
///
/// # Errors
/// The system gave no process or socket.
pub fn fork_nursery() -> io::Result<NurseryHandle> {
    let surroundings = Surroundings::of_this_process();
    let (socket, nursery) = packet::pair()?;
    // Before the fork: both processes leave their group for the one beside those of the builds.
    let place = Place::find();
    fork::child(|| i32::from(be_nursery(nursery, place).is_err()))?;
    Ok(NurseryHandle { socket, surroundings })
}

/// Starts a nursery by executing the program anew: the way when the first has died, for by now the worker has threads,
/// and a process with threads cannot be forked safely. It is the program that runs, even if another has been installed in
/// its place: both ends must be of the same build. It must answer `command` by calling [`nursery_main`] with 0.
///
/// # Errors
/// The program could not be started.
pub fn start_nursery(command: &str) -> io::Result<NurseryHandle> {
    let surroundings = Surroundings::of_this_process();
    let (socket, nursery) = packet::pair()?;
    Command::new("/proc/self/exe")
        .arg0("pikoci-nursery")
        .arg(command)
        .env_clear()
        .stdin(Stdio::from(nursery))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(NurseryHandle { socket, surroundings })
}

/// The hidden command that [`start_nursery`] runs: this process becomes the nursery of whoever is at the other end of
/// the descriptor. Gives the exit code.
pub fn nursery_main(descriptor: RawFd) -> i32 {
    // SAFETY: by the contract of the hidden command this descriptor is the nursery's.
    let given = unsafe { OwnedFd::from_raw_fd(descriptor) };
    let outcome =
        descriptors::out_of_the_way(given.as_fd()).and_then(|socket| be_nursery(socket, Place::find()));
    std::mem::forget(given);
    i32::from(outcome.is_err())
}

fn be_nursery(socket: OwnedFd, place: Option<Place>) -> io::Result<()> {
    descriptors::close_all_but(&[socket.as_fd()]);
    descriptors::standard_to_null()?;
    let arguments = ArgumentMemory::without_environment();
    if let Some(memory) = arguments {
        memory.show(c"pikoci-nursery");
    }
    let _ = nix::unistd::setsid();
    nix::unistd::chdir("/")?;
    harden::be_called(c"pikoci-nursery");
    harden::be_spared();
    harden::take_all_descriptors();
    harden::adopt_orphans()?;
    harden::hide_memory()?;
    signals::ignore_those_of_the_worker()?;
    let children = signals::ends_of_children()?;
    Nursery {
        worker: Some(socket),
        children,
        place,
        arguments,
        shims: BTreeMap::new(),
        ready: None,
        lost: LostShims::default(),
        strays: false,
        behind: false,
    }
    .serve();
    Ok(())
}

/// What the worker does to itself, after the nursery is forked: nobody of the same user reads its memory, no core dump
/// keeps its sockets open, orphans of a dead nursery come to it.
///
/// # Errors
/// The system refuses; none of these needs a right.
pub fn harden_worker() -> io::Result<()> {
    harden::be_spared();
    harden::no_core_dump()?;
    harden::adopt_orphans()?;
    harden::hide_memory()
}

/// Overwrites secrets given as arguments, where every user of the host could read them. Called by `main` when it has
/// read its arguments, before it makes threads.
pub fn hide_arguments(secrets: &[&str]) {
    harden::hide_arguments(secrets);
}

/// Takes away children that have ended: a dead nursery, its orphans, and whatever comes to process 1. To be called by the
/// worker whenever SIGCHLD comes. The launcher itself waits for no child of the worker, so nobody's answer is lost.
pub fn reap_orphans() {
    while matches!(wait::reap_any(), Reaped::One(..)) {}
}
