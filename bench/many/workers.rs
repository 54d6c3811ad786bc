//! Builds a second with one worker and more. The builds only sleep, so that a small machine can play many.

use super::installation::{Broker, Database, Installation};
use crate::{Bench, Fallible, client::Started, figure::Figure, throughput};

const PIPELINE: &str = r#"
job "nap" {
  task "nap" {
    run "exec" {
      path = "sleep"
      args = ["0.5"]
    }
  }
}
"#;
const SLOTS: usize = 5;
/// Builds a second of one worker that loses no time at all.
const BEST: f64 = SLOTS as f64 / 0.5;

pub fn measure(bench: &Bench) -> Fallible<Vec<Figure>> {
    [1, 2, 4, 8].into_iter().map(|count| with(bench, count)).collect()
}

fn with(bench: &Bench, count: usize) -> Fallible<Figure> {
    let installation = Installation::new(bench, Broker::Nats, Database::Sqlite, PIPELINE)?;
    let server = installation.server()?;
    let client = server.client()?;
    let workers = installation.workers(&client, count, SLOTS)?;
    // They are asked for much faster than they end.
    let builds: Vec<Started> =
        (0..bench.rounds(80) * count).map(|_| client.trigger("nap")).collect::<Fallible<_>>()?;
    let rate = throughput::rate(&client, &builds, count * SLOTS)?;
    drop(workers);
    server.stop()?;
    let best = BEST * count as f64;
    let note = format!(
        "{} builds that sleep half a second, {SLOTS} slots a worker, NATS, SQLite; {best:.0}/s would lose no time ({:.0} %)",
        builds.len(),
        rate / best * 100.0
    );
    Ok(Figure::new(format!("builds a second, {count} workers"), rate, "builds/s").note(note))
}
