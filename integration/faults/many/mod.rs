//! Many machines: real servers and workers, a real broker and a real database, and between all of them links that can be
//! broken. Builds are asked for while chance breaks one thing after the other; then it is decided, from what the tasks
//! wrote themselves, whether a build was lost, ran twice at once, or has a log that is not its own.

mod backend;
mod board;
mod client;
mod database;
mod harm;
mod job;
mod kafka;
mod ledger;
mod proxy;
mod report;
mod seat;
mod site;
mod storm;
mod transport;
mod verdict;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use clap::Parser;

use self::{
    board::Board, database::Kind, job::Job, report::Figures, site::Site, storm::Storm, transport::Transport,
    verdict::Verdict,
};
use crate::{Fallible, dice::Dice};

/// The word that asks for this.
pub const NAME: &str = "many";
/// No build ends for so long, with everything well: the rest never will.
const STUCK: Duration = Duration::from_secs(180);

/// Break workers, servers, brokers, databases and what is between them, and count builds.
#[derive(Parser, Debug)]
#[command(name = "pikoci-faults many", version, about)]
struct Options {
    /// Each fault but the stopped worker once, few builds, all transports side by side: a minute
    #[arg(long)]
    smoke: bool,
    /// Builds for each transport, at least [10000, smoke: 40]
    #[arg(long)]
    builds: Option<usize>,
    /// Only these
    #[arg(long, value_enum, value_delimiter = ',')]
    transports: Vec<Transport>,
    /// Where the state is: two servers on one postgresql, or one on sqlite
    #[arg(long, value_enum, default_value = "postgresql")]
    database: Kind,
    /// BACKENDS_DIR of the broker and the database in PIKOCI_TEST_*, which are then killed; without it they are only
    /// made unreachable
    #[arg(long)]
    backends: Option<PathBuf>,
    /// The program under test
    #[arg(long, default_value = "target/release/pikoci")]
    program: PathBuf,
    /// What chance begins with
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Workers of each transport
    #[arg(long, default_value_t = 4)]
    workers: usize,
    /// Lease, in seconds
    #[arg(long, default_value_t = 15)]
    lease: u64,
    /// Between two faults, in milliseconds, on average
    #[arg(long)]
    pace: Option<u64>,
    /// Keep what the processes said and wrote
    #[arg(long)]
    keep: bool,
    /// Where the JSON goes
    #[arg(long)]
    json: Option<PathBuf>,
    /// Where the Markdown goes, beside standard output
    #[arg(long)]
    markdown: Option<PathBuf>,
}

/// Problems of one transport that are printed; the JSON has all.
const SHOWN: usize = 20;

/// What is played.
pub struct Plan {
    pub program: PathBuf,
    pub database: Kind,
    pub backends: Option<PathBuf>,
    pub builds: usize,
    pub workers: usize,
    pub lease: Duration,
    /// Whole packs of faults, or each once.
    pub whole: bool,
    /// Between two faults, on average.
    pub pace: Duration,
    /// Builds that are not over, at most.
    pub unfinished: usize,
    /// After each build that was asked for, at most.
    pub rest: Duration,
    pub seed: u64,
}

/// Plays everything, by the arguments after the word.
pub fn main(arguments: &[String]) -> ExitCode {
    match run(&Options::parse_from(arguments)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Fallible<bool> {
    let text = |error: std::io::Error| error.to_string();
    let mut root = tempfile::Builder::new().prefix("pikoci-many-").tempdir().map_err(text)?;
    root.disable_cleanup(options.keep);
    let plan = plan(options)?;
    let chosen =
        if options.transports.is_empty() { Transport::ALL.to_vec() } else { options.transports.clone() };
    eprintln!("seed {}, in {}", plan.seed, root.path().display());
    let play = |transport: &Transport| play(&plan, *transport, root.path());
    let mut all: Vec<Figures> = Vec::new();
    if options.smoke {
        all = thread::scope(|scope| {
            let started: Vec<_> =
                chosen.iter().map(|transport| scope.spawn(move || play(transport))).collect();
            let ended = started.into_iter().map(thread::ScopedJoinHandle::join);
            ended
                .map(|end| end.unwrap_or_else(|_| Err("the harness panicked".to_owned())))
                .collect::<Fallible<_>>()
        })?;
        save(options, &all)?;
    } else {
        for transport in &chosen {
            all.push(play(transport)?);
            // Each takes a while: what was measured is kept, whatever comes of the next.
            save(options, &all)?;
        }
    }
    show(&all);
    Ok(all.iter().all(|figures| figures.verdict.is_good()))
}

fn plan(options: &Options) -> Fallible<Plan> {
    let program = options.program.canonicalize();
    let pace = options.pace.unwrap_or(if options.smoke { 700 } else { 2500 });
    Ok(Plan {
        program: program.map_err(|error| format!("{}: {error}", options.program.display()))?,
        database: options.database,
        backends: options.backends.clone(),
        builds: options.builds.unwrap_or(if options.smoke { 40 } else { 10_000 }),
        workers: options.workers.max(2),
        lease: Duration::from_secs(options.lease),
        whole: !options.smoke,
        pace: Duration::from_millis(pace),
        unfinished: 40,
        rest: Duration::from_millis(if options.smoke { 600 } else { 0 }),
        seed: options.seed,
    })
}

/// One transport, from the first process to the last.
fn play(plan: &Plan, transport: Transport, root: &Path) -> Fallible<Figures> {
    let began = Instant::now();
    let site = Site::open(plan, transport, root)?;
    let board = Board::default();
    let [enough, over] = [const { AtomicBool::new(false) }; 2];
    let is = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
    let (blows, problems, ended) = thread::scope(|scope| {
        scope.spawn(|| board.keep_looking(&site.client, || is(&over)));
        let watching = scope.spawn(|| site.keep_alive(|| is(&over)));
        let raging = scope.spawn(|| Storm::new(plan, &site, &board).rage(plan.seed, || is(&enough)));
        let refused = ask(plan, &site, &board, &enough, || is(&enough) && raging.is_finished());
        let raged = raging.join();
        let ended = board.wait_for_all(STUCK);
        over.store(true, Ordering::Relaxed);
        let (blows, mut problems) =
            raged.unwrap_or_else(|_| (Vec::new(), vec!["the storm panicked".to_owned()]));
        problems.extend(refused);
        problems.extend(watching.join().unwrap_or_default());
        (blows, problems, ended)
    });
    board.look_at_all(&site.client)?;
    let mut verdict = Verdict::over(&site, &board);
    verdict.problems.extend(problems);
    verdict.problems.extend((!ended).then(|| "not all builds ended".to_owned()));
    verdict.problems.extend(site.close());
    let figures = Figures {
        transport: transport.name(),
        database: format!("{:?}", plan.database).to_lowercase(),
        seed: plan.seed,
        servers: site.servers.len(),
        workers: site.workers.len(),
        lease_seconds: plan.lease.as_secs(),
        seconds: began.elapsed().as_secs_f64(),
        verdict,
        faults: report::recoveries(&board, &blows),
    };
    let seen = &figures.verdict;
    eprintln!(
        "{}: {} builds in {:.0} s, {} problems {:?}",
        figures.transport,
        seen.asked,
        figures.seconds,
        seen.problems.len(),
        seen.problems.iter().take(SHOWN).collect::<Vec<_>>()
    );
    Ok(figures)
}

/// Asks for builds as long as the storm lasts, a few at a time; what went wrong for good.
fn ask(
    plan: &Plan,
    site: &Site,
    board: &Board,
    enough: &AtomicBool,
    over: impl Fn() -> bool,
) -> Option<String> {
    let mut dice = Dice::new(plan.seed.wrapping_add(1));
    let rest = u64::try_from(plan.rest.as_millis()).unwrap_or_default();
    let (mut asked, mut since) = (0, Instant::now());
    while !over() {
        if !board.wait(Duration::from_millis(100), |builds| {
            builds.values().filter(|build| build.ended.is_none()).count() < plan.unfinished
        }) {
            continue;
        }
        // Nobody may be there just now; what was not promised may exist all the same.
        match site.client.trigger(Job::Short) {
            Ok(number) => {
                board.promised((Job::Short, number));
                (asked, since) = (asked + 1, Instant::now());
                thread::sleep(Duration::from_millis(dice.below(rest + 1)));
            }
            Err(said) if since.elapsed() > STUCK => {
                enough.store(true, Ordering::Relaxed);
                return Some(format!("nobody takes builds any more: {said}"));
            }
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
        enough.store(asked >= plan.builds, Ordering::Relaxed);
    }
    None
}

/// Writes the files that were asked for.
fn save(options: &Options, all: &[Figures]) -> Fallible<()> {
    let write = |path: &PathBuf, content: &str| {
        std::fs::write(path, content).map_err(|error| format!("{}: {error}", path.display()))
    };
    if let Some(path) = &options.json {
        write(path, &serde_json::to_string_pretty(all).map_err(|error| error.to_string())?)?;
    }
    if let Some(path) = &options.markdown {
        write(path, &report::markdown(all))?;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the tables are what this program is for")]
fn show(all: &[Figures]) {
    println!("{}", report::markdown(all));
    for figures in all {
        let problems = &figures.verdict.problems;
        for problem in problems.iter().take(SHOWN) {
            println!("{}: {problem} (seed {})", figures.transport, figures.seed);
        }
        if let Some(more) = problems.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            println!("{}: and {more} more", figures.transport);
        }
    }
}
