//! The connection to a broker, as seen from here: up, or down and why. Whoever shows health reads it; nobody waits for it.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use crate::probe::Probe;

/// A connection that stays away is named this often.
const NAMED_EVERY: Duration = Duration::from_secs(60);
/// And its port is asked this often what the matter is.
const ASKED_EVERY: Duration = Duration::from_secs(15);
/// How long a client may be silent about its first try.
const FIRST_TRY: Duration = Duration::from_secs(5);
/// The reason before the first try.
const UNTRIED: &str = "not connected yet";

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

/// Keeps the state of one connection. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Link(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: watch::Sender<LinkState>,
    known: Mutex<Known>,
}

/// Reasons that are better than the last error.
#[derive(Default, Debug)]
struct Known {
    /// What its port told.
    port: Option<String>,
    /// What the broker refused us for: a client says that once, and then for minutes only that nobody is there.
    refusal: Option<String>,
}

impl Known {
    fn best(&self) -> Option<&String> {
        self.port.as_ref().or(self.refusal.as_ref())
    }
}

impl Link {
    /// A connection that is not there yet.
    pub fn new() -> Self {
        let state = watch::Sender::new(LinkState::Down(UNTRIED.to_owned()));
        Self(Arc::new(Shared { state, known: Mutex::default() }))
    }

    pub fn up(&self) {
        let up = LinkState::Up;
        let changed = self.0.state.send_if_modified(|state| {
            *self.known() = Known::default();
            std::mem::replace(state, up.clone()) != up
        });
        if changed {
            tracing::info!("the broker is connected");
        }
    }

    /// It is away, or still away; a client may say so with each try.
    pub fn down(&self, reason: impl fmt::Display) {
        self.0.state.send_if_modified(|state| {
            let known = self.known().best().cloned();
            let now = LinkState::Down(known.unwrap_or_else(|| reason.to_string()));
            std::mem::replace(state, now.clone()) != now
        });
    }

    /// The broker does not want us: the reason until it does, whatever else goes wrong meanwhile.
    pub fn refused(&self, reason: &str) {
        self.known().refusal = Some(reason.to_owned());
        self.down(reason);
    }

    /// What its port told; of no interest once it is there.
    fn explain(&self, reason: Option<String>) {
        self.0.state.send_if_modified(|state| {
            let LinkState::Down(now) = state else { return false };
            let mut known = self.known();
            known.port = reason;
            known.best().is_some_and(|best| std::mem::replace(now, best.clone()) != *best)
        });
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whenever it is away: asks the port why, and says so aloud.
    pub async fn tell(self, probe: Probe) {
        let mut state = self.watch();
        let is_tried = |state: &LinkState| !matches!(state, LinkState::Down(reason) if reason == UNTRIED);
        // A port that takes connections and says nothing leaves clients waiting without a word.
        let _ = tokio::time::timeout(FIRST_TRY, state.wait_for(is_tried)).await;
        while state.wait_for(|state| *state != LinkState::Up).await.is_ok() {
            let mut named: Option<(String, Instant)> = None;
            loop {
                self.explain(probe.ask().await);
                let LinkState::Down(reason) = state.borrow().clone() else { break };
                if named.as_ref().is_none_or(|(said, at)| *said != reason || at.elapsed() >= NAMED_EVERY) {
                    tracing::warn!("the broker is not connected: {reason}; it is tried again and again");
                    named = Some((reason, Instant::now()));
                }
                let back = state.wait_for(|state| *state == LinkState::Up);
                if tokio::time::timeout(ASKED_EVERY, back).await.is_ok() {
                    break;
                }
            }
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
        link.explain(Some("its certificate is not trusted".to_owned()));
        link.down("IO error");
        assert_eq!(link.trouble().as_deref(), Some("its certificate is not trusted"));
        link.up();
        link.explain(Some("too late".to_owned()));
        link.down("IO error");
        assert_eq!(link.trouble().as_deref(), Some("IO error"));
    }

    #[test]
    fn a_refusal_is_the_reason_until_the_broker_takes_us() {
        let link = Link::new();
        link.refused("invalid password");
        link.down("1/1 brokers are down");
        link.explain(None);
        link.down("timed out");
        assert_eq!(link.trouble().as_deref(), Some("invalid password"));
        link.explain(Some("connection refused".to_owned()));
        assert_eq!(link.trouble().as_deref(), Some("connection refused"));
        link.explain(None);
        assert_eq!(link.trouble().as_deref(), Some("invalid password"));
        link.up();
        link.down("IO error");
        assert_eq!(link.trouble().as_deref(), Some("IO error"));
    }
}
