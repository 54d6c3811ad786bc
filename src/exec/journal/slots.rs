//! Build slots: the smallest number that no other build of the job uses on this host.
//!
//! A slot is a file that is locked through one open file: worker and shim share it, so that it is free exactly when the
//! last of them has closed it. It names the item that took it last: as long as that item owes a stop, the slot is skipped,
//! since what the stop is about still stands there.

use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;

use pikoci_model::port::ItemBuild;
use serde::{Deserialize, Serialize};

use super::directory::StateDirectory;
use super::error::JournalError;
use super::files;

/// More builds of one job at once on one host than anybody runs.
const MOST: u32 = 10_000;

/// A slot, taken as long as this or a duplicate of it is open anywhere.
#[derive(Debug)]
pub struct Slot(File);

impl Slot {
    /// For handing it to a shim.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Size of a slot's file: a name and a number and blanks.
const SIGNATURE: usize = 256;

/// Who took a slot last.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    pub item: String,
    /// Number of the build.
    pub number: String,
}

/// Takes the smallest slot of the job that is free and of which no stop is owed.
pub(super) fn take(
    state: &StateDirectory,
    item: &str,
    build: &ItemBuild,
) -> Result<(u32, Slot), JournalError> {
    let shown = state.path().join("slots").join(directory_name(&build.job));
    let attempt = || -> io::Result<(u32, Slot)> {
        let job = directory_name(&build.job);
        let directory = files::open_directory(state.slots(), Path::new(&job)).or_else(|_| {
            files::make_directory(state.slots(), Path::new(&job))?;
            files::open_directory(state.slots(), Path::new(&job))
        })?;
        for number in 0..MOST {
            let file = files::open_or_create(&directory, &number.to_string())?;
            match file.try_lock() {
                Ok(()) if owes(state, &file) => {}
                Ok(()) => {
                    sign(&file, &Holder { item: item.to_owned(), number: build.number.clone() })?;
                    return Ok((number, Slot(file)));
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Err(io::Error::other(format!("all {MOST} slots are taken")))
    };
    attempt().map_err(|error| JournalError::system(&shown, error))
}

fn owes(state: &StateDirectory, file: &File) -> bool {
    let last = signature(file);
    last.and_then(|last| state.item(&last.item).ok()).is_some_and(|item| item.owes())
}

fn signature(file: &File) -> Option<Holder> {
    let mut content = [0; SIGNATURE];
    let length = file.read_at(&mut content, 0).ok()?;
    serde_json::from_slice(&content[..length]).ok()
}

/// Always the same number of bytes, so that nothing has to be cut off before.
fn sign(file: &File, holder: &Holder) -> io::Result<()> {
    let mut content = serde_json::to_vec(holder)?;
    content.resize(SIGNATURE.max(content.len()), b' ');
    file.write_all_at(&content, 0)
}

/// Who took the slot last; none when nobody can say.
pub(super) fn last_holder(state: &StateDirectory, job: &str, slot: u32) -> Option<Holder> {
    let directory = files::open_directory(state.slots(), Path::new(&directory_name(job))).ok()?;
    let file = files::open_existing(&directory, &slot.to_string()).ok()?;
    signature(&file)
}

/// Team, pipeline and job are slugs joined with `/`; one directory holds them.
fn directory_name(job: &str) -> String {
    job.replace('/', "+")
}
