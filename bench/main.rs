//! Measures the real program as its users meet it: started as a process, asked over HTTP, watched over its streams.
//!
//! Nothing of the program is linked in, and nothing in the program exists for this. Each measure has its own server on
//! directories that are thrown away.

mod cancel;
mod client;
mod cold_start;
mod figure;
mod first_line;
mod log;
mod many;
mod memory;
mod moment;
mod processor;
mod produce;
mod sample;
mod server;
mod shim;
mod throughput;
mod vanish;

use std::{error::Error, path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};

use crate::figure::Figure;

/// Whatever ends a measure early, in words.
type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Measures pikoci, and prints each goal beside its figure.
#[derive(Parser)]
#[command(name = "pikoci-bench", version)]
struct Asked {
    /// The program to measure.
    #[arg(long, default_value = "target/release/pikoci")]
    program: PathBuf,
    /// Only these measures.
    #[arg(long, value_enum, value_name = "MEASURE", num_args = 1.., value_delimiter = ',')]
    only: Vec<Measure>,
    /// Where databases and work directories are made and thrown away.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Writes the figures as JSON as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A tenth of the rounds: to see that it works, not how fast.
    #[arg(long)]
    quick: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Measure {
    /// Trigger → first output line in a client that watches.
    Line,
    /// Cancel → last process gone.
    Cancel,
    /// Builds a second of `true` jobs.
    Builds,
    /// Bytes of log a second.
    Log,
    /// Memory of a server that does nothing.
    Memory,
    /// From the start to the ready line.
    Start,
    /// Memory of a shim, and the time until one is ready.
    Shim,
    /// Trigger → first output line, over each transport.
    Transports,
    /// Builds a second with one worker and more.
    Workers,
    /// What a thousand idle workers cost a server.
    Crowd,
    /// Three servers on one database, and who watches at another one.
    Servers,
}

impl Measure {
    /// Whether it needs databases and brokers; taken only when they are there, or when it is asked for.
    fn is_of_many(self) -> bool {
        matches!(self, Self::Transports | Self::Workers | Self::Crowd | Self::Servers)
    }
}

/// What all measures share.
struct Bench {
    program: PathBuf,
    dir: PathBuf,
    quick: bool,
}

impl Bench {
    /// So many rounds, or a tenth of them.
    fn rounds(&self, whole: usize) -> usize {
        if self.quick { whole.div_ceil(10).max(3) } else { whole }
    }
}

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == produce::COMMAND) {
        return produce::main(words);
    }
    match run(&Asked::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(asked: &Asked) -> Fallible<()> {
    let program = asked.program.canonicalize();
    let program = program.map_err(|error| format!("{}: {error}", asked.program.display()))?;
    let dir = asked.dir.clone().unwrap_or_else(std::env::temp_dir);
    let bench = Bench { program, dir, quick: asked.quick };
    eprintln!("load of this machine at the start: {}", processor::load());
    let mut figures = Vec::new();
    for measure in Measure::value_variants() {
        let usual = asked.only.is_empty() && (!measure.is_of_many() || many::are_backends_there());
        if usual || asked.only.contains(measure) {
            let taken = take(&bench, *measure)?;
            taken.iter().for_each(Figure::print);
            figures.extend(taken);
        }
    }
    eprintln!("load at the end, what was measured included: {}", processor::load());
    if let Some(path) = &asked.json {
        let text = serde_json::to_string_pretty(&figures)?;
        std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn take(bench: &Bench, measure: Measure) -> Fallible<Vec<Figure>> {
    match measure {
        Measure::Line => first_line::measure(bench),
        Measure::Cancel => cancel::measure(bench),
        Measure::Builds => throughput::measure(bench),
        Measure::Log => log::measure(bench),
        Measure::Memory => memory::measure(bench),
        Measure::Start => cold_start::measure(bench),
        Measure::Shim => shim::measure(bench),
        Measure::Transports => many::transports::measure(bench),
        Measure::Workers => many::workers::measure(bench),
        Measure::Crowd => many::crowd::measure(bench),
        Measure::Servers => many::servers::measure(bench),
    }
}
