//! Workers that do not answer: silent, lost, gone; and what becomes of their work.
//!
//! Each worker is judged by one server: its home, or, when that does not live any more, the one that the living agree
//! on. The others only know of it.
//!
//! A worker is lost only after its renewal counter stood still for the whole lease and a margin on this server's own
//! monotonic clock. Whenever the server itself was cut off — just started, stopped for a while, without its database —
//! everybody's patience begins anew.

mod compare;
mod look;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use pikoci_model::id::{BuildId, NodeId};
use pikoci_model::message::{Announce, Goodbye, Holding, Renew};
use pikoci_model::port::store::WorkerRow;
use pikoci_model::port::{Monotonic, StoreError};
use pikoci_model::worker::WorkerState;
use serde::Serialize;

use compare::Compared;
use look::{Looked, rows};

use super::dispatcher::{Gone, Silent};
use super::reclaim::{give_back, sweep, take_over, worker_lost};
use super::record::worker_stopped;
use super::stops::is_theirs;
use super::world::World;
use crate::decide::leadership::Matter;
use crate::decide::lease::Pulse;
use crate::inbox::Received;
use crate::supervise::{Actor, Exit, Flow, Life, Receive};
use crate::throttle::Throttle;

/// How often workers are judged.
const TICK: Duration = Duration::from_secs(1);
/// A tick that comes this late says that the process itself stood still.
const STOOD_STILL: Duration = Duration::from_secs(4);
/// Workers whose home is another server, or was, are looked up after this many ticks.
const TICKS_PER_LOOK: u32 = 10;

/// See the module.
pub(crate) struct Janitor {
    pub(super) world: World,
    workers: BTreeMap<NodeId, Watched>,
    ticked: Monotonic,
    ticks: u32,
    looking: bool,
    /// Whose reports are not taken repeats them.
    pub(super) refusals: Throttle,
}

struct Watched {
    name: String,
    /// Its home, as the store says or as it renews here.
    home: NodeId,
    /// When it was heard here, if it ever was.
    heard: Option<Monotonic>,
    /// Whether this server judges it.
    mine: bool,
    pulse: Pulse,
    shown: WorkerState,
    /// Being swept: its builds are on their way back to the queue.
    sweeping: bool,
    /// Builds that the store says it holds and it does not, and since when.
    missed: HashMap<BuildId, Monotonic>,
}

struct Tick;

/// What was done about a lost or departed worker.
struct Swept {
    node: NodeId,
    result: Result<Sweep, StoreError>,
}

enum Sweep {
    /// Its work is given to others.
    Done,
    /// It lives: another server has heard it.
    Alive(Box<WorkerRow>),
}

/// What others see of the janitor.
#[derive(Debug, Serialize)]
pub(crate) struct JanitorState {
    workers: BTreeMap<String, WorkerState>,
}

impl Janitor {
    pub(crate) fn new(world: World) -> Self {
        let ticked = world.clock().monotonic();
        let (workers, refusals) = (BTreeMap::new(), Throttle::default());
        Self { world, workers, ticked, ticks: 0, looking: false, refusals }
    }

    fn now(&self) -> Monotonic {
        self.world.clock().monotonic()
    }

    fn watch(&mut self, node: &NodeId, name: &str, counter: u64, draining: bool) -> &mut Watched {
        let (since, me) = (self.now(), self.world.post().node());
        let watched = self.workers.entry(node.clone()).or_insert_with(|| Watched {
            name: name.to_owned(),
            home: me.clone(),
            heard: None,
            mine: false,
            pulse: Pulse { counter, since, draining },
            shown: WorkerState::Online,
            sweeping: false,
            missed: HashMap::new(),
        });
        watched.pulse.draining = draining;
        watched
    }

    /// A worker has spoken to this server, which is its home.
    fn heard(&mut self, node: &NodeId, counter: u64, draining: bool) -> &mut Watched {
        let (now, me) = (self.now(), self.world.post().node().clone());
        let watched = self.watch(node, "", counter, draining);
        (watched.home, watched.heard) = (me, Some(now));
        watched
    }

    /// Which workers this server judges changes with who lives. Who comes to be judged has a whole lease.
    fn share(&mut self, now: Monotonic) {
        let members = self.world.members();
        let me = self.world.post().node();
        for (node, watched) in &mut self.workers {
            let judge = if members.lives(&watched.home) {
                &watched.home
            } else {
                members.leader(Matter::Worker(node))
            };
            let mine = judge == me;
            if mine && !watched.mine {
                (watched.pulse.since, watched.shown) = (now, WorkerState::Online);
            }
            watched.mine = mine;
        }
    }

    /// The name under which a worker is known.
    pub(super) fn name_of(&self, node: &NodeId) -> Option<String> {
        self.workers.get(node).map(|watched| watched.name.clone()).filter(|name| !name.is_empty())
    }

    fn be_patient(&mut self) {
        let now = self.now();
        self.workers.values_mut().for_each(|watched| watched.pulse.since = now);
    }

    fn look(&mut self, life: &mut Life<'_, Self>) {
        if self.looking {
            return;
        }
        self.looking = true;
        let world = self.world.clone();
        life.spawn(async move { Looked(rows(&world).await) });
    }

    /// Tells the rest of the server that a worker stands otherwise than before.
    fn show(&mut self, node: &NodeId, state: WorkerState, life: &mut Life<'_, Self>) {
        let world = self.world.clone();
        match state {
            WorkerState::Silent => {
                world.with_doors(|doors| drop(doors.dispatcher.tell(Silent(node.clone()))));
            }
            // Stored when its work is given to others.
            WorkerState::Lost => return self.sweep(node, true, life),
            WorkerState::Online | WorkerState::Draining => {}
        }
        let node = node.clone();
        life.spawn(async move {
            if let Err(error) = world.store().worker_state(&node, state).await {
                tracing::warn!(%node, "worker's state cannot be stored: {error}");
            }
            Noted
        });
    }

    /// Gives a worker's builds and checks to others: `lost`, or departed in order.
    fn sweep(&mut self, node: &NodeId, lost: bool, life: &mut Life<'_, Self>) {
        let Some(watched) = self.workers.get_mut(node) else { return };
        if watched.sweeping {
            return;
        }
        watched.sweeping = true;
        let failure = if lost { worker_lost(&watched.name) } else { worker_stopped() };
        let (world, node, counter) = (self.world.clone(), node.clone(), watched.pulse.counter);
        life.spawn(async move {
            let result = async {
                if let Some(row) = heard_elsewhere(&world, &node, counter).await?.filter(|_| lost) {
                    return Ok(Sweep::Alive(Box::new(row)));
                }
                sweep(&world, &node, lost, &failure).await.map(|()| Sweep::Done)
            };
            let result = result.await;
            Swept { node, result }
        });
    }
}

/// The worker's row, if another server has heard it since this one did.
async fn heard_elsewhere(
    world: &World,
    node: &NodeId,
    counter: u64,
) -> Result<Option<WorkerRow>, StoreError> {
    let row = world.store().workers().await?.into_iter().find(|row| row.profile.node == *node);
    let at_home = |home: &NodeId| home != world.post().node() && world.members().lives(home);
    Ok(row.filter(|row| row.renewal > counter || at_home(&row.home)))
}

/// A renewal that the store had no part in. While the database is away that is so for each renewal of each worker, and said
/// often enough by others.
pub(super) fn untold(error: &StoreError, what: impl Fn() -> String) {
    match error {
        StoreError::Down(_) => tracing::debug!("{}: {error}", what()),
        _ => tracing::warn!("{}: {error}", what()),
    }
}

/// A store write whose outcome changes nothing here.
pub(super) struct Noted;

impl Receive<Noted> for Janitor {
    fn receive(&mut self, _: Noted, _: &mut Life<'_, Self>) -> Flow {
        Ok(())
    }
}

impl Actor for Janitor {
    /// A renewal of each worker every five seconds; what does not fit costs one of them.
    const MAILBOX: usize = 4096;
    type State = JanitorState;

    fn started(&mut self, life: &mut Life<'_, Self>) -> Flow {
        self.look(life);
        life.later(TICK, Tick);
        Ok(())
    }

    fn stop(&mut self, _: &mut Life<'_, Self>) -> Flow {
        Err(Exit::Stopped)
    }

    fn state(&self) -> JanitorState {
        let workers =
            self.workers.iter().map(|(node, watched)| (format!("{} {node}", watched.name), watched.shown));
        JanitorState { workers: workers.collect() }
    }
}

impl Receive<Received<Announce>> for Janitor {
    fn receive(
        &mut self,
        Received { sender, message }: Received<Announce>,
        life: &mut Life<'_, Self>,
    ) -> Flow {
        let Announce { profile, holding, ended, .. } = message;
        let now = self.now();
        let watched = self.heard(&sender, 0, false);
        watched.name.clone_from(&profile.name);
        watched.pulse = Pulse { counter: 0, since: now, draining: false };
        watched.shown = WorkerState::Online;
        let world = self.world.clone();
        life.spawn(async move {
            let at = world.clock().now();
            let stored = world.store().worker_announced(&profile, world.post().node(), at).await;
            if let Err(error) = stored {
                tracing::warn!(node = %profile.node, "worker cannot be stored: {error}");
            }
            let failure = worker_lost(&profile.name);
            for Holding { build, fence } in ended {
                if matches!(is_theirs(&world, profile.team.as_deref(), build).await, Ok(Some(true))) {
                    give_back(&world, build, fence, None, true, &failure).await;
                }
            }
            take_over(&world, &profile.node, profile.incarnation, &holding).await;
            Noted
        });
        Ok(())
    }
}

impl Receive<Received<Renew>> for Janitor {
    fn receive(&mut self, Received { sender, message }: Received<Renew>, life: &mut Life<'_, Self>) -> Flow {
        let Renew { incarnation, counter, holding, draining, .. } = message;
        let now = self.now();
        let watched = self.heard(&sender, counter, draining);
        if watched.sweeping {
            return Ok(());
        }
        watched.pulse.beat(counter, now);
        let (world, node) = (self.world.clone(), sender);
        life.spawn(async move {
            let at = world.clock().now();
            if let Err(error) = world.store().worker_renewed(&node, incarnation, counter, at).await {
                untold(&error, || format!("renewal of {node} cannot be stored"));
            }
            Compared::with_the_store(&world, node, holding).await
        });
        Ok(())
    }
}

impl Receive<Received<Goodbye>> for Janitor {
    fn receive(&mut self, Received { sender, .. }: Received<Goodbye>, life: &mut Life<'_, Self>) -> Flow {
        self.heard(&sender, 0, true);
        self.sweep(&sender, false, life);
        Ok(())
    }
}

impl Receive<Swept> for Janitor {
    fn receive(&mut self, Swept { node, result }: Swept, _: &mut Life<'_, Self>) -> Flow {
        match result {
            Ok(Sweep::Done) => {
                self.workers.remove(&node);
                self.world.with_doors(|doors| drop(doors.dispatcher.tell(Gone(node))));
            }
            Ok(Sweep::Alive(row)) => {
                let now = self.now();
                if let Some(watched) = self.workers.get_mut(&node) {
                    (watched.sweeping, watched.shown, watched.home) = (false, WorkerState::Online, row.home);
                    (watched.pulse.counter, watched.pulse.since) = (row.renewal, now);
                }
            }
            Err(error) => {
                tracing::warn!(%node, "builds cannot be taken back: {error}");
                self.be_patient();
                if let Some(watched) = self.workers.get_mut(&node) {
                    watched.sweeping = false;
                    watched.shown = WorkerState::Silent;
                }
            }
        }
        Ok(())
    }
}

impl Receive<Tick> for Janitor {
    fn receive(&mut self, _: Tick, life: &mut Life<'_, Self>) -> Flow {
        life.later(TICK, Tick);
        let now = self.now();
        if now.saturating_sub(self.ticked) > STOOD_STILL {
            self.be_patient();
        }
        self.ticked = now;
        self.ticks += 1;
        if self.ticks.is_multiple_of(TICKS_PER_LOOK) {
            self.look(life);
        }
        self.share(now);
        let leases = self.world.settings().leases;
        let changed: Vec<(NodeId, WorkerState)> = self
            .workers
            .iter_mut()
            .filter(|(_, watched)| watched.mine && !watched.sweeping)
            .filter_map(|(node, watched)| {
                let state = watched.pulse.judge(&leases, now);
                (std::mem::replace(&mut watched.shown, state) != state).then(|| (node.clone(), state))
            })
            .collect();
        for (node, state) in changed {
            self.show(&node, state, life);
        }
        Ok(())
    }
}
