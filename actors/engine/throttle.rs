//! What may be said again and again is named in the log now and then.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often one thing is named.
const NAMED_EVERY: Duration = Duration::from_secs(60);

/// Lets each name pass once a minute. Names are the program's own, so they are few.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<HashMap<&'static str, Instant>>);

impl Throttle {
    pub(crate) fn allows(&self, name: &'static str) -> bool {
        let mut named = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let passes = named.get(name).is_none_or(|last| now.duration_since(*last) >= NAMED_EVERY);
        if passes {
            named.insert(name, now);
        }
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_passes_once_in_a_while() {
        let throttle = Throttle::default();
        let passed: Vec<bool> = ["a", "a", "b", "a"].map(|name| throttle.allows(name)).into();
        assert_eq!(passed, [true, false, true, false]);
        let long_ago = Instant::now().checked_sub(NAMED_EVERY).unwrap();
        throttle.0.lock().unwrap().insert("a", long_ago);
        assert!(throttle.allows("a"));
    }
}
