//! Failed logins: after five in a minute a name is refused for the rest of that minute.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use pikoci_model::port::Monotonic;

/// Failures that are counted together.
const WINDOW: Duration = Duration::from_secs(60);
/// Failures of one name in a window.
const ALLOWED: usize = 5;
/// Names that are remembered: who tries many names must not fill the memory.
const NAMES: usize = 4096;

/// Recent failures by name, and the places for hashing.
pub(crate) struct Logins {
    failures: Mutex<BTreeMap<String, VecDeque<Monotonic>>>,
    /// A hash takes 19 MiB and a core: so many at once and no more.
    pub(super) hashing: tokio::sync::Semaphore,
}

impl Default for Logins {
    fn default() -> Self {
        Self { failures: Mutex::default(), hashing: tokio::sync::Semaphore::new(2) }
    }
}

impl Logins {
    /// How long the name is still refused.
    pub(super) fn refused_for(&self, name: &str, now: Monotonic) -> Option<Duration> {
        let failures = self.lock();
        let times = failures.get(name)?;
        let recent = times.iter().filter(|at| now.saturating_sub(**at) < WINDOW).count();
        let oldest = times.front()?;
        (recent >= ALLOWED).then(|| (*oldest + WINDOW).saturating_sub(now))
    }

    pub(super) fn failed(&self, name: &str, now: Monotonic) {
        let mut failures = self.lock();
        if failures.len() >= NAMES && !failures.contains_key(name) {
            failures.retain(|_, times| times.back().is_some_and(|at| now.saturating_sub(*at) < WINDOW));
        }
        if failures.len() >= NAMES && !failures.contains_key(name) {
            let oldest =
                failures.iter().min_by_key(|(_, times)| times.back().copied()).map(|(name, _)| name.clone());
            oldest.and_then(|name| failures.remove(&name));
        }
        let times = failures.entry(name.to_owned()).or_default();
        times.push_back(now);
        while times.len() > ALLOWED {
            times.pop_front();
        }
    }

    pub(super) fn succeeded(&self, name: &str) {
        self.lock().remove(name);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, VecDeque<Monotonic>>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Monotonic {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_sixth_try_in_a_minute_is_refused() {
        let logins = Logins::default();
        for second in 0..5 {
            assert_eq!(logins.refused_for("ann", at(second)), None);
            logins.failed("ann", at(second));
        }
        assert_eq!(logins.refused_for("ann", at(10)), Some(at(50)));
        assert_eq!(logins.refused_for("bob", at(10)), None);
        assert_eq!(logins.refused_for("ann", at(60)), None, "the first failure is a minute old");
        logins.succeeded("ann");
        assert_eq!(logins.refused_for("ann", at(10)), None);
    }

    #[test]
    fn many_names_fill_no_memory() {
        let logins = Logins::default();
        for n in 0..3 * NAMES {
            logins.failed(&n.to_string(), at(1));
        }
        assert!(logins.lock().len() <= NAMES);
    }
}
