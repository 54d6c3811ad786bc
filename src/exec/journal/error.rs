//! Why the journal cannot be written or read.

use std::io;
use std::path::{Path, PathBuf};

use pikoci_model::port::LaunchError;
use pikoci_seal::SealError;

/// Why the journal cannot be had, written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Somebody else owns it.
    #[error("{path} belongs to user {found}, expected {expected}")]
    Foreign {
        /// What.
        path: PathBuf,
        /// Its owner.
        found: u32,
        /// Who this is.
        expected: u32,
    },
    /// Others may write to it.
    #[error("{path} has mode {mode:04o}: others may write to it, expected 0700")]
    Open {
        /// What.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The host's key cannot be used.
    #[error(transparent)]
    Key(#[from] SealError),
    /// The file system is full.
    #[error("disk full at {path}")]
    Full {
        /// Where.
        path: PathBuf,
    },
    /// Anything else the system says.
    #[error("{path}: {reason}")]
    System {
        /// Where.
        path: PathBuf,
        /// Its words.
        reason: io::Error,
    },
}

impl JournalError {
    pub(super) fn system(path: &Path, reason: io::Error) -> Self {
        let path = path.to_owned();
        match reason.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            _ => Self::System { path, reason },
        }
    }

    /// Why nothing could be started, for whoever asked for it.
    pub fn into_launch_error(self) -> LaunchError {
        match self {
            Self::Full { path } => LaunchError::DiskFull { path: path.display().to_string() },
            other => LaunchError::System(format!("the journal cannot be written: {other}")),
        }
    }

    /// Whether it says that there is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::System { reason, .. } if reason.kind() == io::ErrorKind::NotFound)
    }
}
