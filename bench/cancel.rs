//! Cancel → last process gone.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{Bench, Fallible, client::Client, figure::Figure, sample::Sample, server::Home, vanish};

/// A shell with two children, one of them in a session of its own.
const PIPELINE: &str = r#"
job "hang" {
  task "hang" {
    run "exec" {
      path = "/bin/sh"
      args = ["-c", "sleep 1000 & one=$!; setsid sleep 1000 & echo pids $$ $one $!; wait"]
    }
  }
}
"#;
const PATIENCE: Duration = Duration::from_secs(30);
/// The build is left alone before it is cancelled, as a build that hangs is.
const SETTLE: Duration = Duration::from_millis(200);

pub fn measure(bench: &Bench) -> Fallible<Vec<Figure>> {
    let home = Home::new(bench, PIPELINE)?;
    let server = home.start(bench)?;
    let client = server.client()?;
    let mut rounds = Rounds::default();
    rounds.take(&client)?;
    rounds = Rounds::default();
    for _ in 0..bench.rounds(40) {
        rounds.take(&client)?;
    }
    server.stop()?;
    let (fastest, slowest) = rounds.gone.range();
    Ok(vec![
        Figure::new("cancel → last process gone, p50", rounds.gone.median(), "ms")
            .at_most(2.5)
            .note(format!(
                "{} rounds, {fastest:.2} to {slowest:.2}, p99 {:.2}; three processes, one with a session of its own",
                rounds.gone.len(),
                rounds.gone.quantile(0.99)
            ))
            .note(format!("{:>7.2} ms  request → the shell gone", rounds.leader.median()))
            .note(format!("{:>7.2} ms  request → answered", rounds.answered.median()))
            .note(format!("{:>7.2} ms  request → the build has ended, told to the watching client", rounds.ended.median())),
    ])
}

#[derive(Default)]
struct Rounds {
    leader: Sample,
    gone: Sample,
    answered: Sample,
    ended: Sample,
}

impl Rounds {
    fn take(&mut self, client: &Client) -> Fallible<()> {
        let build = client.trigger("hang")?;
        let mut watch = client.watch(&build)?;
        let line = watch.until("log")?;
        let pids = line["text"].as_str().unwrap_or_default().split_whitespace().skip(1);
        let mut processes: Vec<_> =
            pids.map(|pid| Ok(vanish::watch(pid.parse()?)?)).collect::<Fallible<_>>()?;
        let descendants = processes.split_off(1);
        thread::sleep(SETTLE);
        let waiting = thread::spawn(move || {
            let leader = vanish::wait(&processes, PATIENCE)?;
            Fallible::Ok((leader, vanish::wait(&descendants, PATIENCE)?))
        });
        let began = Instant::now();
        client.cancel(&build)?;
        let answered = Instant::now();
        let (leader, gone) = waiting.join().map_err(|_| "the watching thread panicked")??;
        watch.end("cancelled")?;
        let since = |moment: Instant| (moment - began).as_secs_f64() * 1000.0;
        self.ended.push(since(Instant::now()));
        self.leader.push(since(leader));
        self.gone.push(since(gone));
        self.answered.push(since(answered));
        Ok(())
    }
}
