//! Starting the server's actors, and ending them in order.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pikoci_model::message::{
    Accept, Announce, CheckDone, CheckWanted, Decline, Doorbell, Events, Goodbye, Message, Nudge, Rang,
    Renew, ServerBeat, StopReports,
};
use pikoci_model::port::{Bus, Control, Waits};
use pikoci_model::scheduling::Write;
use tokio::sync::watch;

use super::control::Desk;
use super::dispatcher::Dispatcher;
use super::janitor::Janitor;
use super::meter::ServerMeter;
use super::peers::{Leave, Peers};
use super::pipelines::Pipelines;
use super::reception::{takes_in, within_bounds};
use super::record::worker_stopped;
use super::results::Results;
use super::trackers::Trackers;
use super::world::{Doors, ServerDeps, World};
use crate::inbox::{Inbox, InboxMeter, Received};
use crate::supervise::{Actor, Child, Door, Handle, Obituary, Receive, Roster, Spec, supervise};

/// How long actors may take to end when the server stops.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// The bus is listened to again this long after a panic while decoding.
const LISTEN_AGAIN: Duration = Duration::from_millis(100);

/// The server half of the engine.
#[derive(Debug, Clone, Copy)]
pub struct Server;

/// A running server. Dropping it stops its actors.
pub struct ServerHandle {
    world: World,
    roster: Roster,
    meter: watch::Receiver<InboxMeter>,
    fate: watch::Receiver<Vec<String>>,
    inbox: Listening,
    janitor: Child<Janitor>,
    pipelines: Child<Pipelines>,
    dispatcher: Child<Dispatcher>,
    trackers: Child<Trackers>,
    results: Child<Results>,
    peers: Child<Peers>,
}

/// The inbox; it is deaf when dropped.
struct Listening(actix_rt::task::JoinHandle<()>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Server {
    /// Starts every actor of the server on this thread; must run inside an actix arbiter. Work that the store holds is
    /// taken up at once: queued builds are dispatched, due checks run, started builds are adopted when their workers
    /// speak, with a whole lease of patience.
    #[must_use]
    pub fn start(deps: ServerDeps) -> ServerHandle {
        let bus = Arc::clone(&deps.bus);
        let world = World::new(deps);
        let roster = Roster::default();
        let (lost, fate) = watch::channel(Vec::new());
        let lost = Arc::new(lost);
        let parent = || -> Door<Obituary> {
            let lost = Arc::clone(&lost);
            Door::into_fn(move |obituary: Obituary| {
                lost.send_modify(|fallen| fallen.push(format!("{}: {}", obituary.name, obituary.exit)));
            })
        };
        let trackers = keep(&roster, "trackers", parent(), &world, Trackers::new);
        let dispatcher = keep(&roster, "dispatcher", parent(), &world, Dispatcher::new);
        let pipelines = keep(&roster, "pipelines", parent(), &world, Pipelines::new);
        let janitor = keep(&roster, "janitor", parent(), &world, Janitor::new);
        let results = keep(&roster, "results", parent(), &world, Results::new);
        let peers = keep(&roster, "peers", parent(), &world, Peers::new);
        world.connect(Doors {
            dispatcher: dispatcher.handle(),
            trackers: trackers.handle(),
            pipelines: pipelines.handle(),
            janitor: janitor.handle(),
            results: results.handle(),
            peers: peers.handle(),
        });
        let (listening, meter) = watch::channel(routes(&world).meter());
        let inbox = Listening(actix_rt::spawn(listen(world.clone(), bus, listening)));
        ServerHandle {
            world,
            roster,
            meter,
            fate,
            inbox,
            janitor,
            pipelines,
            dispatcher,
            trackers,
            results,
            peers,
        }
    }
}

fn keep<A: Actor>(
    roster: &Roster,
    name: &'static str,
    parent: Door<Obituary>,
    world: &World,
    make: fn(World) -> A,
) -> Child<A> {
    let world = world.clone();
    supervise(roster, Spec::new(name), parent, move || make(world.clone()))
}

/// Which message goes to whom.
fn routes(world: &World) -> Inbox {
    Inbox::new()
        .route::<Announce>(announced(world))
        .route::<Renew>(both(world, |doors| (&doors.dispatcher, &doors.janitor)))
        .route::<Goodbye>(both(world, |doors| (&doors.dispatcher, &doors.janitor)))
        .route::<Accept>(one(world, |doors| &doors.dispatcher))
        .route::<Decline>(one(world, |doors| &doors.dispatcher))
        .route::<Doorbell>(one(world, |doors| &doors.dispatcher))
        .route::<Events>(one(world, |doors| &doors.trackers))
        .route::<StopReports>(one(world, |doors| &doors.janitor))
        .route::<CheckDone>(one(world, |doors| &doors.results))
        .route::<CheckWanted>(one(world, |doors| &doors.dispatcher))
        .route::<Nudge>(one(world, |doors| &doors.pipelines))
        .route::<ServerBeat>(one(world, |doors| &doors.peers))
        .route::<Rang>(one(world, |doors| &doors.peers))
}

/// Workers come in one by one, and not every one.
fn announced(world: &World) -> Door<Received<Announce>> {
    let (world, inside) = (world.clone(), both(world, |doors| (&doors.dispatcher, &doors.janitor)));
    Door::into_fn(move |received| {
        if takes_in(&world, &received) {
            // As with all messages of workers: what does not fit is said again.
            let _ = inside.tell(within_bounds(received));
        }
    })
}

fn one<A: Receive<Received<M>>, M: Message>(
    world: &World,
    choose: fn(&Doors) -> &Handle<A>,
) -> Door<Received<M>> {
    let mut door = Door::into_fn(|_| {});
    world.with_doors(|doors| door = choose(doors).door());
    door
}

/// A message for two: the dispatcher answers, the janitor takes note.
fn both<M: Message + Clone + Sync>(
    world: &World,
    choose: fn(&Doors) -> (&Handle<Dispatcher>, &Handle<Janitor>),
) -> Door<Received<M>>
where
    Dispatcher: Receive<Received<M>>,
    Janitor: Receive<Received<M>>,
{
    let world = world.clone();
    Door::into_fn(move |received: Received<M>| {
        world.with_doors(|doors| {
            let (dispatcher, janitor) = choose(doors);
            // Workers repeat themselves; a full mailbox costs one interval.
            let _ = janitor.tell(received.clone());
            let _ = dispatcher.tell(received);
        });
    })
}

/// Delivers until the bus is closed, also after a message that could not even be decoded without a panic.
async fn listen(world: World, bus: Arc<dyn Bus>, meters: watch::Sender<InboxMeter>) {
    loop {
        let inbox = routes(&world);
        meters.send_replace(inbox.meter());
        match inbox.run(Arc::clone(&bus)).await {
            Ok(()) => return,
            Err(panic) => {
                tracing::error!("the inbox panicked and listens again: {panic}");
                tokio::time::sleep(LISTEN_AGAIN).await;
            }
        }
    }
}

impl ServerHandle {
    /// What people may ask of the engine.
    #[must_use]
    pub fn control(&self) -> Arc<dyn Control> {
        Arc::new(Desk::new(self.world.clone()))
    }

    /// Why queued builds wait.
    #[must_use]
    pub fn waits(&self) -> Arc<dyn Waits> {
        Arc::new(self.world.clone())
    }

    /// Who is alive, in which state.
    #[must_use]
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Waits until an actor without which the server is none has used up its restarts; says which and why.
    pub async fn fallen(&self) -> String {
        let mut fate = self.fate.clone();
        match fate.wait_for(|fallen| !fallen.is_empty()).await {
            Ok(fallen) => fallen.join("; "),
            Err(_) => "the server was stopped".to_owned(),
        }
    }

    /// Reads the numbers, also while the server runs elsewhere.
    #[must_use]
    pub fn meter(&self) -> ServerMeter {
        let (world, roster, meter) = (self.world.clone(), self.roster.clone(), self.meter.clone());
        ServerMeter::new(world, roster, meter)
    }

    /// Takes no new work: nothing more is offered, and whoever asks for a change is refused. What runs goes on, its
    /// events are stored. The first step of every stop; the workers of this process end after it.
    pub fn drain(&self) {
        self.world.begin_stop();
        // Other servers take over at once what this one led, and its workers go to them.
        let _ = self.peers.tell(Leave);
    }

    /// Ends the server in order. Call [`Self::drain`] and end this process's worker before: what workers have reported
    /// is stored. Where builds cannot go on later, those that are left end as failed.
    pub async fn stop(self) {
        self.drain();
        let Self { world, roster, inbox, janitor, pipelines, dispatcher, trackers, results, peers, .. } =
            self;
        drop(inbox);
        peers.stop();
        results.stop();
        janitor.stop();
        pipelines.stop();
        dispatcher.stop();
        trackers.stop();
        if tokio::time::timeout(STOP_PATIENCE, roster.emptied()).await.is_err() {
            tracing::warn!(living = ?roster.living(), "actors did not end in time");
        }
        if world.settings().fail_builds_at_stop
            && let Err(error) = fail_what_is_left(&world).await
        {
            tracing::warn!("builds that cannot go on could not be ended: {error}");
        }
    }
}

/// Ends every build that is not done, where none can go on later.
async fn fail_what_is_left(world: &World) -> Result<(), pikoci_model::port::StoreError> {
    let (store, at, failure) = (world.store(), world.clock().now(), worker_stopped());
    for build in store.claimed_builds().await? {
        if let Some(claim) = &build.claim {
            store.fail_claimed(build.id, claim.fence, &failure, at).await?;
            world.ring_build(build.pipeline, build.id);
        }
    }
    for build in store.pending_builds(pikoci_model::id::BuildId(0), u32::MAX).await? {
        let write = Write::Fail { build: build.id, failure: failure.clone() };
        store.apply(build.pipeline, None, vec![write], at).await?;
        world.ring_build(build.pipeline, build.id);
    }
    Ok(())
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle").field("world", &self.world).finish_non_exhaustive()
    }
}
