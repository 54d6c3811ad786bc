//! The launcher: keeps a nursery and opens work items.

use std::fs::DirBuilder;
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use pikoci_model::id::InstanceId;
use pikoci_model::port::{Item, LaunchError, Launcher, WorkItem};

use super::connection::Connection;
use super::dispatch;
use super::item::{ItemCore, ItemHandle};
use crate::nursery::{NurseryHandle, start_nursery};
use crate::output::Masking;
use crate::protocol::{Event, Hatch, Request};
use crate::sys::harden::Surroundings;
use crate::sys::packet;

/// A shim that has not answered by now will not.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// How the launcher is set up.
#[derive(Debug, Clone)]
pub struct LauncherSettings {
    /// The program's hidden command that becomes a new nursery when the first is gone: it calls
    /// [`nursery_main`](crate::nursery::nursery_main) with 0.
    pub nursery_command: String,
    /// Private directory for the output of stops, for whoever looks after a worker's death; none: only the log has it.
    pub state_directory: Option<PathBuf>,
    /// Bytes after which a step's log is cut; none = no limit.
    pub output_limit: Option<u64>,
    /// Time for all stops of an item together, when the worker is gone.
    pub stop_budget: Duration,
}

impl LauncherSettings {
    /// The usual limits.
    pub fn new(nursery_command: impl Into<String>) -> Self {
        Self {
            nursery_command: nursery_command.into(),
            state_directory: None,
            output_limit: Some(1 << 30),
            stop_budget: Duration::from_secs(300),
        }
    }
}

/// The one way to start processes.
#[derive(Clone)]
pub struct NurseryLauncher(Arc<Core>);

/// What the launcher and its items share.
pub struct Core {
    pub settings: LauncherSettings,
    pub surroundings: Surroundings,
    nursery: Mutex<NurseryHandle>,
}

impl NurseryLauncher {
    /// Over the nursery that `main` forked first of all. Used from within a tokio runtime.
    pub fn new(nursery: NurseryHandle, settings: LauncherSettings) -> Self {
        if let Some(directory) = &settings.state_directory {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
            if let Err(error) = made {
                tracing::warn!(%error, directory = %directory.display(), "output of stops is kept in no file");
            }
        }
        Self(Arc::new(Core { settings, surroundings: nursery.surroundings, nursery: Mutex::new(nursery) }))
    }
}

#[async_trait]
impl Launcher for NurseryLauncher {
    async fn open(&self, item: Item) -> Result<Arc<dyn WorkItem>, LaunchError> {
        Ok(Arc::new(self.0.open_item(item, Arc::default()).await?))
    }
}

impl Core {
    /// Opens an item whose output is masked with these secrets.
    pub async fn open_item(
        self: &Arc<Self>,
        item: Item,
        masking: Arc<Masking>,
    ) -> Result<ItemHandle, LaunchError> {
        check_name(&item.name)?;
        // A nursery that died since the last item shows itself only now; the second try is with a new one.
        let connection = match self.hatch(&item).await {
            Ok(connection) => connection,
            Err(_) => {
                self.replace_nursery()?;
                self.hatch(&item).await?
            }
        };
        let core = ItemCore::new(item.name, Arc::clone(self), Arc::new(connection), masking);
        let core = Arc::new(core);
        tokio::spawn(dispatch::hear(Arc::clone(&core)));
        Ok(ItemHandle(core))
    }

    async fn hatch(&self, item: &Item) -> Result<Connection, LaunchError> {
        let (ours, shims) = packet::pair().map_err(system)?;
        let request = Request::Hatch(Hatch {
            item: item.name.clone(),
            stop_budget: self.settings.stop_budget,
            lease: None,
            lock: false,
            slot: false,
            replay: Vec::new(),
        });
        {
            let nursery = self.nursery.lock().unwrap_or_else(PoisonError::into_inner);
            packet::send(&nursery.socket, &request, &[shims.as_fd()]).map_err(system)?;
        }
        drop(shims);
        let connection = Connection::new(ours).map_err(system)?;
        match tokio::time::timeout(READY_WITHIN, connection.next()).await {
            Ok(Some(Event::Ready { .. })) => Ok(connection),
            Ok(_) => Err(system("the nursery made no shim")),
            Err(_) => Err(system(format!("the shim did not answer within {} s", READY_WITHIN.as_secs()))),
        }
    }

    fn replace_nursery(&self) -> Result<(), LaunchError> {
        tracing::warn!("the nursery is gone, another is started");
        let started = start_nursery(&self.settings.nursery_command).map_err(system)?;
        *self.nursery.lock().unwrap_or_else(PoisonError::into_inner) = started;
        Ok(())
    }

    /// The file that keeps the output of an instance's stop.
    pub fn stop_output(&self, item: &str, instance: InstanceId) -> Option<PathBuf> {
        let directory = self.settings.state_directory.as_ref()?;
        Some(directory.join(format!("{item}.{instance}.stop.log")))
    }
}

fn system(error: impl std::fmt::Display) -> LaunchError {
    LaunchError::System(error.to_string())
}

/// The name becomes that of a directory.
fn check_name(name: &str) -> Result<(), LaunchError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.is_empty() || name.len() > 128 || !name.bytes().all(fits) {
        let right = "a name has 1 to 128 letters, digits, `-` and `_`";
        return Err(LaunchError::Refused(format!("work item `{name}`: {right}")));
    }
    Ok(())
}
