//! The launcher: keeps a nursery and opens work items.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use pikoci_model::port::{Item, ItemBuild, LaunchError, Launcher, LeaseEnd, WorkItem};
use tokio::sync::mpsc;

use super::connection::Connection;
use super::dispatch;
use super::handle::ItemHandle;
use super::hatching::{Egg, HatchError, Hatched};
use super::item::ItemCore;
use super::item_journal::ItemJournal;
use crate::journal::{NewItem, ProcessLife, StateDirectory};
use crate::nursery::NurseryHandle;
use crate::protocol::{Lease, Order};
use crate::sys::harden::Surroundings;

/// How the launcher is set up.
#[derive(Debug, Clone)]
pub struct LauncherSettings {
    /// The program's hidden command that becomes a new nursery when the first is gone: it calls
    /// [`nursery_main`](crate::nursery::nursery_main) with 0.
    pub nursery_command: String,
    /// The host's journal.
    pub state: Arc<StateDirectory>,
    /// Bytes after which a step's log is cut; none = no limit.
    pub output_limit: Option<u64>,
    /// Time for all stops of an item together, when the worker is gone.
    pub stop_budget: Duration,
}

impl LauncherSettings {
    /// The usual limits.
    pub fn new(nursery_command: impl Into<String>, state: Arc<StateDirectory>) -> Self {
        Self {
            nursery_command: nursery_command.into(),
            state,
            output_limit: Some(1 << 30),
            stop_budget: Duration::from_secs(300),
        }
    }
}

/// The one way to start processes.
#[derive(Clone)]
pub struct NurseryLauncher(pub(super) Arc<Core>);

/// What the launcher and its items share.
pub struct Core {
    pub settings: LauncherSettings,
    pub surroundings: Surroundings,
    pub(super) nursery: Mutex<NurseryHandle>,
    lease: Mutex<Option<Lease>>,
    open: Mutex<Vec<Weak<Connection>>>,
    /// Items that were settled and still owe a stop.
    pub(super) owing: mpsc::UnboundedSender<String>,
    pub(super) taken_over: Mutex<Option<mpsc::UnboundedReceiver<String>>>,
}

impl NurseryLauncher {
    /// Over the nursery that `main` forked first of all. Used from within a tokio runtime.
    pub fn new(nursery: NurseryHandle, settings: LauncherSettings) -> Self {
        let (owing, taken_over) = mpsc::unbounded_channel();
        Self(Arc::new(Core {
            settings,
            surroundings: nursery.surroundings,
            nursery: Mutex::new(nursery),
            lease: Mutex::default(),
            open: Mutex::default(),
            owing,
            taken_over: Mutex::new(Some(taken_over)),
        }))
    }
}

#[async_trait]
impl Launcher for NurseryLauncher {
    async fn open(&self, item: Item) -> Result<Arc<dyn WorkItem>, LaunchError> {
        check_name(&item.name)?;
        match &item.build {
            Some(build) => self.0.open_build(&item, build).await,
            None => self.0.open_plain(item).await,
        }
    }

    fn lease(&self, end: LeaseEnd) {
        let lease = Lease { term_at: end.term_at, kill_at: end.kill_at };
        *locked(&self.0.lease) = Some(lease);
        locked(&self.0.open).retain(|connection| {
            connection.upgrade().is_some_and(|open| open.send(Order::Lease(lease), Vec::new()).is_ok())
        });
    }
}

impl Core {
    async fn open_plain(self: &Arc<Self>, item: Item) -> Result<Arc<dyn WorkItem>, LaunchError> {
        let egg = Egg {
            item: &item.name,
            lock: None,
            slot: None,
            stop_budget: self.settings.stop_budget,
            leased: true,
        };
        let hatched = self.hatch(&egg).await.map_err(HatchError::into_launch_error)?;
        Ok(self.begin(item.name, hatched, None))
    }

    /// The shim holds lock and slot before anybody else can find the item.
    async fn open_build(
        self: &Arc<Self>,
        item: &Item,
        build: &ItemBuild,
    ) -> Result<Arc<dyn WorkItem>, LaunchError> {
        // Other workers of this host may run a build with the same number for another server.
        let name = format!("{}-{:08x}", item.name, uuid::Uuid::new_v4().as_fields().0);
        let state = Arc::clone(&self.settings.state);
        let NewItem { directory, lock, slot } =
            state.create_item(&name, build).map_err(|error| error.into_launch_error())?;
        let egg = Egg {
            item: &name,
            lock: Some(lock.descriptor()),
            slot: Some(slot.descriptor()),
            stop_budget: self.settings.stop_budget,
            leased: true,
        };
        let hatched = match self.hatch(&egg).await {
            Ok(hatched) => hatched,
            Err(error) => {
                directory.remove_all();
                return Err(error.into_launch_error());
            }
        };
        let published = state.publish(&directory, build, &item.workdir, ProcessLife::of(hatched.shim));
        if let Err(error) = published {
            directory.remove_all();
            return Err(error.into_launch_error());
        }
        Ok(self.begin(name, hatched, Some(ItemJournal { state, directory, of: build.clone() })))
    }

    fn begin(
        self: &Arc<Self>,
        name: String,
        hatched: Hatched,
        journal: Option<ItemJournal>,
    ) -> Arc<dyn WorkItem> {
        let core = Arc::new(ItemCore::new(name, Arc::clone(self), hatched, journal));
        tokio::spawn(dispatch::hear(Arc::clone(&core)));
        Arc::new(ItemHandle(core))
    }

    /// The lease as it is now.
    pub(super) fn current_lease(&self) -> Option<Lease> {
        *locked(&self.lease)
    }

    /// From now on it hears of renewals; of one that came since `told`, at once.
    pub(super) fn keep_told(&self, connection: &Arc<Connection>, told: Option<Lease>) {
        locked(&self.open).push(Arc::downgrade(connection));
        let now = self.current_lease();
        if let Some(lease) = now.filter(|_| now != told) {
            // If it is gone, whoever hears it will know.
            let _ = connection.send(Order::Lease(lease), Vec::new());
        }
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The name becomes that of a directory.
fn check_name(name: &str) -> Result<(), LaunchError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.is_empty() || name.len() > 100 || !name.bytes().all(fits) {
        let right = "a name has 1 to 100 letters, digits, `-` and `_`";
        return Err(LaunchError::Refused(format!("work item `{name}`: {right}")));
    }
    Ok(())
}
