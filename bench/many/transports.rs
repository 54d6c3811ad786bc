//! Trigger → first output line with a worker that is another process, over each transport.

use super::installation::{Broker, Database, Installation};
use crate::{Bench, Fallible, client::Client, figure::Figure, first_line, sample::Sample, server::Home};

pub fn measure(bench: &Bench) -> Fallible<Vec<Figure>> {
    let home = Home::new(bench, first_line::PIPELINE)?;
    let server = home.start(bench)?;
    let inside = sample(bench, &server.client()?)?;
    server.stop()?;
    let mut figures = vec![figure("in one process", &inside)];
    for broker in [Broker::Nats, Broker::Rabbit, Broker::Kafka] {
        let installation = Installation::new(bench, broker, Database::Sqlite, first_line::PIPELINE)?;
        let server = installation.server()?;
        let client = server.client()?;
        let worker = installation.workers(&client, 1, 2)?;
        figures.push(figure(broker.name(), &sample(bench, &client)?));
        drop(worker);
        server.stop()?;
    }
    Ok(figures)
}

fn figure(name: &str, sample: &Sample) -> Figure {
    let note = format!("p99 {:.2} ms of {} builds, one after the other", sample.quantile(0.99), sample.len());
    Figure::new(format!("trigger → first line, {name}, p50"), sample.median(), "ms").note(note)
}

fn sample(bench: &Bench, client: &Client) -> Fallible<Sample> {
    // The first builds pay for what is made only once.
    for _ in 0..3 {
        first_line::once(client)?;
    }
    (0..bench.rounds(200)).map(|_| first_line::once(client)).collect()
}
