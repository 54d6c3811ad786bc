//! What every actor of the server may touch: the ports, the settings, and each other's doors.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use chrono_tz::Tz;
use pikoci_model::build::Build;
use pikoci_model::id::{BuildId, NodeId, PipelineId};
use pikoci_model::port::{Bus, Clock, Compiler, Signals, Store, Topic};

use super::board::Board;
use super::dispatcher::Dispatcher;
use super::janitor::Janitor;
use super::pipelines::Pipelines;
use super::service_meter::ServiceMeter;
use super::trackers::Trackers;
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
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            leases: LeaseTimes::default(),
            zone: Tz::UTC,
            external_url: String::new(),
            check_limit: Duration::from_secs(5 * 60),
            fail_builds_at_stop: false,
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
    stopping: AtomicBool,
    doors: OnceLock<Doors>,
}

/// The server's actors. Set before the first of them runs.
pub(crate) struct Doors {
    pub(crate) dispatcher: Handle<Dispatcher>,
    pub(crate) trackers: Handle<Trackers>,
    pub(crate) pipelines: Handle<Pipelines>,
    pub(crate) janitor: Handle<Janitor>,
}

impl World {
    pub(crate) fn new(deps: ServerDeps) -> Self {
        let ServerDeps { store, bus, compiler, clock, signals, node, settings } = deps;
        Self(Arc::new(Inner {
            store,
            compiler,
            clock,
            signals,
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

    pub(crate) fn board(&self) -> std::sync::MutexGuard<'_, Board> {
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

    /// Something about a build changed that lists show.
    pub(crate) fn ring_build(&self, pipeline: PipelineId, build: BuildId) {
        self.signals().ring(Topic::Build(build));
        self.ring_pipeline(pipeline);
    }

    /// Something about a pipeline changed.
    pub(crate) fn ring_pipeline(&self, pipeline: PipelineId) {
        self.signals().ring(Topic::Pipeline(pipeline));
        self.signals().ring(Topic::Everything);
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
