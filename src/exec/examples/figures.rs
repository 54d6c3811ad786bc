//! Prints the launcher's figures: how long things take, how much goes through. Run it built for release; `latency`, `journal`,
//! `rate` or `log` as argument prints only that part, and `shim` what the bench asks for.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints figures and stops at any fault"
)]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pikoci_exec::journal::{ProcessLife, StateDirectory};
use pikoci_exec::nursery::{fork_nursery, harden_worker, nursery_main};
use pikoci_exec::{LauncherSettings, NurseryLauncher};
use pikoci_model::id::{BuildId, Fence, InstanceId, StepPath};
use pikoci_model::log::Chunk;
use pikoci_model::port::{Item, ItemBuild, Launcher, LogSink, ServiceLaunch, Spawn, StopCommand, WorkItem};
use pikoci_model::text::SecretValue;

const ROUNDS: usize = 500;
const LOG_BYTES: u64 = 400_000_000;

fn main() {
    if std::env::args().nth(1).as_deref() == Some("nursery-exec") {
        std::process::exit(nursery_main(0));
    }
    let nursery = fork_nursery().unwrap();
    harden_worker().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let place = tempfile::tempdir().unwrap();
    let state = Arc::new(StateDirectory::open(place.path()).unwrap());
    let records_of = Arc::clone(&state);
    let settings = LauncherSettings::new("nursery-exec", state);
    runtime.block_on(async {
        let launcher = NurseryLauncher::new(nursery, settings);
        let only = std::env::args().nth(1).unwrap_or_default();
        let wanted = |part: &str| only.is_empty() || only == part;
        if wanted("latency") {
            latencies(&launcher).await;
        }
        if wanted("journal") {
            records(&records_of);
            journal(&launcher).await;
        }
        if wanted("rate") {
            rates(&launcher).await;
        }
        if only == "shim" {
            shims(&launcher).await;
        }
        if wanted("log") {
            throughput(&launcher, 0).await;
            throughput(&launcher, 100).await;
        }
    });
}

/// Counts what a log would get, and when the first of it came.
#[derive(Default)]
struct Counter {
    bytes: AtomicU64,
    chunks: AtomicU64,
    first: Mutex<Option<Instant>>,
}

impl LogSink for Counter {
    fn accept(&self, chunk: Chunk) {
        self.first.lock().unwrap().get_or_insert_with(Instant::now);
        self.bytes.fetch_add(chunk.bytes.len() as u64, Ordering::Relaxed);
        self.chunks.fetch_add(1, Ordering::Relaxed);
    }
}

fn spawn(argv: &[&str], sink: Option<Arc<Counter>>) -> Spawn {
    Spawn {
        step: StepPath::of_plan(0),
        attempt: 1,
        argv: argv.iter().map(|argument| (*argument).to_owned()).collect(),
        env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        dir: "/".into(),
        files: Vec::new(),
        sink: sink.map(|sink| sink as Arc<dyn LogSink>),
        capture: false,
        hide_stdout: false,
    }
}

async fn open(launcher: &NurseryLauncher, number: usize) -> Arc<dyn WorkItem> {
    launcher.open(Item { name: format!("figures-{number}"), workdir: "/".into(), build: None }).await.unwrap()
}

/// What the journal itself needs for a build without services.
fn records(state: &StateDirectory) {
    let (mut made, mut settled) = (Vec::new(), Vec::new());
    for number in 0..ROUNDS {
        let build = build(number);
        let begin = Instant::now();
        let item = state.create_item(&format!("record-{number}"), &build).unwrap();
        state.publish(&item.directory, &build, Path::new("/"), ProcessLife::of(1)).unwrap();
        made.push(begin.elapsed());
        let begin = Instant::now();
        item.directory.settle(state).unwrap();
        settled.push(begin.elapsed());
    }
    show("an item's record", made);
    show("the end of it", settled);
}

/// What the journal adds to a build without services, and to a service.
async fn journal(launcher: &NurseryLauncher) {
    let (mut plain, mut built, mut settled, mut started) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for number in 0..ROUNDS {
        let begin = Instant::now();
        let item = open(launcher, number).await;
        plain.push(begin.elapsed());
        item.close().await.unwrap();
        let begin = Instant::now();
        let item = open_build(launcher, number).await;
        built.push(begin.elapsed());
        if number % 10 == 0 {
            let begin = Instant::now();
            item.start_service(service()).await.unwrap().wait().await;
            started.push(begin.elapsed());
        }
        item.close().await.unwrap();
        let begin = Instant::now();
        item.settle().await;
        settled.push(begin.elapsed());
    }
    show("request to shim ready, without a journal", plain);
    show("the same for a build", built);
    show("settling a build", settled);
    show("a service's intent and start", started);
}

fn service() -> ServiceLaunch {
    let stop =
        StopCommand { spawn: spawn(&["true"], None), limit: Duration::from_secs(30), retries: Vec::new() };
    ServiceLaunch {
        instance: InstanceId(uuid::Uuid::now_v7()),
        name: "db".to_owned(),
        service_type: "db".to_owned(),
        by_identity: true,
        group: 0,
        start: spawn(&["true"], None),
        foreground: false,
        stop: Some(stop),
        data: None,
    }
}

fn build(number: usize) -> ItemBuild {
    ItemBuild {
        build: BuildId(1),
        fence: Fence::new(1, 1),
        run: 1,
        number: number.to_string(),
        job: "main/p/j".to_owned(),
    }
}

async fn open_build(launcher: &NurseryLauncher, number: usize) -> Arc<dyn WorkItem> {
    let build = build(number);
    let item = Item { name: format!("figures-{number}"), workdir: "/".into(), build: Some(build) };
    launcher.open(item).await.unwrap()
}

async fn latencies(launcher: &NurseryLauncher) {
    let (mut ready, mut line, mut cancel, mut close) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for number in 0..ROUNDS {
        let begin = Instant::now();
        let item = open(launcher, number).await;
        ready.push(begin.elapsed());
        let counter = Arc::<Counter>::default();
        let begin = Instant::now();
        let process = item.spawn(spawn(&["sh", "-c", "echo hi"], Some(Arc::clone(&counter)))).await.unwrap();
        process.wait().await;
        line.push(counter.first.lock().unwrap().unwrap() - begin);
        let counter = Arc::<Counter>::default();
        let sleeper = item
            .spawn(spawn(&["sh", "-c", "echo up; sleep 1000"], Some(Arc::clone(&counter))))
            .await
            .unwrap();
        while counter.first.lock().unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        let begin = Instant::now();
        sleeper.terminate(Duration::from_secs(10));
        sleeper.wait().await;
        cancel.push(begin.elapsed());
        let begin = Instant::now();
        item.close().await.unwrap();
        close.push(begin.elapsed());
    }
    show("request to shim ready", ready);
    show("request to first line of sh -c 'echo hi'", line);
    show("cancel to the last process gone", cancel);
    show("close to proof of emptiness", close);
}

/// Four bare numbers: request to ready in milliseconds, p50 and p99, of a plain item and of a build's.
async fn shims(launcher: &NurseryLauncher) {
    for of_build in [false, true] {
        let mut ready = Vec::new();
        for number in 0..i64::try_from(ROUNDS).unwrap() {
            let build = of_build.then(|| ItemBuild {
                build: BuildId(number),
                fence: Fence::new(1, 1),
                run: 1,
                number: number.to_string(),
                job: "main/figures/shim".into(),
            });
            let request = Item { name: format!("figures-{number}"), workdir: "/".into(), build };
            let begin = Instant::now();
            let item = launcher.open(request).await.unwrap();
            ready.push(begin.elapsed());
            item.close().await.unwrap();
            item.settle().await;
        }
        ready.sort_unstable();
        let at = |part: usize| ready[(ready.len() - 1) * part / 100].as_secs_f64() * 1000.0;
        println!("{:.3} {:.3}", at(50), at(99));
    }
}

fn show(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    println!("{what}: p50 {:.2?}, p99 {:.2?}", at(50), at(99));
}

async fn rates(launcher: &NurseryLauncher) {
    let begin = Instant::now();
    for _ in 0..ROUNDS {
        std::process::Command::new("true").status().unwrap();
    }
    println!("bare fork and exec of `true`: {:.0} a second", per_second(begin));
    let item = open(launcher, 0).await;
    let begin = Instant::now();
    for _ in 0..ROUNDS {
        item.spawn(spawn(&["true"], None)).await.unwrap().wait().await;
    }
    println!("`true` in one item: {:.0} a second", per_second(begin));
    item.close().await.unwrap();
    let begin = Instant::now();
    for number in 0..ROUNDS {
        whole_item(launcher, number).await;
    }
    println!("item opened, `true`, item closed: {:.0} a second", per_second(begin));
    let begin = Instant::now();
    let lane = |first: usize| async move {
        for number in 0..ROUNDS / 2 {
            whole_item(launcher, first + number).await;
        }
    };
    tokio::join!(lane(0), lane(ROUNDS));
    println!("the same in two slots: {:.0} a second", per_second(begin));
}

async fn whole_item(launcher: &NurseryLauncher, number: usize) {
    let item = open(launcher, number).await;
    item.spawn(spawn(&["true"], None)).await.unwrap().wait().await;
    item.close().await.unwrap();
}

fn per_second(begin: Instant) -> f64 {
    f64::from(u32::try_from(ROUNDS).unwrap()) / begin.elapsed().as_secs_f64()
}

async fn throughput(launcher: &NurseryLauncher, secrets: usize) {
    let directory = if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "/tmp" };
    let mut file = tempfile::NamedTempFile::new_in(directory).unwrap();
    write_lines(&mut file);
    let item = open(launcher, 0).await;
    let values: Vec<SecretValue> = (0..secrets).map(|number| SecretValue::new(secret(number))).collect();
    item.mask(&values);
    let counter = Arc::<Counter>::default();
    let input = format!("if={}", file.path().display());
    let begin = Instant::now();
    let dd = spawn(&["dd", &input, "bs=64k", "status=none"], Some(Arc::clone(&counter)));
    item.spawn(dd).await.unwrap().wait().await;
    let (bytes, chunks) = (counter.bytes.load(Ordering::Relaxed), counter.chunks.load(Ordering::Relaxed));
    let megabytes = f64::from(u32::try_from(bytes / 1000).unwrap()) / 1000.0;
    let rate = megabytes / begin.elapsed().as_secs_f64();
    println!("log with {secrets} secrets, 64 KiB writes: {rate:.0} MB/s ({chunks} chunks)");
    item.close().await.unwrap();
}

/// Looks like a token, the same at every run.
fn secret(number: usize) -> String {
    let mut state = number as u64 + 1;
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (0..40)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(letters[usize::try_from(state >> 58).unwrap()])
        })
        .collect()
}

/// Varied lines of 100 bytes.
fn write_lines(file: &mut tempfile::NamedTempFile) {
    let mut writer = std::io::BufWriter::new(file);
    for number in 0..LOG_BYTES / 100 {
        let text = secret(usize::try_from(number % 1_000_003).unwrap());
        writeln!(writer, "{number:010} compiling crate {text} target/debug/deps {:022}", number * 7919)
            .unwrap();
    }
    writer.flush().unwrap();
}
