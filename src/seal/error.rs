//! Why something could not be sealed or opened.

use std::path::PathBuf;

/// Why a key cannot be used, or a value not be sealed or opened. Never holds a key or a value.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The system gives no random bytes.
    #[error("the system gives no random bytes: {0}")]
    NoRandomness(String),
    /// The value was sealed with another key, for another context, or was changed.
    #[error("cannot be opened: sealed with another key or for another place, or changed")]
    NotOpened,
    /// The value does not begin like a sealed one.
    #[error("is not a sealed value of a known version (first byte {0:?}, expected 1)")]
    Format(Option<u8>),
    /// The key file cannot be read or made.
    #[error("key file {path}: {reason}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// The key file is not one of ours.
    #[error("key file {path} has {found} bytes, expected 32; it is never replaced by itself")]
    Length {
        /// Which file.
        path: PathBuf,
        /// Its length in bytes.
        found: u64,
    },
    /// Others may read or change the key file.
    #[error("key file {path} has mode {mode:04o}, expected 0600")]
    Mode {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}
