//! The lock of an item: held by its shim as long as that lives, so that nobody else runs its stops. Its content says
//! whether the shim had done all that it had to.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::FileExt;

use super::strike::write_all_at_start;

/// What a shim writes when nothing is left of its item and every stop has been tried.
const COMPLETE: &[u8] = b"complete\n";
/// What stands there before: as long, so that a full disk hinders no mark.
const RUNNING: &[u8] = b"running.\n";

/// The lock file of an item, open.
///
/// A shim takes the record lock of its own process on it; everybody else asks and waits with locks of the open file,
/// which other threads' closing of other files cannot lose.
#[derive(Debug)]
pub struct ItemLock(File);

/// Whether a shim works on the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockState {
    /// Nobody does.
    Free,
    /// This process does, or one in another space of process numbers (0).
    Held(i32),
}

impl ItemLock {
    pub(super) fn new(file: File) -> Self {
        Self(file)
    }

    /// Whether a shim works on the item right now.
    ///
    /// # Errors
    /// The system refuses.
    pub fn state(&self) -> io::Result<LockState> {
        let mut asked = whole_file(libc::F_WRLCK);
        control(&self.0, libc::F_OFD_GETLK, &mut asked)?;
        let free = i32::from(asked.l_type) == libc::F_UNLCK;
        Ok(if free { LockState::Free } else { LockState::Held(asked.l_pid.max(0)) })
    }

    /// Sleeps until no shim works on the item. Only for threads that may block.
    ///
    /// # Errors
    /// The system refuses.
    pub fn wait_until_free(&self) -> io::Result<()> {
        loop {
            match control(&self.0, libc::F_OFD_SETLKW, &mut whole_file(libc::F_WRLCK)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                taken => {
                    taken?;
                    return control(&self.0, libc::F_OFD_SETLK, &mut whole_file(libc::F_UNLCK));
                }
            }
        }
    }

    /// Takes the lock for as long as the guard lives, if nobody has it: for removing an item, or an intent by hand.
    ///
    /// # Errors
    /// The system refuses.
    pub fn try_hold(&self) -> io::Result<Option<Held<'_>>> {
        match control(&self.0, libc::F_OFD_SETLK, &mut whole_file(libc::F_WRLCK)) {
            Ok(()) => Ok(Some(Held(&self.0))),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the shim had done all that it had to.
    pub fn is_complete(&self) -> bool {
        let mut found = [0; COMPLETE.len()];
        self.0.read_exact_at(&mut found, 0).is_ok() && found == COMPLETE
    }

    /// For handing it to a shim.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The lock, taken.
#[derive(Debug)]
pub struct Held<'a>(&'a File);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // Closing the file frees it all the same.
        let _ = control(self.0, libc::F_OFD_SETLK, &mut whole_file(libc::F_UNLCK));
    }
}

/// A shim takes its item's lock; false if another process has it. It stays held until this process ends or closes any
/// descriptor of the file.
///
/// # Errors
/// The system refuses.
pub fn take(lock: impl AsFd) -> io::Result<bool> {
    match control(lock.as_fd(), libc::F_SETLK, &mut whole_file(libc::F_WRLCK)) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A shim says that it works on the item, whatever an earlier one said.
///
/// # Errors
/// The disk refuses.
pub fn mark_running(lock: impl AsFd) -> io::Result<()> {
    write_all_at_start(lock.as_fd(), RUNNING)
}

/// A shim says that nothing is left of its item.
///
/// # Errors
/// The disk refuses.
pub fn mark_complete(lock: impl AsFd) -> io::Result<()> {
    write_all_at_start(lock.as_fd(), COMPLETE)
}

fn whole_file(kind: libc::c_int) -> libc::flock {
    // SAFETY: a structure of numbers, for which all zeros are valid.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = i16::try_from(kind).unwrap_or(0);
    lock.l_whence = 0;
    lock
}

fn control(file: impl AsFd, command: libc::c_int, lock: &mut libc::flock) -> io::Result<()> {
    // SAFETY: the descriptor is open and the structure is of the kind that these commands take.
    let answer = unsafe { libc::fcntl(file.as_fd().as_raw_fd(), command, std::ptr::from_mut(lock)) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
