//! Records on disk: a queue of files, each of which goes when its last record was taken.
//!
//! The files have no names. When the process ends, however it ends, the kernel frees them: no later life finds anything,
//! and nothing has to be removed. What they hold is bounded for all spills of a worker together.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use pikoci_model::port::{Spill, WorkplaceError};

use super::host::system;

/// A file that has so many bytes takes no more: it can go as a whole.
const FILE: u64 = 4 * 1024 * 1024;
/// The name of a file, for the moment in which it has one.
const NAMED: &str = ".outbox-";

/// What the spills of a worker may use.
pub(super) struct SpillRoom {
    directory: PathBuf,
    limit: u64,
    used: AtomicU64,
}

impl SpillRoom {
    /// Files below `directory`, of at most `limit` bytes together.
    pub(super) fn new(directory: &Path, limit: u64) -> Arc<Self> {
        remove_named(directory);
        Arc::new(Self { directory: directory.to_owned(), limit, used: AtomicU64::new(0) })
    }

    pub(super) fn spill(self: &Arc<Self>) -> HostSpill {
        HostSpill(Arc::new(Mutex::new(Files { room: Arc::clone(self), files: VecDeque::new() })))
    }

    fn take(&self, bytes: u64) -> Result<(), WorkplaceError> {
        let within = |used: u64| used.checked_add(bytes).filter(|size| *size <= self.limit);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within) {
            Ok(_) => Ok(()),
            Err(used) => Err(WorkplaceError::TooLarge {
                path: format!("what is kept in {}", self.directory.display()),
                size: used.saturating_add(bytes),
                limit: self.limit,
            }),
        }
    }

    fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn new_file(&self) -> Result<File, WorkplaceError> {
        nameless(&self.directory).map_err(|error| system(&self.directory, &error))
    }
}

/// The adapter of the port. What touches the disk does so beside the callers' thread.
pub(super) struct HostSpill(Arc<Mutex<Files>>);

struct Files {
    room: Arc<SpillRoom>,
    /// The oldest first; only the newest is written to.
    files: VecDeque<Part>,
}

struct Part {
    file: File,
    written: u64,
    read: u64,
}

impl Files {
    fn push(&mut self, records: &[Bytes]) -> Result<(), WorkplaceError> {
        let mut block = Vec::with_capacity(records.iter().map(|record| record.len() + 4).sum());
        for record in records {
            let length = u32::try_from(record.len()).map_err(|_| too_long(record.len()))?;
            block.extend_from_slice(&length.to_be_bytes());
            block.extend_from_slice(record);
        }
        let bytes = block.len() as u64;
        self.room.take(bytes)?;
        let written = self.write(&block);
        if written.is_err() {
            self.room.give_back(bytes);
        }
        written
    }

    /// What a write that failed has left lies behind the end, where the next one begins.
    fn write(&mut self, block: &[u8]) -> Result<(), WorkplaceError> {
        if self.files.back().is_none_or(|last| last.written >= FILE) {
            self.files.push_back(Part { file: self.room.new_file()?, written: 0, read: 0 });
        }
        let Some(last) = self.files.back_mut() else { return Ok(()) };
        let written = last.file.write_all_at(block, last.written);
        written.map_err(|error| system(&self.room.directory, &error))?;
        last.written += block.len() as u64;
        Ok(())
    }

    fn pop(&mut self, bytes: usize) -> Result<Vec<Bytes>, WorkplaceError> {
        let (mut taken, mut left) = (Vec::new(), bytes);
        while let Some(first) = self.files.front_mut() {
            if first.read == first.written {
                let gone = first.written;
                self.files.pop_front();
                self.room.give_back(gone);
                continue;
            }
            let length = first.length().map_err(|error| system(&self.room.directory, &error))?;
            if !taken.is_empty() && length > left {
                break;
            }
            left = left.saturating_sub(length);
            let record = first.record(length).map_err(|error| system(&self.room.directory, &error))?;
            taken.push(record);
        }
        Ok(taken)
    }
}

impl Part {
    /// Of the next record.
    fn length(&self) -> io::Result<usize> {
        let mut length = [0; 4];
        self.file.read_exact_at(&mut length, self.read)?;
        let length = u32::from_be_bytes(length);
        if self.read + 4 + u64::from(length) > self.written {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "what was written is not what is read"));
        }
        Ok(usize::try_from(length).unwrap_or(usize::MAX))
    }

    fn record(&mut self, length: usize) -> io::Result<Bytes> {
        let mut record = vec![0; length];
        self.file.read_exact_at(&mut record, self.read + 4)?;
        self.read += 4 + length as u64;
        Ok(Bytes::from(record))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.room.give_back(self.files.iter().map(|part| part.written).sum());
    }
}

#[async_trait]
impl Spill for HostSpill {
    async fn push(&mut self, records: Vec<Bytes>) -> Result<(), WorkplaceError> {
        self.beside(move |files| files.push(&records)).await
    }

    async fn pop(&mut self, bytes: usize) -> Result<Vec<Bytes>, WorkplaceError> {
        self.beside(move |files| files.pop(bytes)).await
    }
}

impl HostSpill {
    async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Files) -> Result<T, WorkplaceError> + Send + 'static,
    ) -> Result<T, WorkplaceError> {
        let files = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || {
            work(&mut files.lock().unwrap_or_else(PoisonError::into_inner))
        });
        done.await.unwrap_or_else(|error| {
            Err(WorkplaceError::System { path: String::new(), reason: error.to_string() })
        })
    }
}

fn too_long(length: usize) -> WorkplaceError {
    let (size, limit) = (length as u64, u64::from(u32::MAX));
    WorkplaceError::TooLarge { path: "a record".to_owned(), size, limit }
}

/// A file that nobody else can open and that is gone with its last descriptor.
fn nameless(directory: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    match options.clone().custom_flags(libc::O_TMPFILE).open(directory) {
        // Not every file system has such files.
        Err(error)
            if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EISDIR | libc::ENOENT)) =>
        {
            let path = directory.join(format!("{NAMED}{}", uuid::Uuid::new_v4()));
            let file = options.create_new(true).custom_flags(libc::O_NOFOLLOW).open(&path)?;
            fs::remove_file(&path)?;
            Ok(file)
        }
        done => done,
    }
}

/// A life that was killed between making a file and taking its name away left it empty. Taking the name of another
/// worker's file does it no harm.
fn remove_named(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(NAMED)
            && let Err(error) = fs::remove_file(entry.path())
        {
            tracing::debug!(path = %entry.path().display(), "not removed: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(count: usize, bytes: usize) -> Vec<Bytes> {
        (0..count).map(|_| Bytes::from(vec![b'x'; bytes])).collect()
    }

    #[tokio::test]
    async fn the_limit_is_of_all_spills_and_what_was_taken_makes_room() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(".outbox-left"), "").unwrap();
        let room = SpillRoom::new(dir.path(), 10 << 20);
        let (mut one, mut other) = (room.spill(), room.spill());
        one.push(records(5, 1 << 20)).await.unwrap();
        other.push(records(4, 1 << 20)).await.unwrap();
        let refused = other.push(records(1, 1 << 20)).await;
        assert!(
            matches!(refused, Err(WorkplaceError::TooLarge { limit, .. }) if limit == 10 << 20),
            "{refused:?}"
        );
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "the files have no names");
        assert_eq!(one.pop(usize::MAX).await.unwrap().len(), 5);
        other.push(records(5, 1 << 20)).await.unwrap();
        drop(other);
        assert_eq!(room.used.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_place_that_is_not_there_is_named_and_holds_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let room = SpillRoom::new(&dir.path().join("gone"), 1 << 20);
        let refused = room.spill().push(records(1, 10)).await;
        assert!(
            matches!(&refused, Err(WorkplaceError::System { path, .. }) if path.ends_with("gone")),
            "{refused:?}"
        );
        assert_eq!(room.used.load(Ordering::Relaxed), 0);
    }
}
