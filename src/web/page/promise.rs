//! The promise that nothing of a build stays alive: how far it is kept, and what is still to be stopped, and where.

/// A service that may still be alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unstopped {
    /// Name of the instance.
    pub service: String,
    /// The worker it runs on.
    pub worker: String,
    /// Its stop has not been tried, or nobody has heard of it; otherwise it was tried and failed.
    pub pending: bool,
    /// The run that started it, where that is not the one that is shown.
    pub run: Option<u32>,
    /// Why: `its stop exited with 1`.
    pub reason: String,
}

impl Unstopped {
    /// What is not stopped, and where.
    pub(crate) fn said(&self) -> String {
        let Self { service, worker, pending, run, reason } = self;
        let run = run.map(|run| format!(" of run {run}")).unwrap_or_default();
        let state =
            if *pending { format!("stop pending on {worker}") } else { format!("not stopped on {worker}") };
        if reason.is_empty() {
            format!("{service}{run}: {state}.")
        } else {
            format!("{service}{run}: {state}: {reason}.")
        }
    }
}

/// What is said under the lanes: how many services were started and stopped, and whether anything is alive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promise {
    /// The build is done: everything that had to be stopped has been tried.
    pub done: bool,
    /// It is about a run that was lost, while the build has gone on.
    pub of_lost_run: bool,
    /// Services whose start was attempted.
    pub started: u32,
    /// Services stopped.
    pub stopped: u32,
    /// One phrase for each that did not stop by itself: `kafka needed SIGKILL after 10 s`.
    pub killed: Vec<String>,
    /// What is not stopped; makes the line red.
    pub alive: Vec<Unstopped>,
}

impl Promise {
    pub(crate) fn badge(&self) -> (&'static str, &'static str, &'static str) {
        match (self.alive.is_empty(), self.done, self.started) {
            (false, ..) if self.alive.iter().all(|left| left.pending) => ("bad", "✗", "stop pending"),
            (false, ..) => ("bad", "✗", "not stopped"),
            (true, true, 0) => ("ok", "✓", "nothing left"),
            (true, true, _) => ("ok", "✓", "all stopped"),
            (true, false, _) => ("run", "◐", "in use"),
        }
    }

    /// What a reader can do about what is not stopped.
    pub(crate) fn advice(&self) -> &'static str {
        if self.alive.iter().all(|left| left.pending) {
            "It is stopped as soon as that worker is back; or now, with “pikoci worker journal replay” on its host."
        } else {
            "Its stop failed: its log says why. Put that right, then run “pikoci worker journal replay” on that host."
        }
    }

    /// The line in words.
    pub(crate) fn said(&self) -> String {
        let all = if self.of_lost_run {
            "nothing of this run is alive."
        } else {
            "nothing of this build is alive."
        };
        let mut said = match (self.started, self.done) {
            (0, true) => format!("No service was started; {all}"),
            (0, false) => "No service has been started.".to_owned(),
            (n, _) => format!("{} started, {} stopped", counted(n), self.stopped),
        };
        if self.started > 0 {
            match (self.alive.is_empty(), self.done) {
                (true, true) => said.extend(["; ", all]),
                (true, false) => said.push_str("; the rest is stopped when the build ends, however it ends."),
                (false, _) => said.push('.'),
            }
        }
        for phrase in &self.killed {
            said.push(' ');
            said.push_str(phrase);
            said.push('.');
        }
        said
    }
}

fn counted(n: u32) -> String {
    if n == 1 { "1 service".to_owned() } else { format!("{n} services") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_promise_is_said() {
        let mut promise = Promise { done: true, started: 3, stopped: 3, ..Promise::default() };
        promise.killed.push("kafka needed SIGKILL after 10 s".into());
        assert_eq!(
            promise.said(),
            "3 services started, 3 stopped; nothing of this build is alive. kafka needed SIGKILL after 10 s."
        );
        let left = Unstopped {
            service: "db".into(),
            worker: "w".into(),
            pending: true,
            run: Some(1),
            reason: String::new(),
        };
        assert_eq!(left.said(), "db of run 1: stop pending on w.");
        promise.alive.push(left);
        assert_eq!(promise.badge(), ("bad", "✗", "stop pending"));
        promise.alive[0].pending = false;
        assert_eq!(promise.badge(), ("bad", "✗", "not stopped"));
    }
}
