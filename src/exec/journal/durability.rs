//! Whether what is written there is there after a restart of the host.

use std::os::fd::AsFd;

use nix::sys::statfs::{FsType, OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC, fstatfs};

/// `ramfs`, which the C library does not name.
const RAMFS_MAGIC: i64 = 0x8584_58f6;

/// The name of a file system that forgets; none for one that keeps.
pub(super) fn forgetful_file_system(directory: impl AsFd) -> Option<&'static str> {
    let FsType(kind) = fstatfs(directory).ok()?.filesystem_type();
    match kind {
        kind if FsType(kind) == TMPFS_MAGIC => Some("tmpfs"),
        kind if FsType(kind) == OVERLAYFS_SUPER_MAGIC => Some("overlay"),
        RAMFS_MAGIC => Some("ramfs"),
        _ => None,
    }
}
