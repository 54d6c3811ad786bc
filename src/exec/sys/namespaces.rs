//! Process numbers of one's own, where the system gives them.

use std::io;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// From now on children are born where no process of the host has a number. False where this may not be done: without
/// the right, one would need user numbers of one's own as well, and programs such as `sudo` do not work with those.
pub fn number_children_anew() -> bool {
    unshare(CloneFlags::CLONE_NEWPID).is_ok()
}

/// The first process of such a space, and what it starts, see themselves and nobody else in `/proc`.
///
/// # Errors
/// The system refuses; the numbers of others lead nowhere all the same.
pub fn own_proc() -> io::Result<()> {
    let nothing: Option<&str> = None;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    Ok(mount(Some("proc"), "/proc", Some("proc"), flags, nothing)?)
}
