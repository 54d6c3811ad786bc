//! The state directory: made private, refused when it is not ours alone.

use std::collections::HashMap;
use std::fs::DirBuilder;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use nix::fcntl::AT_FDCWD;
use nix::sys::stat::fstat;
use nix::unistd::geteuid;
use pikoci_model::port::ItemBuild;
use pikoci_seal::HostKey;

use super::durability::forgetful_file_system;
use super::error::JournalError;
use super::files;
use super::host::HostLife;
use super::item::{ItemDirectory, Manifest, is_item_name};
use super::lock::ItemLock;
use super::process_life::ProcessLife;
use super::slots::{self, Slot};
use super::strike::moment;

/// The journal of a host. Any number of processes may use the same directory at once.
#[derive(Debug)]
pub struct StateDirectory {
    path: PathBuf,
    root: OwnedFd,
    items: Arc<OwnedFd>,
    slots: OwnedFd,
    key: HostKey,
    life: HostLife,
    /// Work directories of the builds that were opened by this process, and their items.
    workdirs: Mutex<HashMap<PathBuf, String>>,
}

/// An item that was just made.
#[derive(Debug)]
pub struct NewItem {
    /// Its directory.
    pub directory: ItemDirectory,
    /// Its lock, to be handed to its shim.
    pub lock: ItemLock,
    /// Its slot, the same.
    pub slot: Slot,
}

impl StateDirectory {
    /// Opens it; made if it is not there, with the host's key.
    ///
    /// # Errors
    /// It belongs to somebody else, others may write to it, or it cannot be made.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let path = std::path::absolute(path).map_err(|error| JournalError::system(path, error))?;
        let wrong = |reason| JournalError::system(&path, reason);
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(wrong)?;
        let root = files::open_directory(AT_FDCWD, &path).map_err(wrong)?;
        check_ours(&root, &path)?;
        let key = HostKey::load_or_create(&path.join("host.key"))?;
        let items = Arc::new(open_part(&root, &path, "items")?);
        let slots = open_part(&root, &path, "slots")?;
        let life = HostLife::current();
        Ok(Self { path, root, items, slots, key, life, workdirs: Mutex::default() })
    }

    /// Where it is; absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// This life of the host.
    pub fn life(&self) -> &HostLife {
        &self.life
    }

    pub(super) fn key(&self) -> &HostKey {
        &self.key
    }

    pub(super) fn root(&self) -> &OwnedFd {
        &self.root
    }

    pub(super) fn slots(&self) -> &OwnedFd {
        &self.slots
    }

    /// Why what is written here may be gone after a restart of the host; none if it is kept.
    pub fn warning(&self) -> Option<String> {
        let kind = forgetful_file_system(&self.root)?;
        Some(format!("journal is not durable ({kind} at {})", self.path.display()))
    }

    /// Makes the item of a build, with the smallest slot of its job that nobody uses. Others do not find the item
    /// before [`ItemDirectory::publish`].
    ///
    /// # Errors
    /// The disk refuses.
    pub fn create_item(&self, name: &str, build: &ItemBuild) -> Result<NewItem, JournalError> {
        let (number, slot) = slots::take(self, name, build)?;
        let (directory, lock) = ItemDirectory::create(self, name, number)?;
        Ok(NewItem { directory, lock, slot })
    }

    /// The manifest of a new item, whose shim is there; its work directory is kept as long as a stop is owed there.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn publish(
        &self,
        item: &ItemDirectory,
        build: &ItemBuild,
        workdir: &Path,
        shim: ProcessLife,
    ) -> Result<(), JournalError> {
        item.publish(&Manifest {
            build: build.build,
            fence: build.fence,
            run: build.run,
            number: build.number.clone(),
            job: build.job.clone(),
            slot: item.slot(),
            workdir: workdir.to_owned(),
            host: self.life.clone(),
            created: moment(),
            shim,
            worker: ProcessLife::own(),
        })?;
        self.lock_workdirs().insert(workdir.to_owned(), item.name().to_owned());
        Ok(())
    }

    /// The names of all items, in order.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn items(&self) -> Result<Vec<String>, JournalError> {
        let names = files::names(&self.items).map_err(|error| JournalError::system(&self.path, error))?;
        Ok(names.into_iter().filter(|name| is_item_name(name)).collect())
    }

    /// One item; it may be one that is being made or removed right now.
    ///
    /// # Errors
    /// It is not there, or not ours.
    pub fn item(&self, name: &str) -> Result<ItemDirectory, JournalError> {
        ItemDirectory::open(self, name)
    }

    pub(super) fn items_directory(&self) -> &Arc<OwnedFd> {
        &self.items
    }

    /// Whether a stop is still owed that needs this work directory. Only of builds of this process.
    pub fn needs_workdir(&self, workdir: &Path) -> bool {
        let name = self.lock_workdirs().get(workdir).cloned();
        name.and_then(|name| self.item(&name).ok()).is_some_and(|item| item.owes())
    }

    /// The item is settled: its work directory concerns nobody any more.
    pub(super) fn forget_workdir(&self, item: &str) {
        self.lock_workdirs().retain(|_, name| name != item);
    }

    fn lock_workdirs(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, String>> {
        self.workdirs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_part(root: &OwnedFd, path: &Path, name: &str) -> Result<OwnedFd, JournalError> {
    let shown = path.join(name);
    let wrong = |reason| JournalError::system(&shown, reason);
    if files::make_directory(root, Path::new(name)).map_err(wrong)? {
        files::sync_directory(root).map_err(wrong)?;
    }
    let part = files::open_directory(root, Path::new(name)).map_err(wrong)?;
    check_ours(&part, &shown)?;
    Ok(part)
}

fn check_ours(directory: impl AsFd, path: &Path) -> Result<(), JournalError> {
    let about = fstat(directory).map_err(|error| JournalError::system(path, error.into()))?;
    let expected = geteuid().as_raw();
    if about.st_uid != expected {
        return Err(JournalError::Foreign { path: path.to_owned(), found: about.st_uid, expected });
    }
    let mode = about.st_mode & 0o7777;
    if mode & 0o022 != 0 {
        return Err(JournalError::Open { path: path.to_owned(), mode });
    }
    Ok(())
}
