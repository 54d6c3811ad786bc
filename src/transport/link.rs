//! The connection to a broker, as seen from here: up, or down and why. Whoever shows health reads it; nobody waits for it.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

/// A connection that stays away is named this often.
const NAMED_EVERY: Duration = Duration::from_secs(60);

/// How the connection stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinkState {
    /// Envelopes go and come.
    Up,
    /// They do not; the reason in words. It is tried again.
    Down(String),
}

impl fmt::Display for LinkState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up => f.write_str("up"),
            Self::Down(reason) => write!(f, "down: {reason}"),
        }
    }
}

/// Keeps the state of one connection and says aloud when it changes. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Link(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: watch::Sender<LinkState>,
    /// When the log was told last that it is away.
    named: Mutex<Option<Instant>>,
}

impl Link {
    /// A connection that is not there yet.
    pub fn new() -> Self {
        let state = watch::Sender::new(LinkState::Down("not connected yet".to_owned()));
        Self(Arc::new(Shared { state, named: Mutex::default() }))
    }

    pub fn up(&self) {
        let up = LinkState::Up;
        let changed = self.0.state.send_if_modified(|state| std::mem::replace(state, up.clone()) != up);
        if changed {
            *self.0.named.lock().unwrap_or_else(PoisonError::into_inner) = None;
            tracing::info!("the broker is connected");
        }
    }

    /// It is away, or still away; a client may say so with each try.
    pub fn down(&self, reason: impl fmt::Display) {
        let now = LinkState::Down(reason.to_string());
        self.0.state.send_if_modified(|state| std::mem::replace(state, now.clone()) != now);
        let mut named = self.0.named.lock().unwrap_or_else(PoisonError::into_inner);
        if named.is_none_or(|at| at.elapsed() >= NAMED_EVERY) {
            *named = Some(Instant::now());
            tracing::warn!("the broker is not connected: {reason}; it is tried again and again");
        }
    }

    pub fn watch(&self) -> watch::Receiver<LinkState> {
        self.0.state.subscribe()
    }

    /// Why nothing can be sent; none when something can.
    pub fn trouble(&self) -> Option<String> {
        match &*self.0.state.borrow() {
            LinkState::Up => None,
            LinkState::Down(reason) => Some(reason.clone()),
        }
    }
}

/// The pause before try `attempt` (from 1): doubling from 50 ms, at most 5 s, less up to a quarter by `jitter` (0 to
/// 255) so that a fleet does not come back in one step.
pub(crate) fn backoff(attempt: usize, jitter: u8) -> Duration {
    let doubled = 50u64 << attempt.saturating_sub(1).min(7);
    let pause = doubled.min(5000);
    Duration::from_millis(pause - pause * u64::from(jitter) / 1024)
}

/// Random bits for [`backoff`].
pub(crate) fn jitter() -> u8 {
    uuid::Uuid::new_v4().as_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_seconds() {
        let pauses: Vec<u128> = (1..=9).map(|attempt| backoff(attempt, 0).as_millis()).collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert!((3750..5000).contains(&backoff(9, 255).as_millis()));
    }

    #[test]
    fn the_state_is_the_last_one_said() {
        let link = Link::new();
        assert_eq!(link.trouble().as_deref(), Some("not connected yet"));
        link.up();
        assert_eq!((link.trouble(), link.watch().borrow().clone()), (None, LinkState::Up));
        link.down("refused");
        assert_eq!(link.watch().borrow().to_string(), "down: refused");
    }
}
