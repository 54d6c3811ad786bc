//! The cost of a shim: the memory that is its own, and the time from the request until it is ready.

use std::{fs, process::Command};

use crate::{Bench, Fallible, figure::Figure, sample::Sample, server::Home};

/// A step that waits.
const PIPELINE: &str = r#"
job "wait" {
  task "wait" {
    run "exec" {
      path = "/bin/sh"
      args = ["-c", "echo here; exec sleep 1000"]
    }
  }
}
"#;

/// The launcher's own figures, built beside the program.
const FIGURES: &str = "examples/figures";

pub fn measure(bench: &Bench) -> Fallible<Vec<Figure>> {
    Ok(vec![memory(bench)?, ready(bench)?])
}

fn memory(bench: &Bench) -> Fallible<Figure> {
    let home = Home::new(bench, PIPELINE)?;
    let server = home.start(bench)?;
    let client = server.client()?;
    let (mut shims, mut reapers) = (Sample::default(), Sample::default());
    for _ in 0..bench.rounds(10) {
        let build = client.trigger("wait")?;
        let mut watch = client.watch(&build)?;
        watch.until("log")?;
        // The shim with the largest share is the build's; another waits for the next.
        let most = |name: &str| -> Fallible<f64> {
            let of_name = server.processes().into_iter().filter(|pid| is_called(*pid, name));
            Ok(of_name.map(private).collect::<Fallible<Vec<f64>>>()?.into_iter().fold(0.0, f64::max))
        };
        shims.push(most("pikoci-shim")?);
        reapers.push(most("pikoci-reaper")?);
        client.cancel(&build)?;
        watch.end("cancelled")?;
    }
    server.stop()?;
    Ok(Figure::new("private memory of a build's shim, p50", shims.median(), "MB").at_most(1.0).note(format!(
        "at most {:.2} MB; a step's reaper beside it {:.2} MB",
        shims.range().1,
        reapers.median()
    )))
}

fn is_called(pid: u32, name: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|found| found.trim_end() == name)
}

/// What is in no other process's memory, in megabytes.
fn private(pid: u32) -> Fallible<f64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).map_err(|error| {
        format!("{path}: {error}; only root may read it, because the program forbids it to others")
    })?;
    let own = text.lines().filter(|line| line.starts_with("Private_"));
    let kilobytes = own.filter_map(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    Ok(kilobytes.sum::<f64>() * 1024.0 / 1_000_000.0)
}

fn ready(bench: &Bench) -> Fallible<Figure> {
    let program = bench.program.with_file_name(FIGURES);
    let output = Command::new(&program).arg("shim").output();
    let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let figures: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [plain, plain_worst, build, build_worst] = figures[..] else {
        return Err(format!("{} printed no four figures: {text}", program.display()).into());
    };
    Ok(Figure::new("request → shim ready, p50", plain, "ms")
        .at_most(1.0)
        .note(format!("p99 {plain_worst:.2} ms"))
        .note(format!("of a build, with slot, lock and journal: {build:.2} ms, p99 {build_worst:.2}")))
}
