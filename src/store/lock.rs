//! One program at a time on a database file.

use std::{
    ffi::OsString,
    fs::File,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, fcntl},
    libc,
};

use crate::options::OpenError;

/// A record lock on a file beside the database, held as long as this value lives.
///
/// A record lock belongs to the process: no child inherits it, the kernel drops it the moment the process is gone, however
/// it went, and whoever is refused can ask which process holds it. It keeps other processes out, not this one, and it ends
/// when this process closes any descriptor of the lock's file: one store a file and process.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock of the database at `path`, which exists.
    ///
    /// # Errors
    /// Another process holds it, or the lock's file cannot be made.
    pub fn take(path: &Path) -> Result<Self, OpenError> {
        let lock = lock_path(path);
        let failed = |reason| OpenError::Place { path: lock.clone(), reason };
        let options =
            File::options().create(true).truncate(false).read(true).write(true).mode(0o600).to_owned();
        let file = options.open(&lock).map_err(failed)?;
        match fcntl(&file, FcntlArg::F_SETLK(&whole_file())) {
            Ok(_) => Ok(Self { _file: file }),
            Err(Errno::EACCES | Errno::EAGAIN) => {
                Err(OpenError::InUse { path: path.to_owned(), holder: holder(&file) })
            }
            Err(errno) => Err(failed(errno.into())),
        }
    }
}

/// Which process holds the lock; `None` if it has let go since, or lives in another process namespace.
fn holder(file: &File) -> Option<i32> {
    let mut asked = whole_file();
    fcntl(file, FcntlArg::F_GETLK(&mut asked)).ok()?;
    (asked.l_type != libc::F_UNLCK as libc::c_short && asked.l_pid > 0).then_some(asked.l_pid)
}

fn whole_file() -> libc::flock {
    libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

/// `state.db` is guarded by `state.db.lock`, by whatever link it is reached.
fn lock_path(path: &Path) -> PathBuf {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut name = real.file_name().map(OsString::from).unwrap_or_default();
    name.push(".lock");
    real.with_file_name(name)
}
