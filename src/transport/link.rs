//! The connection to a broker, as seen from here: up, or down and why. Whoever shows health reads it; nobody waits for it.

use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::watch;

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
pub(crate) struct Link(Arc<watch::Sender<LinkState>>);

impl Link {
    /// A connection that is not there yet.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(LinkState::Down("not connected yet".to_owned()))))
    }

    pub fn up(&self) {
        let changed =
            self.0.send_if_modified(|state| std::mem::replace(state, LinkState::Up) != LinkState::Up);
        if changed {
            tracing::info!("the broker is connected");
        }
    }

    pub fn down(&self, reason: impl fmt::Display) {
        let now = LinkState::Down(reason.to_string());
        let changed = self.0.send_if_modified(|state| std::mem::replace(state, now.clone()) != now);
        if changed {
            tracing::warn!("the broker is not connected: {reason}");
        }
    }

    pub fn watch(&self) -> watch::Receiver<LinkState> {
        self.0.subscribe()
    }

    /// Why nothing can be sent; none when something can.
    pub fn trouble(&self) -> Option<String> {
        match &*self.0.borrow() {
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
