//! Build slots: the smallest number that no other running build of the job uses on this host.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

/// A slot, free again when dropped, or when its process ends however it ends.
pub(super) struct Slot {
    _lock: File,
}

/// More builds of one job at once on one host than anybody runs.
const MOST: u32 = 10_000;

/// Takes the smallest free slot of `job`. Each slot is a file that its holder keeps locked, so that several worker
/// processes of one host agree.
pub(super) fn take(root: &Path, job: &str) -> io::Result<(u32, Slot)> {
    let dir = root.join("slots").join(file_name(job));
    fs::create_dir_all(&dir)?;
    for number in 0..MOST {
        let file =
            File::options().create(true).truncate(false).write(true).open(dir.join(number.to_string()))?;
        match file.try_lock() {
            Ok(()) => return Ok((number, Slot { _lock: file })),
            Err(fs::TryLockError::WouldBlock) => {}
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::other(format!("all {MOST} slots of {job} are taken")))
}

/// Team, pipeline and job are slugs joined with `/`; one directory holds them.
fn file_name(job: &str) -> String {
    job.replace('/', "+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_free_slot_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let (zero, held) = take(dir.path(), "main/p/j").unwrap();
        let (one, _also_held) = take(dir.path(), "main/p/j").unwrap();
        assert_eq!((zero, one), (0, 1));
        drop(held);
        assert_eq!(take(dir.path(), "main/p/j").unwrap().0, 0);
        assert_eq!(take(dir.path(), "main/p/other").unwrap().0, 0);
    }
}
