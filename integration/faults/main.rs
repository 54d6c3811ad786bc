//! Breaks the program on purpose, in every phase of a service's life, and counts: stops that ran, stops that ran twice,
//! processes that stayed, bystanders that were hit, builds that never ended.
//!
//! Nothing here waits for time where it can wait for an event: the scripts of the builds say how far they are and are
//! held there. Everything that chance decides comes from the seed.

mod canary;
mod cell;
#[cfg(test)]
mod checks;
mod client;
mod course;
mod dice;
mod engine;
mod events;
mod fault;
mod faults;
mod ground;
mod helper;
mod host;
mod inject;
mod kernel;
mod kin;
mod kind;
mod many;
mod phase;
mod pipeline;
mod reach;
mod report;
mod schedule;
mod second;
mod server;
mod tables;
mod verdict;
mod yard;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;

use crate::{host::Host, schedule::Size};

/// What cannot go on, in words.
pub type Fallible<T> = Result<T, String>;

/// Break the program in every phase of a service's life and count what happens.
#[derive(Parser, Debug)]
#[command(version, about, after_help = "`pikoci-faults many` does it to many machines: see its --help.")]
struct Options {
    /// How much: smoke (a few minutes) or full
    #[arg(value_parser = ["smoke", "full"], default_value = "smoke")]
    size: String,
    /// How long the full size goes on beginning cells
    #[arg(long, default_value_t = 55)]
    minutes: u64,
    /// The program under test
    #[arg(long, default_value = "target/release/pikoci")]
    program: PathBuf,
    /// What chance begins with
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only this cell (`phase/fault`), phase or fault; may be repeated
    #[arg(long)]
    only: Vec<String>,
    /// Only these kinds of service
    #[arg(long, value_delimiter = ',')]
    kinds: Vec<String>,
    /// Play the chosen cells once, with exactly this seed, as a report of a broken run says
    #[arg(long)]
    repeat: Option<u64>,
    /// Builds of each kind at a time
    #[arg(long)]
    width: Option<usize>,
    /// Cells played side by side
    #[arg(long, default_value_t = 5)]
    yards: usize,
    /// Lease of the servers under test, in seconds
    #[arg(long, default_value_t = 60)]
    lease: u64,
    /// Keep the directories of all yards
    #[arg(long)]
    keep: bool,
    /// Where the JSON goes
    #[arg(long)]
    json: Option<PathBuf>,
    /// Where the Markdown goes, beside standard output
    #[arg(long)]
    markdown: Option<PathBuf>,
    /// Where the table goes that fits on one screen
    #[arg(long)]
    summary: Option<PathBuf>,
    /// Count a 99th percentile beyond a fault's limit as broken: only on a machine that does nothing else
    #[arg(long)]
    judge_time: bool,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    if args.first().is_some_and(|name| name.ends_with(helper::NAME)) {
        helper::become_what_is_asked(&args);
        return ExitCode::FAILURE;
    }
    if args.get(1).is_some_and(|word| word == many::NAME) {
        return many::main(args.get(1..).unwrap_or_default());
    }
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Plays everything; whether every promise was kept.
fn run(options: &Options) -> Fallible<bool> {
    let text = |error: std::io::Error| error.to_string();
    let mut root = tempfile::Builder::new().prefix("pikoci-faults-").tempdir().map_err(text)?;
    root.disable_cleanup(options.keep);
    schedule::open_to_all(root.path())?;
    let mut host = Host::find(&options.program, root.path())?;
    let size = if options.size == "full" {
        Size::Full { time: Duration::from_secs(options.minutes * 60) }
    } else {
        Size::Smoke
    };
    host.keep = options.keep;
    let plan = schedule::Plan {
        size,
        seed: options.seed,
        only: options.only.clone(),
        kinds: schedule::kinds(&options.kinds)?,
        repeat: options.repeat,
        width: options.width,
        yards: options.yards.max(1),
        lease: Duration::from_secs(options.lease),
    };
    if options.size == "full" || plan.kinds.contains(&kind::Kind::Docker) {
        match engine::Engine::start(root.path()) {
            Ok(engine) => host.engine = Some(engine),
            Err(reason) => eprintln!("{reason}"),
        }
    }
    let report = schedule::play_all(&host, &plan);
    show(options, &report)
}

#[expect(clippy::print_stdout, reason = "the tables are what this program is for")]
fn show(options: &Options, report: &report::Report) -> Fallible<bool> {
    let markdown = report.markdown();
    println!("{markdown}\n{}", report.details());
    let write = |path: &PathBuf, content: &str| {
        std::fs::write(path, content).map_err(|error| format!("{}: {error}", path.display()))
    };
    if let Some(path) = &options.json {
        write(path, &serde_json::to_string_pretty(report).map_err(|error| error.to_string())?)?;
    }
    if let Some(path) = &options.markdown {
        write(path, &markdown)?;
    }
    if let Some(path) = &options.summary {
        write(path, &report.summary())?;
    }
    let late = report.late();
    for (fault, p99) in &late {
        println!("late: {fault}: p99 {p99:.0} ms");
    }
    for failure in &report.failures {
        println!("the harness failed: {failure}");
    }
    println!("{} runs, {} of them broken", report.runs, report.broken.len());
    let in_time = late.is_empty() || !options.judge_time;
    Ok(report.broken.is_empty() && report.failures.is_empty() && in_time)
}
