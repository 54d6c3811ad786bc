//! Waiting for an event, never for time.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How long anything may take on a machine that is shared and noisy. Nothing is measured by it.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks at something that cannot wake us.
pub const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Looks until `look` finds something.
///
/// # Panics
/// Nothing was found before the deadline; `what` says what was awaited.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not seen in {PATIENCE:?}: {what}");
        thread::sleep(LOOK_AGAIN);
    }
}
