//! A private directory on a memory file system, removed at the end.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use crate::options::OpenError;

/// Where memory file systems usually are.
const MEMORY: &str = "/dev/shm";
/// How the directories' names begin.
const PREFIX: &str = "pikoci-mem-";
/// The file in a directory whose lock says that its process lives.
const LOCK: &str = "lock";

/// A directory of this process alone (mode 0700). It is removed when this is dropped; one that a killed process left
/// is removed when the next one is made.
#[derive(Debug)]
pub(crate) struct MemoryDirectory {
    path: PathBuf,
    /// Held as long as the directory is used.
    _lock: File,
}

impl MemoryDirectory {
    /// Makes it: on a memory file system where there is one, else where temporary files go.
    pub fn new() -> Result<Self, OpenError> {
        let places = [PathBuf::from(MEMORY), std::env::temp_dir()];
        let mut last = None;
        for place in places.iter().filter(|place| place.is_dir()) {
            match Self::below(place) {
                Ok(made) => return Ok(made),
                Err(reason) => last = Some(OpenError::Place { path: place.clone(), reason }),
            }
        }
        let nowhere = || OpenError::Place { path: MEMORY.into(), reason: io::ErrorKind::NotFound.into() };
        Err(last.unwrap_or_else(nowhere))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// It gets its name when its lock is held, so that nobody takes it for one that was left.
    fn below(place: &Path) -> io::Result<Self> {
        remove_left(place)?;
        let id = uuid::Uuid::new_v4().simple();
        let (draft, path) = (place.join(format!(".{PREFIX}{id}")), place.join(format!("{PREFIX}{id}")));
        fs::DirBuilder::new().mode(0o700).create(&draft)?;
        let lock = File::create(draft.join(LOCK))?;
        lock.lock()?;
        fs::rename(&draft, &path)?;
        Ok(Self { path, _lock: lock })
    }
}

impl Drop for MemoryDirectory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the memory store's directory is left behind");
        }
    }
}

/// Removes directories of processes that were killed. Those of other users cannot be looked into, and stay.
fn remove_left(place: &Path) -> io::Result<()> {
    for entry in fs::read_dir(place)? {
        let path = entry?.path();
        let ours = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
        if ours && is_left(&path) {
            tracing::info!(path = %path.display(), "removing what a killed process left in memory");
            // Another process may be removing it too.
            fs::remove_dir_all(&path).ok();
        }
    }
    Ok(())
}

fn is_left(path: &Path) -> bool {
    File::open(path.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_was_left_is_removed_and_what_lives_is_kept() {
        let place = tempfile::tempdir().unwrap();
        let first = MemoryDirectory::below(place.path()).unwrap();
        assert_eq!(fs::metadata(first.path()).unwrap().permissions().mode() & 0o777, 0o700);
        let left = place.path().join(format!("{PREFIX}left"));
        let (stranger, fresh) = (place.path().join("other"), place.path().join(format!(".{PREFIX}draft")));
        for dir in [&left, &stranger, &fresh] {
            fs::create_dir(dir).unwrap();
            fs::write(dir.join(LOCK), "").unwrap();
        }
        let second = MemoryDirectory::below(place.path()).unwrap();
        assert!(first.path().is_dir() && stranger.is_dir() && fresh.is_dir() && !left.exists());
        let path = second.path().to_owned();
        drop(second);
        assert!(!path.exists());
    }
}
