//! What a dead shim leaves: reapers of services, each with the daemons that it spares until their stop has been run.
//!
//! They are found by their session, which has the dead shim's number: no other process can get that number while the
//! session has members.

use nix::sys::signal::kill;
use nix::unistd::{Pid, getsid};

use crate::sys::{signals, wait};

/// Tells every orphan of this dead shim to end what it keeps, and counts those that live. To be called again until there
/// is none: they need a moment, and one that waits in the kernel may need long.
pub fn end_orphans_of(shim: Pid) -> usize {
    // Nobody but this process, which has one thread, can reap its children: their numbers are their own.
    let of_session = |child: &Pid| getsid(Some(*child)) == Ok(shim) && wait::peek(*child).is_none();
    let orphans: Vec<Pid> = wait::children().into_iter().filter(of_session).collect();
    for orphan in &orphans {
        let _ = kill(*orphan, signals::LET_GO);
    }
    orphans.len()
}
