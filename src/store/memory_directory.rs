//! A private directory on a memory file system, removed at the end.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use crate::options::OpenError;

/// Where memory file systems usually are.
const MEMORY: &str = "/dev/shm";

/// A directory of this process alone (mode 0700). It is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct MemoryDirectory(PathBuf);

impl MemoryDirectory {
    /// Makes it: on a memory file system where there is one, else where temporary files go.
    pub fn new() -> Result<Self, OpenError> {
        let name = format!("pikoci-{}", uuid::Uuid::new_v4().simple());
        let places = [PathBuf::from(MEMORY), std::env::temp_dir()];
        let mut last = None;
        for place in places.iter().filter(|place| place.is_dir()) {
            let path = place.join(&name);
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(reason) => last = Some(OpenError::Directory { path, reason }),
            }
        }
        Err(last.unwrap_or_else(|| OpenError::Directory {
            path: std::env::temp_dir(),
            reason: io::ErrorKind::NotFound.into(),
        }))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for MemoryDirectory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "the memory store's directory is left behind");
        }
    }
}
