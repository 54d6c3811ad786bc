//! Asking the nursery for a shim, and for the end of what a dead one left.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pikoci_model::port::LaunchError;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use super::connection::Connection;
use super::launcher::{Core, locked};
use super::orphans;
use crate::journal::ProcessLife;
use crate::nursery::start_nursery;
use crate::protocol::{Event, Hatch, ORPHANS_GONE, Request};
use crate::sys::{descriptors, packet};

/// A shim that has not answered by now will not.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// Orphans that are not gone by now are left to their reapers.
const ORPHANS_WITHIN: Duration = Duration::from_secs(30);

/// An item that wants a shim.
pub struct Egg<'a> {
    /// Names the control group.
    pub item: &'a str,
    pub lock: Option<BorrowedFd<'a>>,
    pub slot: Option<BorrowedFd<'a>>,
    pub stop_budget: Duration,
    /// It ends with the worker's lease. One that only runs stops does not.
    pub leased: bool,
}

/// A shim that is there.
pub struct Hatched {
    pub connection: Arc<Connection>,
    /// Its number, which is that of its session.
    pub shim: i32,
}

/// Why there is no shim.
#[derive(Debug)]
pub enum HatchError {
    /// Another shim works on the item.
    Busy,
    /// None could be had.
    None(LaunchError),
}

impl HatchError {
    /// For whoever asked for the item.
    pub fn into_launch_error(self) -> LaunchError {
        match self {
            Self::Busy => LaunchError::Refused("another process works on the same item".into()),
            Self::None(error) => error,
        }
    }
}

impl Core {
    /// Has a shim made. A nursery that died since the last item shows itself only now; the second try is with a new one.
    pub async fn hatch(&self, egg: &Egg<'_>) -> Result<Hatched, HatchError> {
        match self.try_hatch(egg).await {
            Err(HatchError::None(_)) => {
                self.replace_nursery().map_err(HatchError::None)?;
                self.try_hatch(egg).await
            }
            answer => answer,
        }
    }

    async fn try_hatch(&self, egg: &Egg<'_>) -> Result<Hatched, HatchError> {
        let none = |error: String| HatchError::None(LaunchError::System(error));
        let (ours, shims) = packet::pair().map_err(|error| none(error.to_string()))?;
        let lease = self.current_lease().filter(|_| egg.leased);
        let request = Request::Hatch(Hatch {
            item: egg.item.to_owned(),
            stop_budget: egg.stop_budget,
            lease,
            lock: egg.lock.is_some(),
            slot: egg.slot.is_some(),
            replay: egg.lock.map(|_| self.replay_arguments(egg.item)).unwrap_or_default(),
        });
        let mut handed = vec![shims.as_fd()];
        handed.extend(egg.lock.into_iter().chain(egg.slot));
        packet::send(&locked(&self.nursery).socket, &request, &handed)
            .map_err(|error| none(error.to_string()))?;
        drop(handed);
        drop(shims);
        let connection = Arc::new(Connection::new(ours).map_err(|error| none(error.to_string()))?);
        match tokio::time::timeout(READY_WITHIN, connection.next()).await {
            Ok(Some(Event::Ready { pid })) => {
                if egg.leased {
                    self.keep_told(&connection, lease);
                }
                Ok(Hatched { connection, shim: pid })
            }
            Ok(Some(Event::Busy)) => Err(HatchError::Busy),
            Ok(_) => Err(none("the nursery made no shim".into())),
            Err(_) => Err(none(format!("the shim did not answer within {} s", READY_WITHIN.as_secs()))),
        }
    }

    /// With these the nursery runs the program again when worker and shim are dead.
    fn replay_arguments(&self, item: &str) -> Vec<Bytes> {
        use std::os::unix::ffi::OsStrExt;
        let state = Bytes::copy_from_slice(self.settings.state.path().as_os_str().as_bytes());
        let words = ["worker", "journal", "replay", "--wait", "--item", item, "--state-dir"];
        words.iter().map(|word| Bytes::from((*word).to_owned())).chain([state]).collect()
    }

    fn replace_nursery(&self) -> Result<(), LaunchError> {
        tracing::warn!("the nursery is gone, another is started");
        let started = start_nursery(&self.settings.nursery_command)
            .map_err(|error| LaunchError::System(error.to_string()))?;
        *locked(&self.nursery) = started;
        Ok(())
    }

    /// Ends what a dead shim left, after its stops have been run, and waits until nothing of it is left: below the
    /// nursery, or, when that is dead too, wherever the kernel has put it.
    pub async fn end_orphans(&self, item: &str, shim: ProcessLife) {
        let told = tokio::time::timeout(ORPHANS_WITHIN, self.have_ended(item, shim.pid)).await;
        if !matches!(told, Ok(Ok(()))) {
            tracing::warn!(item, "the nursery did not end what a lost shim left");
        }
        orphans::clear(shim).await;
    }

    /// A nursery that died shows itself only now; the next one takes away what is left of the control groups.
    async fn have_ended(&self, item: &str, shim: i32) -> std::io::Result<()> {
        if self.ask_nursery(item, shim).await.is_ok() {
            return Ok(());
        }
        // Many items may see it at once; one of them replaces it.
        if self.nursery_is_gone() {
            self.replace_nursery().map_err(std::io::Error::other)?;
        }
        self.ask_nursery(item, shim).await
    }

    fn nursery_is_gone(&self) -> bool {
        packet::hung_up(locked(&self.nursery).socket.as_fd()).unwrap_or(true)
    }

    async fn ask_nursery(&self, item: &str, shim: i32) -> std::io::Result<()> {
        let (done, nurserys) = descriptors::pipe()?;
        let request = Request::EndOrphans { item: item.to_owned(), shim };
        packet::send(&locked(&self.nursery).socket, &request, &[nurserys.as_fd()])?;
        drop(nurserys);
        let mut done = pipe::Receiver::from_owned_fd(done)?;
        let mut answer = Vec::new();
        done.read_to_end(&mut answer).await?;
        // Without a word it is the nursery that has ended.
        if answer == ORPHANS_GONE { Ok(()) } else { Err(std::io::ErrorKind::BrokenPipe.into()) }
    }
}
