//! Trigger → first output line in a client that watches the build's stream; and where the time goes.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{Bench, Fallible, client::Client, figure::Figure, moment, sample::Sample, server::Home};

/// One job prints a line as fast as a shell does. The other prints the moment at which it does so; its shell starts
/// more slowly, so it only serves to see where the time goes.
pub const PIPELINE: &str = r#"
job "line" {
  task "say" {
    run "exec" {
      path = "/bin/sh"
      args = ["-c", "echo hello"]
    }
  }
}
job "moment" {
  task "say" {
    run "exec" {
      path = "bash"
      args = ["-c", "echo \"$EPOCHREALTIME\""]
    }
  }
}
"#;
/// A server that had work just now has warm caches; people's servers wait.
const IDLE: Duration = Duration::from_secs(1);

pub fn measure(bench: &Bench) -> Fallible<Vec<Figure>> {
    let home = Home::new(bench, PIPELINE)?;
    let server = home.start(bench)?;
    let client = server.client()?;
    // The first build pays for what is made only once.
    once(&client)?;
    let mut idle = Sample::default();
    for _ in 0..bench.rounds(60) {
        sleep(IDLE);
        idle.push(once(&client)?);
    }
    let busy: Sample = (0..bench.rounds(100)).map(|_| once(&client)).collect::<Fallible<_>>()?;
    let mut hops = Hops::default();
    for _ in 0..bench.rounds(20) {
        sleep(IDLE);
        hops.take(&client)?;
    }
    server.stop()?;
    let (fastest, slowest) = idle.range();
    let note =
        format!("{} rounds, each after {IDLE:?} of idleness; {fastest:.2} to {slowest:.2}", idle.len());
    let whole = Figure::new("trigger → first line, p50", idle.median(), "ms").at_most(4.0).note(note);
    let busy_note =
        format!("without idleness between builds: p50 {:.2}, p99 {:.2}", busy.median(), busy.quantile(0.99));
    Ok(vec![
        hops.notes().into_iter().fold(whole, Figure::note),
        Figure::new("trigger → first line, p99", idle.quantile(0.99), "ms").at_most(8.0).note(busy_note),
    ])
}

/// Milliseconds from the request to the first line.
pub fn once(client: &Client) -> Fallible<f64> {
    let began = Instant::now();
    let build = client.trigger("line")?;
    let mut watch = client.watch(&build)?;
    watch.until("log")?;
    let took = began.elapsed();
    watch.end("succeeded")?;
    Ok(took.as_secs_f64() * 1000.0)
}

/// The same way in parts.
#[derive(Default)]
struct Hops {
    created: Sample,
    claimed: Sample,
    opened: Sample,
    spoke: Sample,
    seen: Sample,
    answered: Sample,
    ended: Sample,
}

impl Hops {
    fn take(&mut self, client: &Client) -> Fallible<()> {
        let asked = moment::now();
        let build = client.trigger("moment")?;
        let answered = moment::now();
        let mut watch = client.watch(&build)?;
        let line = watch.until("log")?;
        let seen = moment::now();
        watch.end("succeeded")?;
        let ended = moment::now();
        let row = client.build(&build)?;
        let created = moment::of(&row["created_at"])?;
        let claimed = moment::of(&row["started_at"])?;
        let step = moment::of(&row["steps"][0]["started_at"])?;
        let spoke = moment::of_shell(line["text"].as_str().unwrap_or_default())?;
        self.created.push(moment::between(asked, created));
        self.claimed.push(moment::between(created, claimed));
        self.opened.push(moment::between(claimed, step));
        self.spoke.push(moment::between(step, spoke));
        self.seen.push(moment::between(spoke, seen));
        self.answered.push(moment::between(asked, answered));
        self.ended.push(moment::between(seen, ended));
        Ok(())
    }

    fn notes(&self) -> Vec<String> {
        let hop = |text: &str, sample: &Sample| format!("{:>7.2} ms  {text}", sample.median());
        vec![
            format!("where it went, p50 of {} builds of a job that prints the time (bash):", self.seen.len()),
            hop("request → build written down", &self.created),
            hop("→ offered, accepted, claimed, begun by the worker", &self.claimed),
            hop("→ work directory and shim, the step begins", &self.opened),
            hop("→ reaper, fork, exec, the shell prints", &self.spoke),
            hop("→ read, masked, stored, told to the watching client", &self.seen),
            hop("   (the request was answered after this)", &self.answered),
            hop("   (from the line to the end of the build)", &self.ended),
        ]
    }
}
