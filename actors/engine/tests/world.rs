//! A worker on a host in memory, and a server of the test's own that plays home and tracker.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use pikoci_engine::inbox::Inbox;
use pikoci_engine::supervise::{Door, Exit, Obituary, Roster};
use pikoci_engine::worker::{Ports, Settings, Worker, WorkerSpec};
use pikoci_model::build::{BuildEvent, BuildStatus, StepRecord, StopReport};
use pikoci_model::contract::{Hub, MemoryBus, MemoryHost, MemoryJournal, Roles};
use pikoci_model::id::{BuildId, Incarnation, NodeId};
use pikoci_model::message::{
    Accept, Acknowledge, Announce, Cancel, CheckDone, CheckStored, Envelope, Events, GoBuild, GoCheck,
    Goodbye, Home, Message, Offer, OfferId, OfferedWork, Refused, Renew, Renewed, StopReports, StopsStored,
};
use pikoci_model::outcome::Failure;
use pikoci_model::plan::{BuildPlan, CheckPlan};
use pikoci_model::port::{Address, Arrival, Bus, Clock, Launcher, Monotonic};
use pikoci_model::worker::WorkerProfile;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Reached only when what is waited for never comes.
pub const DEADLINE: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub struct TestClock {
    began: Instant,
    /// The next look at the monotonic clock panics: a fault in whoever looks.
    pub breaks: Arc<AtomicBool>,
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn monotonic(&self) -> Monotonic {
        assert!(!self.breaks.swap(false, Ordering::Relaxed), "planned: the clock breaks");
        self.began.elapsed()
    }
}

pub struct World {
    pub host: MemoryHost,
    pub journal: Arc<MemoryJournal>,
    pub worker: Worker,
    pub roster: Roster,
    pub clock: TestClock,
    server: MemoryBus,
    arriving: BoxStream<'static, Arrival>,
    node: NodeId,
    worker_node: NodeId,
    gone: UnboundedReceiver<Obituary>,
    plans: HashMap<OfferId, BuildPlan>,
    checks: HashMap<OfferId, CheckPlan>,
    /// Every event, in order of number; repeated ones once.
    pub events: BTreeMap<BuildId, Vec<BuildEvent>>,
    pub results: Vec<CheckDone>,
    pub goodbyes: usize,
    /// Every report of a stop that arrived, repeated ones again.
    pub reports: Vec<StopReport>,
    /// Whether reports of stops are stored.
    pub storing: bool,
    pub acknowledging: bool,
    pub lease: Duration,
    pub renewing: bool,
    pub last_announce: Option<Announce>,
    pub announces: usize,
    pub renewals: usize,
    /// The worker is not taken in.
    pub refusing: bool,
    /// The worker has had a free slot.
    pub ready: bool,
}

impl World {
    pub fn new() -> Self {
        let host = MemoryHost::new();
        Self::with(host.clone(), Arc::new(host), Settings::default())
    }

    pub fn with(host: MemoryHost, launcher: Arc<dyn Launcher>, settings: Settings) -> Self {
        Self::with_journal(host, launcher, settings, MemoryJournal::ready())
    }

    pub fn with_journal(
        host: MemoryHost,
        launcher: Arc<dyn Launcher>,
        settings: Settings,
        journal: MemoryJournal,
    ) -> Self {
        let hub = Hub::default();
        let (node, worker_node) = (NodeId("home".into()), NodeId("w1".into()));
        let server = hub.join(node.clone(), Roles::SERVER);
        let bus: Arc<dyn Bus> = Arc::new(hub.join(worker_node.clone(), Roles::WORKER));
        let arriving = server.receive();
        let (gone_in, gone) = unbounded_channel();
        let roster = Roster::default();
        let clock = TestClock { began: Instant::now(), breaks: Arc::default() };
        let journal = Arc::new(journal);
        let ports = Ports { launcher, workplace: Arc::new(host.clone()), clock: Arc::new(clock.clone()) };
        let spec = WorkerSpec { profile: profile(&worker_node), ports, settings, journal: journal.clone() };
        let parent = Door::into_fn(move |obituary| drop(gone_in.send(obituary)));
        let worker = Worker::start(&roster, spec, &bus, parent);
        let inbox = worker.listen(Inbox::new());
        actix_rt::spawn(inbox.run(bus));
        World {
            host,
            journal,
            worker,
            roster,
            clock,
            server,
            arriving,
            node,
            worker_node,
            gone,
            plans: HashMap::new(),
            checks: HashMap::new(),
            events: BTreeMap::new(),
            results: vec![],
            goodbyes: 0,
            reports: vec![],
            storing: true,
            acknowledging: true,
            lease: Duration::from_secs(90),
            renewing: true,
            last_announce: None,
            announces: 0,
            renewals: 0,
            refusing: false,
            ready: false,
        }
    }

    pub async fn say<M: Message>(&self, message: &M) {
        let envelope = Envelope::encode(&self.node, message).unwrap();
        self.server.send(&Address::Node(self.worker_node.clone()), envelope).await.unwrap();
    }

    pub async fn offer(&mut self, plan: BuildPlan) -> OfferId {
        self.until(|world| world.ready).await;
        let offer = OfferId(uuid::Uuid::new_v4());
        let work = OfferedWork::Build(plan.build);
        self.plans.insert(offer, plan);
        self.say(&Offer { offer, work }).await;
        offer
    }

    pub async fn offer_check(&mut self, plan: CheckPlan) {
        self.until(|world| world.ready).await;
        let offer = OfferId(uuid::Uuid::new_v4());
        let work = OfferedWork::Check(plan.resource_id);
        self.checks.insert(offer, plan);
        self.say(&Offer { offer, work }).await;
    }

    /// Runs a plan from offer to its last event.
    pub async fn run(&mut self, plan: BuildPlan) -> Ran {
        let build = plan.build;
        self.offer(plan).await;
        self.until(|world| world.is_over(build)).await;
        self.ran(build)
    }

    pub fn ran(&self, build: BuildId) -> Ran {
        Ran { events: self.events.get(&build).cloned().unwrap_or_default() }
    }

    pub fn is_over(&self, build: BuildId) -> bool {
        let last = self.events.get(&build).and_then(|events| events.last());
        last.is_some_and(BuildEvent::is_last)
    }

    pub async fn cancel(&self, plan: &BuildPlan) {
        self.say(&Cancel { build: plan.build, fence: plan.fence, reason: "by alice".into() }).await;
    }

    /// Plays the server until `done`.
    pub async fn until(&mut self, done: impl Fn(&World) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !done(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            let next = tokio::time::timeout(left, self.arriving.next()).await;
            let Ok(Some(arrival)) = next else {
                panic!("nothing more came; events: {:#?}\nstory: {:#?}", self.events, self.host.story())
            };
            self.hear(Envelope::open(arrival.envelope).unwrap()).await;
        }
    }

    /// Plays the server until a line of the host's story.
    pub async fn until_story(&mut self, line: &str) {
        let host = self.host.clone();
        let happens = async { tokio::time::timeout(DEADLINE, host.happens(line)).await.expect(line) };
        let serve = async {
            loop {
                self.until(|_| false).await;
            }
        };
        tokio::select! {
            () = happens => {}
            () = serve => {}
        }
    }

    pub async fn worker_ends(&mut self) -> Exit {
        tokio::time::timeout(DEADLINE, self.gone.recv()).await.expect("the worker ends").unwrap().exit
    }

    async fn hear(&mut self, envelope: Envelope) {
        if let Some(Ok(announce)) = envelope.message::<Announce>() {
            self.ready |= announce.free_slots > 0;
            self.last_announce = Some(announce);
            self.announces += 1;
            if self.refusing {
                return self.say(&Refused { reason: "version 9 is too far away".into() }).await;
            }
            let (server, lease) = (self.node.clone(), self.lease);
            self.say(&Home { server, lease, renew_every: Duration::from_millis(50) }).await;
        } else if let Some(Ok(Renew { counter, free_slots, .. })) = envelope.message() {
            self.ready |= free_slots > 0;
            self.renewals += 1;
            if self.renewing {
                self.say(&Renewed { counter, known: true }).await;
            }
        } else if let Some(Ok(Accept { offer, incarnation, .. })) = envelope.message() {
            if let Some(plan) = self.plans.get(&offer).cloned() {
                let tracker = self.node.clone();
                self.say(&GoBuild { offer, incarnation, tracker, plan }).await;
            } else if let Some(plan) = self.checks.get(&offer).cloned() {
                self.say(&GoCheck { offer, incarnation, plan }).await;
            }
        } else if let Some(Ok(events)) = envelope.message::<Events>() {
            self.track(events).await;
        } else if let Some(Ok(done)) = envelope.message::<CheckDone>() {
            self.say(&CheckStored { resource: done.resource, lease: done.lease }).await;
            self.results.push(done);
        } else if let Some(Ok(reports)) = envelope.message::<StopReports>() {
            let stored = reports.reports.iter().map(|report| (report.instance, report.at)).collect();
            self.reports.extend(reports.reports);
            if self.storing {
                self.say(&StopsStored { stored }).await;
            }
        } else if envelope.message::<Goodbye>().is_some() {
            self.goodbyes += 1;
        }
    }

    async fn track(&mut self, message: Events) {
        let Events { build, fence, events, .. } = message;
        let seen = self.events.entry(build).or_default();
        for numbered in events {
            if numbered.number == seen.len() as u64 + 1 {
                seen.push(numbered.event);
            }
        }
        let through = seen.len() as u64;
        if self.acknowledging {
            self.say(&Acknowledge { build, fence, through, cancel: None }).await;
        }
    }
}

fn profile(node: &NodeId) -> WorkerProfile {
    WorkerProfile {
        name: "worker".into(),
        node: node.clone(),
        incarnation: Incarnation(1),
        hostname: "h".into(),
        os: "linux".into(),
        arch: "x".into(),
        version: "0".into(),
        slots: 2,
        check_slots: 1,
        tags: vec![],
        exclusive_tags: false,
        takes_builds: true,
        takes_checks: true,
        team: None,
        started_at: DateTime::from_timestamp(0, 0).unwrap(),
        warnings: Vec::new(),
    }
}

/// What a build told.
pub struct Ran {
    pub events: Vec<BuildEvent>,
}

impl Ran {
    /// The last status that was said, with the failure's words.
    pub fn conclusion(&self) -> (BuildStatus, Option<Failure>) {
        let concluded = self.events.iter().rev().find_map(|event| match event {
            BuildEvent::Concluded { status, failure, .. } => Some((*status, failure.clone())),
            _ => None,
        });
        concluded.expect("a conclusion")
    }

    pub fn status(&self) -> BuildStatus {
        self.conclusion().0
    }

    pub fn failure(&self) -> String {
        self.conclusion().1.map(|failure| failure.to_string()).unwrap_or_default()
    }

    /// `path status` of each step as it ended, in order of their begin.
    pub fn steps(&self) -> Vec<String> {
        let mut paths: Vec<String> = Vec::new();
        for event in &self.events {
            if let BuildEvent::Step(record) = event
                && !paths.contains(&record.path.0)
            {
                paths.push(record.path.0.clone());
            }
        }
        paths.iter().map(|path| format!("{path} {}", self.step(path).status)).collect()
    }

    /// The last record of a step.
    pub fn step(&self, path: &str) -> &StepRecord {
        let records = self.events.iter().rev().filter_map(|event| match event {
            BuildEvent::Step(record) => Some(record),
            _ => None,
        });
        records.into_iter().find(|record| record.path.0 == path).expect(path)
    }

    /// The whole log of a step.
    pub fn log(&self, path: &str) -> String {
        let mut text = Vec::new();
        for event in &self.events {
            if let BuildEvent::Log(chunk) = event
                && chunk.step.0 == path
            {
                assert_eq!(chunk.offset, text.len() as u64, "offsets are without gaps");
                text.extend_from_slice(&chunk.bytes);
            }
        }
        String::from_utf8(text).unwrap()
    }

    /// `name state` of each change of a service.
    pub fn services(&self) -> Vec<String> {
        let changes = self.events.iter().filter_map(|event| match event {
            BuildEvent::Service(record) => Some(format!("{} {}", record.name, record.state.word())),
            _ => None,
        });
        let mut changes: Vec<String> = changes.collect();
        changes.dedup();
        changes
    }

    pub fn exports(&self) -> BTreeMap<String, String> {
        let exported = self.events.iter().filter_map(|event| match event {
            BuildEvent::Exported { variables } => Some(variables.clone()),
            _ => None,
        });
        exported.flatten().collect()
    }
}
