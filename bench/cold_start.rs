//! From the start of the process to the line that says it is ready.

use crate::{Bench, Fallible, figure::Figure, sample::Sample, server::Home};

const PIPELINE: &str = r#"
job "line" {
  task "say" {
    run "exec" {
      path = "echo"
      args = ["hello"]
    }
  }
}
"#;
const MEM: [&str; 4] = ["--concurrency", "2", "--db-system", "mem"];

pub fn measure(bench: &Bench) -> Fallible<Vec<Figure>> {
    let home = Home::new(bench, PIPELINE)?;
    // The first start makes the database; those that count find it.
    let first = start(home.start(bench)?)?;
    let mut known = Sample::default();
    for _ in 0..bench.rounds(30) {
        known.push(start(home.start(bench)?)?);
    }
    let mut memory = Sample::default();
    for _ in 0..bench.rounds(20) {
        memory.push(start(home.start_with(bench, &MEM)?)?);
    }
    let (fastest, slowest) = known.range();
    let note = format!(
        "SQLite with a pipeline, {} starts, {fastest:.1} to {slowest:.1}; the first one, which makes the database: {first:.1} ms",
        known.len()
    );
    Ok(vec![
        Figure::new("start → ready, p50", known.median(), "ms")
            .at_most(15.0)
            .note(note)
            .note(format!("in memory, each time anew: {:.1} ms", memory.median())),
    ])
}

fn start(server: crate::server::Server) -> Fallible<f64> {
    let took = server.took.as_secs_f64() * 1000.0;
    server.stop()?;
    Ok(took)
}
