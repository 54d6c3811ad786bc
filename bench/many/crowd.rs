//! What a thousand idle workers cost one server: they announce themselves and renew, as real ones do.

use std::{
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use super::installation::{Broker, Database, Installation, address, wait_for_workers};
use crate::{Bench, Fallible, figure::Figure, memory, processor};

const PIPELINE: &str = "job \"none\" {\n  task \"none\" {\n    run \"exec\" { path = \"true\" }\n  }\n}\n";
/// How long they are watched.
const WATCHED: Duration = Duration::from_secs(20);

pub fn measure(bench: &Bench) -> Fallible<Vec<Figure>> {
    let count = bench.rounds(1000);
    let installation = Installation::new(bench, Broker::Nats, Database::Sqlite, PIPELINE)?;
    let server = installation.server()?;
    let client = server.client()?;
    sleep(WATCHED / 4);
    let alone = memory::shares(&server.processes())?.iter().sum::<f64>();
    let program = bench.program.with_file_name("examples").join("crowd");
    let mut crowd = Command::new(&program)
        .args([&address("NATS")?, &installation.prefix, &count.to_string()])
        .env("PIKOCI_WORKER_TOKEN", installation.token()?)
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let came = wait_for_workers(&client, count);
    let before = processor::seconds(&server.processes());
    sleep(WATCHED);
    let used = processor::seconds(&server.processes()) - before;
    let memory = memory::shares(&server.processes())?.iter().sum::<f64>();
    // It has no more to say, and nobody asks how it ended.
    let _ = crowd.kill();
    let _ = crowd.wait();
    came?;
    server.stop()?;
    let share = used / WATCHED.as_secs_f64() * 100.0;
    Ok(vec![
        Figure::new(format!("processor of a server with {count} idle workers"), share, "%").note(format!(
            "of one processor, over {WATCHED:?}; each worker renews every 5 s over NATS, SQLite"
        )),
        Figure::new(format!("memory (Pss) of a server with {count} idle workers"), memory, "MB")
            .note(format!("{alone:.1} MB before they came")),
    ])
}
