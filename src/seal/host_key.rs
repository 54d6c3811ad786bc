//! The key of one host: made once, never replaced.

use std::{
    fmt, fs,
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::SealError;

/// Length of a key in bytes.
const LENGTH: usize = 32;

/// A secret of 32 random bytes. Shows as `HostKey(***)`.
#[derive(Clone)]
pub struct HostKey([u8; LENGTH]);

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostKey(***)")
    }
}

impl HostKey {
    /// A new key that is stored nowhere: for a store in memory.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn random() -> Result<Self, SealError> {
        let mut bytes = [0; LENGTH];
        getrandom::fill(&mut bytes).map_err(|e| SealError::NoRandomness(e.to_string()))?;
        Ok(Self(bytes))
    }

    /// The key in this file, which is made (mode 0600, in a directory of mode 0700) if it does not exist. An existing
    /// file is never written.
    ///
    /// Several processes may call this at once: one makes the file, whole, and all read the same key.
    ///
    /// # Errors
    /// The file cannot be read or made, others may read it, or it is no key.
    pub fn load_or_create(path: &Path) -> Result<Self, SealError> {
        match Self::load(path) {
            Err(SealError::File { reason, .. }) if reason.kind() == io::ErrorKind::NotFound => {
                Self::create(path)?;
                Self::load(path)
            }
            loaded => loaded,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    fn load(path: &Path) -> Result<Self, SealError> {
        let file_error = |reason| SealError::File { path: path.to_owned(), reason };
        let options = fs::OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).to_owned();
        let mut file = options.open(path).map_err(file_error)?;
        let about = file.metadata().map_err(file_error)?;
        let mode = about.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(SealError::Mode { path: path.to_owned(), mode });
        }
        if about.size() != LENGTH as u64 {
            return Err(SealError::Length { path: path.to_owned(), found: about.size() });
        }
        let mut bytes = [0; LENGTH];
        file.read_exact(&mut bytes).map_err(file_error)?;
        Ok(Self(bytes))
    }

    /// Written whole under another name, then linked: linking fails where a file exists, so that none is replaced.
    fn create(path: &Path) -> Result<(), SealError> {
        let key = Self::random()?;
        if let Some(parent) = path.parent() {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(parent);
            made.map_err(|reason| SealError::File { path: parent.to_owned(), reason })?;
        }
        let mut suffix = [0; 8];
        getrandom::fill(&mut suffix).map_err(|e| SealError::NoRandomness(e.to_string()))?;
        let draft = PathBuf::from(format!("{}.{:016x}", path.display(), u64::from_ne_bytes(suffix)));
        let made = write_private(&draft, key.bytes()).and_then(|()| match fs::hard_link(&draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        });
        // What is left of the draft is only a wasted name; the outcome is the link's.
        fs::remove_file(&draft).ok();
        made.and_then(|()| sync_directory(path))
            .map_err(|reason| SealError::File { path: path.to_owned(), reason })
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    fs::File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let directory = dir.path().join("not/made/yet");
        let path = directory.join("host.key");
        let first = HostKey::load_or_create(&path).unwrap();
        assert_eq!(first.bytes(), HostKey::load_or_create(&path).unwrap().bytes());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "a draft was left behind");
        assert_eq!(format!("{first:?}"), "HostKey(***)");
    }

    #[test]
    fn many_at_once_get_the_same_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("host.key");
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let path = path.clone();
                std::thread::spawn(move || *HostKey::load_or_create(&path).unwrap().bytes())
            })
            .collect();
        let keys: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(keys.iter().all(|key| *key == keys[0]));
    }

    #[test]
    fn a_file_that_is_no_private_key_is_refused_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("host.key");
        write_private(&path, b"short").unwrap();
        assert!(matches!(HostKey::load_or_create(&path), Err(SealError::Length { found: 5, .. })));
        fs::write(&path, [7; LENGTH]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(HostKey::load_or_create(&path), Err(SealError::Mode { mode: 0o640, .. })));
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(HostKey::load_or_create(&link), Err(SealError::File { .. })));
        assert_eq!(fs::read(&path).unwrap(), [7; LENGTH]);
    }
}
