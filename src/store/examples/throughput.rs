//! How fast the store is: builds from insert to end, and megabytes of log.
//!
//! `cargo run --release -p pikoci-store --example throughput [mem, path of a file, or postgresql://…]`

use std::{
    collections::BTreeMap,
    error::Error,
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use pikoci_model::{
    build::{BuildEvent, BuildStatus, Cause, StepRecord},
    id::{BuildId, Fence, Incarnation, JobId, NodeId, PipelineId, RevisionId, StepPath},
    log::{Chunk, Stream},
    pipeline::{Job, OnWorkerLoss, Pipeline},
    port::store::{
        AccountStore as _, BuildStore as _, BuildUpdate, ClaimAnswer, ClaimRequest, LogStore as _,
        PipelineStore as _, SaveRevision, SavedRevision, SchedulingStore as _,
    },
    scheduling::{NewBuild, Write},
    step::Hooks,
};
use pikoci_seal::HostKey;
use pikoci_store::{Database, OpenOptions, SqlStore};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Builds that run in one measurement.
const BUILDS: u64 = 4000;
/// Log bytes of one measurement.
const LOG: usize = 1 << 30;
/// One chunk, as a producer that writes big blocks makes it.
const CHUNK: usize = 64 * 1024;
/// Chunks in one append: the window of a tracker.
const WINDOW: usize = 8;

#[derive(Clone, Copy)]
struct Target {
    pipeline: PipelineId,
    revision: RevisionId,
    job: JobId,
}

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let database: Database = std::env::args().nth(1).as_deref().unwrap_or("mem").parse()?;
        let store = Arc::new(SqlStore::open(OpenOptions { database, host_key: HostKey::random()? }).await?);
        let target = prepare(&store).await?;
        let mut out = std::io::stdout();
        for workers in [1, 2, 8] {
            let cost = measure(builds(&store, target, workers)).await?;
            let (rate, cpu) = (BUILDS as f64 / cost.wall, cost.cpu * 1e3 / BUILDS as f64);
            writeln!(out, "{workers} at once: {rate:.0} builds/s, {cpu:.2} ms CPU each (goal 500/s)")?;
        }
        for builds in [1, 2] {
            let cost = measure(logs(&store, builds)).await?;
            let megabytes = (LOG / 1_000_000) as f64;
            let (rate, cpu) = (megabytes / cost.wall, cost.cpu * 1e3 / megabytes);
            writeln!(out, "{builds} logging: {rate:.0} MB/s, {cpu:.2} ms CPU per MB (goal 350 MB/s)")?;
        }
        store.close().await;
        Ok(())
    })
}

struct Cost {
    wall: f64,
    cpu: f64,
}

async fn measure(work: impl Future<Output = Outcome<()>>) -> Outcome<Cost> {
    let (begin, before) = (Instant::now(), cpu()?);
    work.await?;
    Ok(Cost { wall: begin.elapsed().as_secs_f64(), cpu: (cpu()? - before).as_secs_f64() })
}

/// Processor time of this process so far.
fn cpu() -> Outcome<Duration> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    let mut total: u64 = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let stat = std::fs::read_to_string(task?.path().join("schedstat")).unwrap_or_else(|_| text.clone());
        total += stat.split(' ').next().and_then(|first| first.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(Duration::from_nanos(total))
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

async fn prepare(store: &SqlStore) -> Outcome<Target> {
    let job = Job {
        name: "true".into(),
        description: String::new(),
        public: false,
        tags: Vec::new(),
        concurrency: 0,
        serial_groups: Vec::new(),
        timeout: None,
        disable_retry: false,
        allow_failure: false,
        interruptible: false,
        on_worker_loss: OnWorkerLoss::Retry,
        steps: Vec::new(),
        hooks: Hooks::default(),
    };
    let save = SaveRevision {
        team: store.ensure_team("main", "Main").await?.id,
        name: "bench".into(),
        canonical: "bench".into(),
        source: Vec::new(),
        content_hash: "1".into(),
        compiled: Pipeline { jobs: vec![job], ..Pipeline::default() },
        vars: BTreeMap::new(),
        given_secrets: BTreeMap::new(),
        public: None,
        must_exist: None,
        at: now(),
        by: "bench".into(),
    };
    let SavedRevision::Saved { pipeline, revision, .. } = store.save_revision(save).await? else {
        return Err("the pipeline was refused".into());
    };
    let job = store.job(pipeline, "true").await?.ok_or("the job is missing")?.id;
    Ok(Target { pipeline, revision, job })
}

async fn builds(store: &Arc<SqlStore>, target: Target, workers: usize) -> Outcome<()> {
    let left = Arc::new(AtomicU64::new(BUILDS));
    let tasks: Vec<_> = (0..workers)
        .map(|_| {
            let (store, left) = (store.clone(), left.clone());
            tokio::spawn(async move {
                while left
                    .fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1))
                    .is_ok()
                {
                    build(&store, target).await?;
                }
                Outcome::Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

/// One build of one step: insert, claim, events twice.
async fn build(store: &SqlStore, target: Target) -> Outcome<()> {
    let new = NewBuild {
        job: target.job,
        revision: target.revision,
        cause: Cause::Manual { nonce: uuid::Uuid::new_v4(), by: "bench".into() },
        versions: BTreeMap::new(),
        inputs: BTreeMap::new(),
        created_at: now(),
    };
    let applied = store.apply(target.pipeline, None, vec![Write::InsertBuild(new)], now()).await?;
    let build = applied.ok_or("the pipeline is gone")?.builds[0].id;
    let request = ClaimRequest {
        build,
        node: NodeId("n".into()),
        incarnation: Incarnation(1),
        worker: "bench".into(),
        random: 7,
    };
    let ClaimAnswer::Claimed(claimed) = store.claim(&request).await? else {
        return Err("the build was not to be had".into());
    };
    let fence = claimed.build.claim.ok_or("no claim")?.fence;
    let begin = vec![BuildEvent::Started { at: now() }, step(BuildStatus::Started)];
    store.record_events(BuildUpdate { build, fence, through: 2, events: begin, at: now() }).await?;
    let concluded = BuildEvent::Concluded { status: BuildStatus::Succeeded, failure: None, at: now() };
    let end = vec![step(BuildStatus::Succeeded), concluded, BuildEvent::Finished { at: now() }];
    store.record_events(BuildUpdate { build, fence, through: 5, events: end, at: now() }).await?;
    Ok(())
}

fn step(status: BuildStatus) -> BuildEvent {
    BuildEvent::Step(StepRecord {
        path: StepPath("0".into()),
        kind: "task".into(),
        name: "true".into(),
        status,
        attempt: 1,
        exit_code: None,
        failure: None,
        version: None,
        started_at: now(),
        duration: None,
        log_bytes: 0,
    })
}

async fn logs(store: &Arc<SqlStore>, builds: usize) -> Outcome<()> {
    let tasks: Vec<_> = (0..builds)
        .map(|index| {
            let store = store.clone();
            let build = BuildId(1_000_000 + (builds * 10 + index) as i64);
            tokio::spawn(async move { log(&store, build, LOG / builds).await })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn log(store: &SqlStore, build: BuildId, size: usize) -> Outcome<()> {
    let bytes: Vec<u8> =
        (0..CHUNK).map(|index| if index % 100 == 99 { b'\n' } else { b'a' + (index % 26) as u8 }).collect();
    let bytes = Bytes::from(bytes);
    let (mut offset, mut event) = (0, 0);
    while offset < size as u64 {
        let window: Vec<(u64, Chunk)> = (0..WINDOW)
            .map(|_| {
                let chunk = Chunk {
                    step: StepPath("0".into()),
                    attempt: 1,
                    stream: Stream::Out,
                    offset,
                    line: 1 + offset / 100,
                    t: 0,
                    bytes: bytes.clone(),
                };
                offset += CHUNK as u64;
                event += 1;
                (event, chunk)
            })
            .collect();
        store.append_log(build, 1, Fence::new(1, 7), &window).await?;
    }
    Ok(())
}
