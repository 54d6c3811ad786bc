//! Output of a stop. It goes through the shim, never into a pipe of the worker's: a stop must not die of a broken pipe
//! because the worker did. A file of the instance keeps it, up to a bound, for whoever is alive to read it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use bytes::Bytes;

use crate::sys::descriptors;

/// Bytes of all tries together that are kept; what comes later is thrown away.
const BOUND: usize = 1024 * 1024;
/// Bytes that go to the worker in one message.
const BLOCK: usize = 16 * 1024;
/// Blocks that are taken at once: more than a pipe holds when its writers are gone.
const AT_ONCE: usize = 64;

/// The output of one service's stop, over all its tries.
pub struct StopOutput {
    file: Option<File>,
    kept: usize,
    pipe: Option<File>,
}

impl StopOutput {
    /// Opens the file. A file that cannot be had keeps no stop from running.
    pub fn open(path: Option<&Path>) -> Self {
        let file = path.and_then(|path| {
            OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .custom_flags(libc::O_NOFOLLOW)
                .open(path)
                .ok()
        });
        Self { file, kept: 0, pipe: None }
    }

    /// A new pipe for the next try: the end that its processes write to.
    pub fn pipe_for_try(&mut self) -> io::Result<OwnedFd> {
        let (read, write) = descriptors::pipe()?;
        descriptors::never_wait(&read)?;
        self.pipe = Some(File::from(read));
        Ok(write)
    }

    /// What to watch, while a try may still write.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Takes what is there: kept in the file, and given back in blocks for a worker that lives. Who writes faster than
    /// this reads does not keep it from the clock: the rest is taken next time.
    pub fn take(&mut self) -> Vec<Bytes> {
        let mut blocks = Vec::new();
        let mut buffer = [0u8; BLOCK];
        for _ in 0..AT_ONCE {
            let Some(pipe) = &mut self.pipe else { break };
            match pipe.read(&mut buffer) {
                Ok(0) => self.pipe = None,
                Ok(length) => blocks.extend(self.keep(&buffer[..length])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => self.pipe = None,
            }
        }
        blocks
    }

    fn keep(&mut self, bytes: &[u8]) -> Option<Bytes> {
        let bytes = &bytes[..bytes.len().min(BOUND - self.kept)];
        self.kept += bytes.len();
        if let Some(file) = &mut self.file {
            let _ = file.write_all(bytes);
        }
        (!bytes.is_empty()).then(|| Bytes::copy_from_slice(bytes))
    }
}
