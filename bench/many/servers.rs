//! Three servers on one PostgreSQL: what the second and third add, and how far behind a viewer at another server is.

use std::time::Instant;

use super::installation::{Broker, Database, Installation, wait_for_workers};
use crate::{
    Bench, Fallible,
    client::{Client, Started},
    figure::Figure,
    sample::Sample,
    throughput,
};

const PIPELINE: &str = r#"
job "true" {
  task "true" {
    run "exec" {
      path = "true"
    }
  }
}
job "moment" {
  task "say" {
    run "exec" {
      path = "/bin/sh"
      args = ["-c", "sleep 0.2; echo hello; sleep 0.2"]
    }
  }
}
"#;
const WORKERS: usize = 2;
const SLOTS: usize = 2;

pub fn measure(bench: &Bench) -> Fallible<Vec<Figure>> {
    let installation = Installation::new(bench, Broker::Nats, Database::Postgresql, PIPELINE)?;
    let first = installation.server()?;
    let client = first.client()?;
    let workers = installation.workers(&client, WORKERS, SLOTS)?;
    let alone = rate(bench, &[&client])?;
    let (second, third) = (installation.server()?, installation.server()?);
    let others = [second.client()?, third.client()?];
    others.iter().try_for_each(|client| wait_for_workers(client, WORKERS))?;
    let together = rate(bench, &[&client, &others[0], &others[1]])?;
    let late: Sample = (0..bench.rounds(60)).map(|_| late(&client, &others[0])).collect::<Fallible<_>>()?;
    drop(workers);
    for server in [third, second, first] {
        server.stop()?;
    }
    let what = format!("{WORKERS} workers with {SLOTS} slots, NATS, PostgreSQL, builds of `true`");
    Ok(vec![
        Figure::new("builds a second, one server on PostgreSQL", alone, "builds/s").note(what),
        Figure::new("builds a second, three servers on it", together, "builds/s")
            .note("all of them on the same processors: what several servers cost, not what they add"),
        Figure::new("a line at a viewer of another server, p99", late.quantile(0.99), "ms")
            .at_most(100.0)
            .note(format!(
                "later than at a viewer of the server that was asked; p50 {:.2} ms, {} builds",
                late.median(),
                late.len()
            )),
    ])
}

/// Builds a second, asked for in turn at each of these servers.
fn rate(bench: &Bench, clients: &[&Client]) -> Fallible<f64> {
    let count = bench.rounds(400);
    let builds: Vec<Started> =
        clients.iter().cycle().take(count).map(|client| client.trigger("true")).collect::<Fallible<_>>()?;
    throughput::rate(clients[0], &builds, WORKERS * SLOTS)
}

/// How much later a line is seen at the other server, in milliseconds; less than 0 if it is seen there first.
fn late(here: &Client, there: &Client) -> Fallible<f64> {
    let build = here.trigger("moment")?;
    let mut watches = [here.watch(&build)?, there.watch(&build)?];
    let seen = std::thread::scope(|scope| {
        let seen = watches.each_mut().map(|watch| {
            scope.spawn(move || -> Fallible<Instant> {
                watch.until("log")?;
                let seen = Instant::now();
                watch.end("succeeded")?;
                Ok(seen)
            })
        });
        seen.map(|seen| seen.join().map_err(|_| "a viewer ended early"))
    });
    let [near, far] = seen;
    let (near, far) = (near??, far??);
    let behind =
        far.saturating_duration_since(near).as_secs_f64() - near.saturating_duration_since(far).as_secs_f64();
    Ok(behind * 1000.0)
}
