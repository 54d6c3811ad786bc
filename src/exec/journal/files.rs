//! Files below an open directory: no link is followed, and a rename of the directory itself changes nothing.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

const PRIVATE_FILE: Mode = Mode::S_IRUSR.union(Mode::S_IWUSR);
/// Largest file that is read at all: a bound on memory, far above any real record.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Opens a directory of ours; the last part of its name is no link.
pub fn open_directory(at: impl AsFd, name: &Path) -> io::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(openat(at, name, flags, Mode::empty())?)
}

/// Makes a private directory; true if it was not there.
pub fn make_directory(at: impl AsFd, name: &Path) -> io::Result<bool> {
    match mkdirat(at, name, Mode::S_IRWXU) {
        Ok(()) => Ok(true),
        Err(nix::Error::EEXIST) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Makes a private file that was not there before.
pub fn create(at: impl AsFd, name: &str) -> io::Result<File> {
    let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(File::from(openat(at, name, flags, PRIVATE_FILE)?))
}

/// Opens a file for reading and writing, made if it is not there.
pub fn open_or_create(at: impl AsFd, name: &str) -> io::Result<File> {
    let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(File::from(openat(at, name, flags, PRIVATE_FILE)?))
}

/// Opens a file that must be there, an ordinary one of ours that nobody else can write.
pub fn open_existing(at: impl AsFd, name: &str) -> io::Result<File> {
    let flags = OFlag::O_RDWR | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = File::from(openat(at, name, flags, Mode::empty())?);
    let about = fstat(&file)?;
    let ordinary = SFlag::from_bits_truncate(about.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG;
    let ours = about.st_uid == nix::unistd::geteuid().as_raw();
    if !ordinary || !ours || about.st_mode & 0o022 != 0 {
        let reason = "it is not an ordinary file of ours that only we can write";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    }
    Ok(file)
}

/// The whole content, up to a bound.
pub fn read(file: &File) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let mut from_start = file.try_clone()?;
    io::Seek::rewind(&mut from_start)?;
    from_start.take(LARGEST).read_to_end(&mut content)?;
    Ok(content)
}

/// The names in a directory, in order.
pub fn names(directory: impl AsFd) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in Dir::openat(&directory, ".", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?.iter() {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name != "." && name != ".." {
            found.push(name);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Removes a file; one that is not there is no fault.
pub fn remove(at: impl AsFd, name: &str) -> io::Result<()> {
    gone(unlinkat(at, name, UnlinkatFlags::NoRemoveDir))
}

/// Removes an empty directory; one that is not there is no fault.
pub fn remove_directory(at: impl AsFd, name: &str) -> io::Result<()> {
    gone(unlinkat(at, name, UnlinkatFlags::RemoveDir))
}

fn gone(answer: nix::Result<()>) -> io::Result<()> {
    match answer {
        Ok(()) | Err(nix::Error::ENOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What is known of a file itself, not of what it leads to.
pub fn about(at: impl AsFd, name: &str) -> io::Result<FileStat> {
    Ok(fstatat(at, name, AtFlags::AT_SYMLINK_NOFOLLOW)?)
}

/// What was changed in a directory is on disk when this returns.
pub fn sync_directory(directory: impl AsFd) -> io::Result<()> {
    Ok(nix::unistd::fsync(directory.as_fd())?)
}
