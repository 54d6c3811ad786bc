//! An item's directory: manifest, lock, intents.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use pikoci_model::id::{BuildId, Fence, InstanceId};
use serde::{Deserialize, Serialize};

use super::directory::StateDirectory;
use super::error::JournalError;
use super::files;
use super::host::HostLife;
use super::intent::{self, Intent, IntentRecord, SUFFIX};
use super::lock::ItemLock;
use super::process_life::ProcessLife;
use super::slots;
use super::strike::{moment, read_strike};

const MANIFEST: &str = "item";
const LOCK: &str = "lock";
const STOP_LOG: &str = ".stop.log";
/// An item without a whole manifest is one that is being made, or was given up while it was: after so long the latter.
const BEING_MADE: Duration = Duration::from_secs(60);

/// What an item is about. In clear: no secret is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Which build.
    pub build: BuildId,
    /// Under which claim.
    pub fence: Fence,
    /// Its run.
    pub run: u32,
    /// Its number in the job, as people see it.
    pub number: String,
    /// `team/pipeline/job`.
    pub job: String,
    /// Its slot of the job on this host.
    pub slot: u32,
    /// Its work directory.
    pub workdir: PathBuf,
    /// The life of the host in which it was made.
    pub host: HostLife,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// The shim that had it first, and so the session of everything that it kept.
    pub shim: ProcessLife,
    /// The worker that runs it.
    pub worker: ProcessLife,
}

/// The directory of one item, open.
#[derive(Debug)]
pub struct ItemDirectory {
    name: String,
    path: PathBuf,
    directory: OwnedFd,
    items: Arc<OwnedFd>,
    slot: u32,
    /// The directory itself is on disk: true after the first intent.
    is_durable: std::sync::atomic::AtomicBool,
}

/// Whether this can be the name of an item: letters, digits, `-` and `_`.
pub(super) fn is_item_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !name.is_empty() && name.bytes().all(fits)
}

impl ItemDirectory {
    pub(super) fn create(
        state: &StateDirectory,
        name: &str,
        slot: u32,
    ) -> Result<(Self, ItemLock), JournalError> {
        let path = state.path().join("items").join(name);
        let items = Arc::clone(state.items_directory());
        let wrong = |reason| JournalError::system(&path, reason);
        if !is_item_name(name) {
            return Err(wrong(io::Error::new(io::ErrorKind::InvalidInput, "this is no name of an item")));
        }
        if !files::make_directory(&items, Path::new(name)).map_err(wrong)? {
            return Err(wrong(io::ErrorKind::AlreadyExists.into()));
        }
        let directory = files::open_directory(&items, Path::new(name)).map_err(wrong)?;
        let lock = files::create(&directory, LOCK);
        let item = Self { name: name.to_owned(), path, directory, items, slot, is_durable: false.into() };
        match lock {
            Ok(lock) => Ok((item, ItemLock::new(lock))),
            Err(error) => {
                item.remove_all();
                Err(item.wrong(error))
            }
        }
    }

    pub(super) fn open(state: &StateDirectory, name: &str) -> Result<Self, JournalError> {
        let path = state.path().join("items").join(name);
        let items = Arc::clone(state.items_directory());
        let open = || -> io::Result<OwnedFd> {
            if !is_item_name(name) {
                return Err(io::ErrorKind::NotFound.into());
            }
            files::open_directory(&items, Path::new(name))
        };
        let directory = open().map_err(|error| JournalError::system(&path, error))?;
        let mut item =
            Self { name: name.to_owned(), path, directory, items, slot: 0, is_durable: true.into() };
        item.slot = item.manifest().map_or(0, |manifest| manifest.slot);
        Ok(item)
    }

    /// Its name, unique on this host.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its slot of the job on this host.
    pub fn slot(&self) -> u32 {
        self.slot
    }

    pub(crate) fn wrong(&self, reason: io::Error) -> JournalError {
        JournalError::system(&self.path, reason)
    }

    /// Writes the manifest: from now on others may find it. To be called when its shim holds the lock.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn publish(&self, manifest: &Manifest) -> Result<(), JournalError> {
        let content = serde_json::to_vec(manifest).map_err(|error| self.wrong(error.into()))?;
        let written = files::create(&self.directory, MANIFEST).and_then(|mut file| file.write_all(&content));
        written.map_err(|error| self.wrong(error))
    }

    /// What it is about.
    ///
    /// # Errors
    /// It is not there yet, or damaged.
    pub fn manifest(&self) -> Result<Manifest, JournalError> {
        let read = || -> io::Result<Manifest> {
            let content = files::read(&files::open_existing(&self.directory, MANIFEST)?)?;
            serde_json::from_slice(&content).map_err(io::Error::from)
        };
        read().map_err(|error| self.wrong(error))
    }

    /// Its lock, opened once more. Never in a process that holds it as its own.
    ///
    /// # Errors
    /// It is not there.
    pub fn open_lock(&self) -> Result<ItemLock, JournalError> {
        let lock = files::open_existing(&self.directory, LOCK).map_err(|error| self.wrong(error))?;
        Ok(ItemLock::new(lock))
    }

    /// Where the output of an instance's stop is kept.
    pub fn stop_log(&self, instance: InstanceId) -> PathBuf {
        self.path.join(format!("{instance}{STOP_LOG}"))
    }

    /// Writes an intent: it is on disk when this returns, or there is none. Waits for the disk.
    ///
    /// # Errors
    /// The disk is full, or refuses; the service must not be started then.
    pub fn write(&self, state: &StateDirectory, intent: &Intent) -> Result<OwnedFd, JournalError> {
        let content = intent::encode(state.key(), intent)?;
        self.write_durably(intent.header.instance, &content).map_err(|error| self.wrong(error))
    }

    fn write_durably(&self, instance: InstanceId, content: &[u8]) -> io::Result<OwnedFd> {
        use std::sync::atomic::Ordering::Relaxed;
        let (draft, name) = (format!("{instance}.draft"), format!("{instance}{SUFFIX}"));
        let written = self.write_draft(&draft, content).and_then(|file| {
            if !self.is_durable.load(Relaxed) {
                files::open_existing(&self.directory, MANIFEST)?.sync_all()?;
                files::sync_directory(&*self.items)?;
            }
            nix::fcntl::renameat(&self.directory, draft.as_str(), &self.directory, name.as_str())?;
            files::sync_directory(&self.directory)?;
            self.is_durable.store(true, Relaxed);
            Ok(file)
        });
        if written.is_err() {
            // Nothing was started: no record may say that something is owed.
            let _ = files::remove(&self.directory, &draft);
            let _ = files::remove(&self.directory, &name);
        }
        written.map(OwnedFd::from)
    }

    fn write_draft(&self, draft: &str, content: &[u8]) -> io::Result<File> {
        let mut file = files::create(&self.directory, draft)?;
        file.write_all(content)?;
        file.sync_all()?;
        Ok(file)
    }

    /// All its intents, in the order of their names.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn intents(&self, state: &StateDirectory) -> Result<Vec<IntentRecord>, JournalError> {
        let found = self.instances().map_err(|error| self.wrong(error))?;
        Ok(found.into_iter().map(|instance| self.read(state, instance)).collect())
    }

    /// The file of one intent, for striking it.
    ///
    /// # Errors
    /// It is not there, or not ours.
    pub fn open_intent(&self, instance: InstanceId) -> Result<OwnedFd, JournalError> {
        let file = files::open_existing(&self.directory, &format!("{instance}{SUFFIX}"));
        file.map(OwnedFd::from).map_err(|error| self.wrong(error))
    }

    fn read(&self, state: &StateDirectory, instance: InstanceId) -> IntentRecord {
        let name = format!("{instance}{SUFFIX}");
        let file = files::open_existing(&self.directory, &name);
        match file.and_then(|file| Ok((files::read(&file)?, file))) {
            Ok((content, file)) => intent::decode(state.key(), instance, &content, Some(file.into())),
            Err(error) => IntentRecord::unreadable(instance, error.to_string()),
        }
    }

    fn instances(&self) -> io::Result<Vec<InstanceId>> {
        let names = files::names(&self.directory)?;
        let of = |name: &String| Some(InstanceId(name.strip_suffix(SUFFIX)?.parse().ok()?));
        Ok(names.iter().filter_map(of).collect())
    }

    /// Whether a stop is still owed. What cannot be read is.
    pub fn owes(&self) -> bool {
        let Ok(instances) = self.instances() else { return true };
        instances.into_iter().any(|instance| {
            let file = files::open_existing(&self.directory, &format!("{instance}{SUFFIX}"));
            match file.and_then(read_strike) {
                Ok(strike) => strike.is_owed(),
                Err(error) => error.kind() != io::ErrorKind::NotFound,
            }
        })
    }

    /// Which build took its slot after it, if one did.
    pub fn successor(&self, state: &StateDirectory, manifest: &Manifest) -> Option<String> {
        let last = slots::last_holder(state, &manifest.job, manifest.slot)?;
        (last.item != self.name).then_some(last.number)
    }

    /// Removes one intent with what its stop printed.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn remove_intent(&self, instance: InstanceId) -> Result<(), JournalError> {
        let removed = files::remove(&self.directory, &format!("{instance}{SUFFIX}"))
            .and_then(|()| files::remove(&self.directory, &format!("{instance}{STOP_LOG}")));
        removed.map_err(|error| self.wrong(error))
    }

    /// Removes one intent if its stop is not owed any more.
    ///
    /// # Errors
    /// It is not there, or the disk refuses.
    pub fn forget_struck(&self, instance: InstanceId) -> Result<(), JournalError> {
        let strike = read_strike(self.open_intent(instance)?).map_err(|error| self.wrong(error))?;
        if strike.is_owed() { Ok(()) } else { self.remove_intent(instance) }
    }

    /// Whether it has no intent at all.
    pub fn is_empty(&self) -> bool {
        self.instances().is_ok_and(|instances| instances.is_empty())
    }

    /// Forgets what is not owed any more, and the whole item if nothing is; true then. To be called only when no shim
    /// works on it.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn settle(&self, state: &StateDirectory) -> Result<bool, JournalError> {
        for record in self.intents(state)? {
            if !record.strike.is_owed() {
                self.remove_intent(record.instance)?;
            }
        }
        if self.owes() {
            return Ok(false);
        }
        self.remove_all();
        state.forget_workdir(&self.name);
        Ok(true)
    }

    /// Whether it was given up while it was being made.
    pub fn is_stillborn(&self) -> bool {
        let unfinished = self.manifest().is_err();
        let about = files::about(&*self.items, &self.name);
        let age = about.map_or(0, |about| moment().timestamp() - about.st_mtime);
        unfinished && u64::try_from(age).unwrap_or(0) >= BEING_MADE.as_secs() && !self.owes()
    }

    /// Removes everything. What another removes at the same time is gone all the same.
    pub fn remove_all(&self) {
        for name in files::names(&self.directory).unwrap_or_default() {
            let _ = files::remove(&self.directory, &name);
        }
        if let Err(error) = files::remove_directory(&*self.items, &self.name) {
            tracing::warn!(item = self.name, "the journal's directory stays: {error}");
        }
    }
}
