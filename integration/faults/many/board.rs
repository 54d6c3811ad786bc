//! What is known of the builds, as the servers tell it.

use std::{
    collections::BTreeMap,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    client::{Client, number},
    job::Job,
};
use crate::Fallible;

/// Between two looks.
const PACE: Duration = Duration::from_millis(200);
/// Looked at in one question; older ones that are not over are asked for one by one.
const PAGE: usize = 60;

/// A build.
#[derive(Clone, Debug, Default)]
pub struct Build {
    /// A server said that it has it.
    pub promised: bool,
    /// A server showed it.
    pub seen: bool,
    pub phase: String,
    pub status: String,
    pub error: String,
    pub worker: String,
    pub run: u64,
    pub created: Option<DateTime<Utc>>,
    /// When its status became final; none while it is not over.
    pub ended: Option<DateTime<Utc>>,
}

pub type Key = (Job, u64);

/// All builds.
#[derive(Default)]
pub struct Board {
    builds: Mutex<BTreeMap<Key, Build>>,
    changed: Condvar,
}

impl Board {
    pub fn builds(&self) -> MutexGuard<'_, BTreeMap<Key, Build>> {
        self.builds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A server promised it.
    pub fn promised(&self, key: Key) {
        self.builds().entry(key).or_default().promised = true;
    }

    pub fn unfinished(&self) -> usize {
        self.builds().values().filter(|build| build.ended.is_none()).count()
    }

    /// Waits until it satisfies; says whether it did in time.
    pub fn wait(&self, limit: Duration, satisfied: impl Fn(&BTreeMap<Key, Build>) -> bool) -> bool {
        let waited = self.changed.wait_timeout_while(self.builds(), limit, |builds| !satisfied(builds));
        let (builds, _) = waited.unwrap_or_else(PoisonError::into_inner);
        satisfied(&builds)
    }

    /// Waits until all are over; gives up when nothing has changed for so long.
    pub fn wait_for_all(&self, patience: Duration) -> bool {
        let (mut left, mut since) = (self.unfinished(), Instant::now());
        while left > 0 && since.elapsed() < patience {
            self.wait(PACE, |builds| builds.values().filter(|build| build.ended.is_none()).count() != left);
            let now = self.unfinished();
            if now != left {
                (left, since) = (now, Instant::now());
            }
        }
        left == 0
    }

    /// Looks again and again until it is told that it is over.
    pub fn keep_looking(&self, client: &Client, over: impl Fn() -> bool) {
        while !over() {
            // Servers are killed: what is not answered now is answered later.
            let _ = self.look(client);
            thread::sleep(PACE);
        }
    }

    fn look(&self, client: &Client) -> Fallible<()> {
        for job in Job::ALL {
            client.builds(job, PAGE, None)?.iter().for_each(|build| self.seen(job, build));
        }
        let newest = |job: Job| self.builds().keys().filter(|key| key.0 == job).map(|key| key.1).max();
        let pages = Job::ALL.map(|job| newest(job).unwrap_or_default().saturating_sub(PAGE as u64));
        let old: Vec<Key> = {
            let builds = self.builds();
            let open = builds.iter().filter(|(_, build)| build.ended.is_none());
            open.map(|(key, _)| *key).filter(|key| key.1 <= pages[key.0 as usize]).collect()
        };
        for key in old {
            self.seen(key.0, &client.build(key.0, key.1)?);
        }
        self.changed.notify_all();
        Ok(())
    }

    /// Looks at all builds there are, from the newest to the first.
    ///
    /// # Errors
    /// Nobody answers.
    pub fn look_at_all(&self, client: &Client) -> Fallible<()> {
        for job in Job::ALL {
            let mut before = None;
            loop {
                let page = client.builds(job, 500, before)?;
                page.iter().for_each(|build| self.seen(job, build));
                let Some(last) = page.last().and_then(|build| build["id"].as_i64()) else { break };
                before = Some(last);
            }
        }
        Ok(())
    }

    fn seen(&self, job: Job, build: &Value) {
        let Some(number) = number(build) else { return };
        let word = |name: &str| build[name].as_str().unwrap_or_default().to_owned();
        let time = |name: &str| build[name].as_str()?.parse().ok();
        let mut builds = self.builds();
        let known = builds.entry((job, number)).or_default();
        *known = Build {
            promised: known.promised,
            seen: true,
            phase: word("phase"),
            status: word("status"),
            error: word("error"),
            worker: word("worker"),
            run: build["run"].as_u64().unwrap_or_default(),
            created: time("created_at"),
            ended: time("ended_at").filter(|_| build["phase"] == "done"),
        };
    }
}
