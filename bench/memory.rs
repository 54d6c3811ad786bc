//! Memory of a server that has nothing to do.

use std::{fs, thread, time::Duration};

use crate::{Bench, Fallible, figure::Figure, server::Home};

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
/// So long nothing happens before it is looked at.
const IDLE: Duration = Duration::from_secs(3);

pub fn measure(bench: &Bench) -> Fallible<Vec<Figure>> {
    let home = Home::new(bench, PIPELINE)?;
    let server = home.start(bench)?;
    thread::sleep(IDLE);
    let fresh = shares(&server.processes())?;
    let client = server.client()?;
    for _ in 0..bench.rounds(50) {
        let build = client.trigger("line")?;
        client.watch(&build)?.end("succeeded")?;
    }
    thread::sleep(IDLE);
    let used = shares(&server.processes())?;
    server.stop()?;
    let note = format!(
        "{} processes: server {:.1} MB, nursery {:.1} MB",
        fresh.len(),
        fresh[0],
        fresh[1..].iter().sum::<f64>()
    );
    Ok(vec![
        Figure::new("memory when idle (Pss)", fresh.iter().sum(), "MB").at_most(20.0).note(note).note(
            format!("after 50 builds and as many watching clients: {:.1} MB", used.iter().sum::<f64>()),
        ),
    ])
}

/// Proportional set size of each, in megabytes.
pub fn shares(pids: &[u32]) -> Fallible<Vec<f64>> {
    pids.iter().map(|pid| share(*pid)).collect()
}

fn share(pid: u32) -> Fallible<f64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).map_err(|error| {
        format!("{path}: {error}; only root may read it, because the program forbids it to others")
    })?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<f64>().ok());
    Ok(kilobytes.ok_or_else(|| format!("{path} names no Pss"))? * 1024.0 / 1_000_000.0)
}
