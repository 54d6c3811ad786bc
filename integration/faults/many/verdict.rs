//! What became of all the builds, decided when everything is over.

use std::fs;

use super::{
    board::{Board, Build, Key},
    ledger::Ledger,
    site::Site,
};

/// A worker was lost in each of so many runs: the build is given up.
const RUNS: u64 = 3;
/// What such a build says: its worker was lost, or its shim, as when the lease was over.
const LOST_WITH: [&str; 2] = ["R130", "R132"];

/// Counted over all builds.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Verdict {
    pub asked: usize,
    pub ended: usize,
    /// Promised and not there, never over, or failed without having lost its worker three times.
    pub lost: usize,
    /// Its worker was lost three times.
    pub given_up: usize,
    /// Builds that had more than one attempt.
    pub repeated: usize,
    pub attempts: usize,
    pub twice_at_once: usize,
    /// An older claim's result or output was taken although a newer one had begun.
    pub old_writes: usize,
    pub wrong_logs: usize,
    /// Bytes of log that were compared.
    pub log_bytes: usize,
    pub problems: Vec<String>,
}

impl Verdict {
    /// Looks at every build, its ledger and its log.
    pub fn over(site: &Site, board: &Board) -> Self {
        let mut verdict = Self::default();
        let builds = board.builds().clone();
        for (key, build) in &builds {
            let path = site.dir.join(format!("ledger/{}-{}", key.0.name(), key.1));
            let ledger = Ledger::read(&fs::read_to_string(path).unwrap_or_default());
            verdict.count(*key, build, &ledger);
            if build.status == "succeeded" && build.ended.is_some() {
                match site.client.log(key.0, key.1, build.run) {
                    Ok(log) => verdict.compare(*key, build, &ledger, &log),
                    Err(error) => verdict.wrong(*key, &error),
                }
            }
        }
        verdict
    }

    /// Whether every promise was kept.
    pub fn is_good(&self) -> bool {
        [self.lost, self.twice_at_once, self.old_writes, self.wrong_logs, self.problems.len()] == [0; 5]
    }

    fn count(&mut self, key: Key, build: &Build, ledger: &Ledger) {
        self.asked += 1;
        self.ended += usize::from(build.ended.is_some());
        self.attempts += ledger.attempts.len();
        self.repeated += usize::from(ledger.attempts.len() > 1);
        let three_lost = build.run >= RUNS && LOST_WITH.iter().any(|code| build.error.contains(code));
        // One whose task never began was not lost with a worker: it was never let run.
        let given_up = build.status == "failed" && three_lost && !ledger.attempts.is_empty();
        let well = build.seen && build.ended.is_some() && (build.status == "succeeded" || given_up);
        self.given_up += usize::from(given_up);
        if !well {
            self.lost += 1;
            let words =
                [&build.phase, &build.status, &build.error, &build.worker].map(String::as_str).join(" ");
            self.problem(key, &format!("lost: run {}, {words}, {:?}", build.run, ledger.attempts));
        }
        if !ledger.overlaps.is_empty() {
            self.twice_at_once += 1;
            self.problem(key, &format!("twice at once: {}", ledger.overlaps.join(", ")));
        }
    }

    /// The log is what the newest attempt wrote, to the byte.
    fn compare(&mut self, key: Key, build: &Build, ledger: &Ledger, log: &[u8]) {
        self.log_bytes += log.len();
        let is = |fence: &str| key.0.prints(key.1, build.run, fence).as_bytes() == log;
        let newest = ledger.newest().filter(|newest| newest.ended && newest.run == build.run);
        if newest.is_some_and(|newest| is(&newest.fence)) {
            return;
        }
        let text = String::from_utf8_lossy(log);
        let older = |fence: &str| ledger.newest().is_some_and(|newest| newest.fence != *fence);
        let of_older =
            ledger.attempts.iter().any(|attempt| older(&attempt.fence) && text.contains(&attempt.fence));
        if of_older {
            self.old_writes += 1;
            self.problem(key, &format!("an older claim wrote: run {}, {:?}", build.run, ledger.attempts));
        } else {
            let (lines, claim) = (text.lines().count(), ledger.newest());
            self.wrong(key, &format!("the log of run {} has {lines} lines; {claim:?}", build.run));
        }
    }

    fn wrong(&mut self, key: Key, words: &str) {
        self.wrong_logs += 1;
        self.problem(key, &format!("wrong log: {words}"));
    }

    fn problem(&mut self, key: Key, words: &str) {
        self.problems.push(format!("{}/{}: {words}", key.0.name(), key.1));
    }
}
