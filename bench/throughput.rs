//! Builds a second of `true` jobs, two at once, beside a bare loop that starts the same commands.

use std::{
    process::{Command, Stdio},
    thread,
    time::Instant,
};

use crate::{
    Bench, Fallible,
    client::{Client, Started},
    figure::Figure,
    moment, processor,
    server::Home,
};

/// `gate` holds both slots until it is told, so that all builds are queued before the first one starts: what is
/// measured is the server, not how fast somebody asks.
const PIPELINE: &str = r#"
job "gate" {
  task "wait" {
    run "exec" {
      path = "/bin/sh"
      args = ["-c", "while ! test -e GATE; do sleep 0.05; done"]
    }
  }
}
job "true" {
  task "true" {
    run "exec" {
      path = "true"
    }
  }
}
"#;
const SLOTS: usize = 2;

pub fn measure(bench: &Bench) -> Fallible<Vec<Figure>> {
    let home = Home::new(bench, "")?;
    let gate = home.path().join("gate");
    let pipeline = PIPELINE.replace("GATE", &gate.display().to_string());
    std::fs::write(home.path().join("bench.hcl"), pipeline)?;
    let server = home.start(bench)?;
    let client = server.client()?;
    let held: Vec<Started> = (0..SLOTS).map(|_| client.trigger("gate")).collect::<Fallible<_>>()?;
    let count = bench.rounds(1500);
    let builds: Vec<Started> = (0..count).map(|_| client.trigger("true")).collect::<Fallible<_>>()?;
    let cpu = processor::seconds(&server.processes());
    std::fs::write(&gate, "")?;
    for build in &held {
        client.watch_states(build)?.end("succeeded")?;
    }
    let rate = rate(&client, &builds, SLOTS)?;
    let cpu = (processor::seconds(&server.processes()) - cpu) / count as f64 * 1000.0;
    server.stop()?;
    let bare = bare_loop(count)?;
    let figure = Figure::new("builds a second, two slots, SQLite", rate, "builds/s").at_least(500.0);
    Ok(vec![
        figure
            .note(format!("{count} builds queued before the first started; a bare fork+exec loop of the same, two at once: {bare:.0}/s"))
            .note(format!("a build used {cpu:.2} ms of processor in server, nursery and shims, its command included")),
    ])
}

/// From the first begin to the last end, as the rows say.
pub fn rate(client: &Client, builds: &[Started], slots: usize) -> Fallible<f64> {
    // So many run at once, so the last to end is one of the last few.
    for build in builds.iter().rev().take(2 * slots) {
        client.watch_states(build)?.end("succeeded")?;
    }
    let mut first = None;
    let mut last = None;
    for build in builds {
        let row = client.build(build)?;
        if row["status"] != "succeeded" {
            return Err(format!("build {} is {}", build.number, row["status"]).into());
        }
        let (began, ended) = (moment::of(&row["started_at"])?, moment::of(&row["ended_at"])?);
        first = Some(first.map_or(began, |first| began.min(first)));
        last = Some(last.map_or(ended, |last| ended.max(last)));
    }
    let (Some(first), Some(last)) = (first, last) else { return Err("no builds".into()) };
    Ok(builds.len() as f64 / (moment::between(first, last) / 1000.0))
}

/// Commands a second, started by as many threads as there are slots.
fn bare_loop(count: usize) -> Fallible<f64> {
    let began = Instant::now();
    let share = count.div_ceil(SLOTS);
    let threads: Vec<_> = (0..SLOTS)
        .map(|_| {
            thread::spawn(move || -> std::io::Result<()> {
                for _ in 0..share {
                    Command::new("true").stdin(Stdio::null()).status()?;
                }
                Ok(())
            })
        })
        .collect();
    for thread in threads {
        thread.join().map_err(|_| "a thread of the bare loop panicked")??;
    }
    Ok((share * SLOTS) as f64 / began.elapsed().as_secs_f64())
}
