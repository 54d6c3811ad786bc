//! A whole installation in one process: server, workers on a host in memory, store and bus in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use pikoci_engine::inbox::Inbox;
use pikoci_engine::server::{Bells, ServerHandle, Settings};
use pikoci_engine::supervise::{Door, Obituary, Roster};
use pikoci_engine::worker::{self, Ports, Worker, WorkerSpec};
use pikoci_model::build::{Build, BuildStatus, Phase};
use pikoci_model::contract::{Hub, MemoryHost, MemoryJournal, MemoryStore, Roles};
use pikoci_model::diagnostic::{Diagnostic, Severity};
use pikoci_model::id::{BuildId, Incarnation, JobId, NodeId, PipelineId, ResourceId};
use pikoci_model::pipeline::Pipeline;
use pikoci_model::port::store::{
    AccountStore as _, BuildStore as _, Page, PipelineStore as _, ResourceRow, ResourceStore as _,
};
use pikoci_model::port::{
    Bus, Clock, Compilation, CompileRequest, Compiler, Control, Monotonic, SavePipeline, Saved, Signals,
    Topic, Trigger,
};
use pikoci_model::worker::WorkerProfile;

use crate::neighbours::{Ground, Heard, Neighbour};
use crate::pipelines::version;
use crate::wire::{Weather, Wire};
use crate::world::DEADLINE;

/// Reads a pipeline from its JSON; anything else is wrong in line 1.
pub struct JsonCompiler;

#[async_trait]
impl Compiler for JsonCompiler {
    async fn compile(&self, request: CompileRequest) -> Compilation {
        let parsed = serde_json::from_slice(&request.source);
        let diagnostics = parsed.as_ref().err().map(|error| Diagnostic {
            code: "L002".into(),
            severity: Severity::Error,
            message: error.to_string(),
            file: request.file,
            line: 1,
            column: 1,
            end_line: 1,
            end_column: 2,
            suggestion: String::new(),
            hint: String::new(),
            source_line: String::new(),
        });
        Compilation {
            pipeline: parsed.ok(),
            diagnostics: diagnostics.into_iter().collect(),
            given_secrets: BTreeMap::new(),
        }
    }

    fn format(&self, _: &str, source: &[u8]) -> Result<String, Vec<Diagnostic>> {
        Ok(String::from_utf8_lossy(source).into_owned())
    }

    fn render(&self, diagnostic: &Diagnostic) -> String {
        diagnostic.message.clone()
    }
}

pub struct TownClock {
    began: Instant,
    faults: Faults,
    looks: AtomicU64,
}

/// Whoever looks at the clock each time after so many looks panics, up to so many times.
#[derive(Clone, Copy, Default)]
pub struct Faults {
    pub every: u64,
    pub times: u64,
}

impl TownClock {
    fn new(began: Instant, faults: Faults) -> Arc<Self> {
        Arc::new(Self { began, faults, looks: AtomicU64::new(0) })
    }

    fn look(&self) -> Duration {
        let Faults { every, times } = self.faults;
        let look = self.looks.fetch_add(1, Ordering::Relaxed) + 1;
        assert!(
            every == 0 || !look.is_multiple_of(every) || look / every > times,
            "planned: the clock breaks"
        );
        self.began.elapsed()
    }
}

impl Clock for TownClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::from_std(self.look()).unwrap()
    }

    fn monotonic(&self) -> Monotonic {
        self.look()
    }
}

/// Signals with a mine on each build.
pub struct Mines {
    pub bells: Bells,
    rings: Mutex<BTreeMap<BuildId, u32>>,
    mined: bool,
}

impl Signals for Mines {
    fn ring(&self, topic: Topic) {
        self.bells.ring(topic);
        if let (true, Topic::Build(build)) = (self.mined, topic) {
            let mut rings = self.rings.lock().unwrap();
            let count = rings.entry(build).or_default();
            *count += 1;
            let explodes = *count == 2;
            drop(rings);
            assert!(!explodes, "a mine");
        }
    }

    fn subscribe(&self, topic: Topic) -> futures::stream::BoxStream<'static, ()> {
        self.bells.subscribe(topic)
    }
}

pub struct Town {
    pub hub: Hub,
    pub store: MemoryStore,
    pub host: MemoryHost,
    pub bells: Arc<Mines>,
    pub server: Option<ServerHandle>,
    pub control: Arc<dyn Control>,
    pub settings: Settings,
    pub weather: Weather,
    clock: Arc<TownClock>,
    servers: AtomicU64,
    wires: Mutex<BTreeMap<String, Arc<AtomicBool>>>,
}

impl Town {
    pub fn new() -> Self {
        Self::with(Settings::default())
    }

    pub fn with(settings: Settings) -> Self {
        Self::in_weather(settings, Weather::default())
    }

    pub fn in_weather(settings: Settings, weather: Weather) -> Self {
        Self::mined(settings, weather, false)
    }

    /// A town whose server has a clock that breaks now and then.
    pub fn shaky(faults: Faults) -> Self {
        Self::found(Settings::default(), Weather::default(), false, faults)
    }

    /// With `mined`, whoever rings for a build the second time panics, once a build: its tracker.
    pub fn mined(settings: Settings, weather: Weather, mined: bool) -> Self {
        Self::found(settings, weather, mined, Faults::default())
    }

    fn found(settings: Settings, weather: Weather, mined: bool, faults: Faults) -> Self {
        let hub = Hub::default();
        let store = MemoryStore::default();
        let bells = Arc::new(Mines { bells: Bells::new(), rings: Mutex::default(), mined });
        let began = Instant::now();
        let clock = TownClock::new(began, Faults::default());
        let servers = TownClock::new(began, faults);
        let ground = Ground { hub: hub.clone(), weather, store: store.clone(), settings: settings.clone() };
        let (server, switch) = ground.serve(bells.clone(), &servers, "home-1");
        let control = server.control();
        let wires = Mutex::new(BTreeMap::from([("home-1".to_owned(), switch)]));
        Town {
            hub,
            store,
            host: MemoryHost::new(),
            bells,
            server: Some(server),
            control,
            settings,
            weather,
            clock,
            servers: AtomicU64::new(1),
            wires,
        }
    }

    /// Another server in place of the one that is gone.
    pub fn restart(&mut self) {
        self.server = None;
        let (ground, name) = (self.ground(), self.next_name());
        let (server, _) = ground.serve(self.bells.clone(), &self.clock, &name);
        self.control = server.control();
        self.server = Some(server);
    }

    fn ground(&self) -> Ground {
        let (hub, weather) = (self.hub.clone(), self.weather);
        Ground { hub, weather, store: self.store.clone(), settings: self.settings.clone() }
    }

    fn next_name(&self) -> String {
        format!("home-{}", self.servers.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// One more server, on the same store and transport; pages and streams on it have bells of their own.
    pub fn neighbour(&self) -> Neighbour {
        let (bells, name) = (Arc::new(Bells::new()), self.next_name());
        let signals = Heard { own: bells.clone(), town: self.bells.clone() };
        let (server, _) = self.ground().serve(Arc::new(signals), &self.clock, &name);
        Neighbour { control: server.control(), server, bells }
    }

    /// Nothing of the first server is heard any more, and it hears nothing.
    pub fn kill(&mut self) {
        self.cut("home-1");
        self.server = None;
    }

    pub fn server(&self) -> &ServerHandle {
        self.server.as_ref().unwrap()
    }

    pub fn worker(&self, name: &str, slots: u32) -> Worker {
        self.worker_with(name, slots, &[])
    }

    pub fn worker_with(&self, name: &str, slots: u32, tags: &[&str]) -> Worker {
        self.worker_after(name, slots, tags, Arc::new(MemoryJournal::ready()))
    }

    /// A worker whose host remembers earlier lives.
    pub fn worker_after(&self, name: &str, slots: u32, tags: &[&str], journal: Arc<MemoryJournal>) -> Worker {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        self.worker_as(name, journal, |profile| (profile.slots, profile.tags) = (slots, tags))
    }

    /// A worker that says of itself what `edit` makes of the usual.
    pub fn worker_as(
        &self,
        name: &str,
        journal: Arc<MemoryJournal>,
        edit: impl FnOnce(&mut WorkerProfile),
    ) -> Worker {
        let node = NodeId(format!("node-{name}"));
        let wire = Wire::new(Arc::new(self.hub.join(node.clone(), Roles::WORKER)), self.weather, 7);
        self.wires.lock().unwrap().insert(name.to_owned(), wire.switch());
        let bus: Arc<dyn Bus> = Arc::new(wire);
        let clock: Arc<dyn Clock> = self.clock.clone();
        let ports =
            Ports { launcher: Arc::new(self.host.clone()), workplace: Arc::new(self.host.clone()), clock };
        let mut profile = WorkerProfile {
            name: name.into(),
            node,
            incarnation: Incarnation(1),
            hostname: "h".into(),
            os: "linux".into(),
            arch: "x".into(),
            version: "0".into(),
            slots: 1,
            check_slots: 2,
            tags: vec![],
            exclusive_tags: false,
            takes_builds: true,
            takes_checks: true,
            team: None,
            started_at: self.clock.now(),
            warnings: Vec::new(),
        };
        edit(&mut profile);
        let spec = WorkerSpec { profile, ports, settings: worker::Settings::default(), journal };
        let parent = Door::into_fn(|_: Obituary| {});
        let worker = Worker::start(&Roster::default(), spec, &bus, parent);
        let inbox = worker.listen(Inbox::new());
        actix_rt::spawn(inbox.run(bus));
        worker
    }

    /// Nothing of that worker is heard any more.
    pub fn cut(&self, worker: &str) {
        self.wires.lock().unwrap()[worker].store(true, Ordering::Relaxed);
    }

    pub async fn save(&self, name: &str, pipeline: &Pipeline) -> Saved {
        let team = self.store.ensure_team("main", "main").await.unwrap().id;
        let source = serde_json::to_vec(pipeline).unwrap();
        let name = name.to_owned();
        let by = "alice".to_owned();
        let request = SavePipeline { team, name, source, vars: None, public: None, must_exist: None, by };
        self.control.save_pipeline(request).await.unwrap()
    }

    pub async fn job(&self, pipeline: PipelineId, name: &str) -> JobId {
        self.store.job(pipeline, name).await.unwrap().unwrap().id
    }

    pub async fn resource(&self, pipeline: PipelineId, canonical: &str) -> ResourceRow {
        self.store.resource(pipeline, canonical).await.unwrap().unwrap()
    }

    pub async fn trigger(&self, pipeline: PipelineId, job: &str) -> BuildId {
        let job = self.job(pipeline, job).await;
        let request = Trigger { pipeline, job, inputs: BTreeMap::new(), by: "alice".into() };
        self.control.trigger(request).await.unwrap().id
    }

    pub async fn add(&self, resource: ResourceId, reference: &str) {
        self.control.add_version(resource, version(reference)).await.unwrap();
    }

    pub async fn build(&self, id: BuildId) -> Build {
        self.store.build(id).await.unwrap().unwrap()
    }

    /// All builds of a job, oldest first.
    pub async fn builds(&self, pipeline: PipelineId, job: &str) -> Vec<Build> {
        let job = self.job(pipeline, job).await;
        let page = Page { limit: 1000, before: None, after: None };
        let mut builds = self.store.builds(job, page, &[]).await.unwrap();
        builds.reverse();
        builds
    }

    /// `number status` of a job's builds, oldest first.
    pub async fn story(&self, pipeline: PipelineId, job: &str) -> Vec<String> {
        let builds = self.builds(pipeline, job).await;
        builds.iter().map(|build| format!("{} {}", build.number, build.status)).collect()
    }

    /// Waits until it holds; looks again whenever something rings.
    pub async fn until<F: Future<Output = bool>>(&self, what: &str, mut holds: impl FnMut() -> F) {
        let mut rings = self.bells.subscribe(Topic::Everything);
        let deadline = Instant::now() + DEADLINE;
        while !holds().await {
            assert!(Instant::now() < deadline, "never came: {what}");
            // Not everything rings on every topic; a second later it is looked at anyway.
            let _ = tokio::time::timeout(Duration::from_secs(1), rings.next()).await;
        }
    }

    pub async fn until_done(&self, build: BuildId) -> Build {
        self.until("the end of a build", async || self.build(build).await.phase == Phase::Done).await;
        self.build(build).await
    }

    pub async fn until_status(&self, build: BuildId, status: BuildStatus) {
        self.until("a status", async || self.build(build).await.status == status).await;
    }

    pub async fn until_story(&self, pipeline: PipelineId, job: &str, expected: &[&str]) {
        let deadline = Instant::now() + DEADLINE;
        let mut rings = self.bells.subscribe(Topic::Everything);
        loop {
            let story = self.story(pipeline, job).await;
            if story == expected {
                return;
            }
            assert!(Instant::now() < deadline, "{job}: {story:?}, expected {expected:?}");
            let _ = tokio::time::timeout(Duration::from_secs(1), rings.next()).await;
        }
    }

    /// A step's whole log.
    pub async fn log(&self, build: BuildId, step: &str) -> String {
        use pikoci_model::port::store::LogStore as _;
        let run = self.build(build).await.run;
        let step = pikoci_model::id::StepPath(step.into());
        let log = self.store.step_log(build, run, &step, 0, usize::MAX).await.unwrap();
        String::from_utf8(log.bytes).unwrap()
    }
}
