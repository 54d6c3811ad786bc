//! What every actor of the server may touch: the ports, the settings, and each other's doors.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use chrono_tz::Tz;
use pikoci_model::build::Build;
use pikoci_model::id::{BuildId, NodeId, PipelineId};
use pikoci_model::port::{Bus, Clock, Compiler, Signals, Store, Topic};

use super::board::Board;
use super::dispatcher::Dispatcher;
use super::gathering::Gathering;
use super::janitor::Janitor;
use super::peers::{Gathered, Peers};
use super::pipelines::Pipelines;
use super::results::Results;
use super::service_meter::ServiceMeter;
use super::trackers::Trackers;
use crate::decide::leadership::Members;
use crate::decide::lease::LeaseTimes;
use crate::post::Post;
use crate::supervise::Handle;

/// What the server is made of.
pub struct ServerDeps {
    /// The truth.
    pub store: Arc<dyn Store>,
    /// This server's end of the transport.
    pub bus: Arc<dyn Bus>,
    /// Compiles pipeline files.
    pub compiler: Arc<dyn Compiler>,
    /// Tells time.
    pub clock: Arc<dyn Clock>,
    /// Wakes pages and streams.
    pub signals: Arc<dyn Signals>,
    /// This process's server node.
    pub node: NodeId,
    /// The rest.
    pub settings: Settings,
}

/// What an administrator may choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Leases of workers.
    pub leases: LeaseTimes,
    /// Time zone of cron lines that name none.
    pub zone: Tz,
    /// Address under which people reach the server, without a slash at the end; empty if none is known.
    pub external_url: String,
    /// How long a worker may take for one check.
    pub check_limit: Duration,
    /// Builds that are not done when the server stops end as failed (R131): nothing of them could go on later.
    pub fail_builds_at_stop: bool,
    /// Version of the program, beside which workers' versions are held.
    pub version: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            leases: LeaseTimes::default(),
            zone: Tz::UTC,
            external_url: String::new(),
            check_limit: Duration::from_secs(5 * 60),
            fail_builds_at_stop: false,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// See the module. Cloning shares it.
#[derive(Clone)]
pub(crate) struct World(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    compiler: Arc<dyn Compiler>,
    clock: Arc<dyn Clock>,
    signals: Arc<dyn Signals>,
    post: Post,
    settings: Settings,
    board: Arc<Mutex<Board>>,
    services: ServiceMeter,
    members: Mutex<Members>,
    gathering: Gathering,
    adopted: AtomicU64,
    led: AtomicU64,
    stopping: AtomicBool,
    doors: OnceLock<Doors>,
}

/// The server's actors. Set before the first of them runs.
pub(crate) struct Doors {
    pub(crate) dispatcher: Handle<Dispatcher>,
    pub(crate) trackers: Handle<Trackers>,
    pub(crate) pipelines: Handle<Pipelines>,
    pub(crate) janitor: Handle<Janitor>,
    pub(crate) results: Handle<Results>,
    pub(crate) peers: Handle<Peers>,
}

impl World {
    pub(crate) fn new(deps: ServerDeps) -> Self {
        let ServerDeps { store, bus, compiler, clock, signals, node, settings } = deps;
        Self(Arc::new(Inner {
            store,
            compiler,
            clock,
            signals,
            members: Mutex::new(Members::alone(node.clone())),
            gathering: Gathering::default(),
            adopted: AtomicU64::new(0),
            led: AtomicU64::new(0),
            post: Post::new(bus, node),
            settings,
            board: Arc::default(),
            services: ServiceMeter::default(),
            stopping: AtomicBool::new(false),
            doors: OnceLock::new(),
        }))
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.0.store.as_ref()
    }

    pub(crate) fn compiler(&self) -> &dyn Compiler {
        self.0.compiler.as_ref()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.0.clock.as_ref()
    }

    pub(crate) fn signals(&self) -> &dyn Signals {
        self.0.signals.as_ref()
    }

    pub(crate) fn post(&self) -> &Post {
        &self.0.post
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn board(&self) -> MutexGuard<'_, Board> {
        self.0.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn services(&self) -> &ServiceMeter {
        &self.0.services
    }

    pub(crate) fn connect(&self, doors: Doors) {
        // Once, by who starts the server; a second time would be a defect and changes nothing.
        let _ = self.0.doors.set(doors);
    }

    /// Tells an actor through `tell`, if it can be reached. What is lost here is found again by a timer.
    pub(crate) fn with_doors(&self, tell: impl FnOnce(&Doors)) {
        if let Some(doors) = self.0.doors.get() {
            tell(doors);
        }
    }

    pub(crate) fn stopping(&self) -> bool {
        self.0.stopping.load(Ordering::Relaxed)
    }

    pub(crate) fn begin_stop(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
    }

    /// The servers that live.
    pub(crate) fn members(&self) -> MutexGuard<'_, Members> {
        self.0.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether another server lives.
    pub(crate) fn has_peers(&self) -> bool {
        self.members().others() > 0
    }

    /// Rings that other servers have not heard yet.
    pub(crate) fn gathering(&self) -> &Gathering {
        &self.0.gathering
    }

    /// A build whose claim another server had made, or this one in an earlier life, is tracked here now.
    pub(crate) fn count_adopted(&self) {
        self.0.adopted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn adopted(&self) -> u64 {
        self.0.adopted.load(Ordering::Relaxed)
    }

    /// How many pipelines this server looks after.
    pub(crate) fn led(&self) -> u64 {
        self.0.led.load(Ordering::Relaxed)
    }

    pub(crate) fn now_leads(&self, pipelines: usize) {
        self.0.led.store(pipelines as u64, Ordering::Relaxed);
    }

    /// Wakes who watches the topic, here at once and on other servers soon.
    pub(crate) fn ring(&self, topic: Topic) {
        self.signals().ring(topic);
        if self.has_peers() && self.0.gathering.add(topic) {
            // Lost to a full mailbox or a peers actor that is being rebuilt: its next tick sends what was gathered.
            self.with_doors(|doors| drop(doors.peers.tell(Gathered)));
        }
    }

    /// Something about a build changed that lists show.
    pub(crate) fn ring_build(&self, pipeline: PipelineId, build: BuildId) {
        self.ring(Topic::Build(build));
        self.ring_pipeline(pipeline);
    }

    /// Something about a pipeline changed.
    pub(crate) fn ring_pipeline(&self, pipeline: PipelineId) {
        self.ring(Topic::Pipeline(pipeline));
        self.ring(Topic::Everything);
    }

    /// Link to a build's page; empty without an external address.
    pub(crate) fn build_url(&self, team: &str, pipeline: &str, build: &Build) -> String {
        let base = &self.settings().external_url;
        if base.is_empty() {
            return String::new();
        }
        format!("{base}/teams/{team}/pipelines/{pipeline}/jobs/{}/builds/{}", build.job_name, build.number)
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("node", self.0.post.node()).finish_non_exhaustive()
    }
}
