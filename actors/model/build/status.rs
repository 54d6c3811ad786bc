//! Status and phase, and which change of them is legal.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a person sees of a build or a step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuildStatus {
    /// Queued.
    Pending,
    /// Running.
    Started,
    /// All went well.
    Succeeded,
    /// It did not.
    Failed,
    /// Failed but allowed to, or marked by hand; counts as passed downstream.
    Warning,
    /// Ended on request.
    Cancelled,
}

impl BuildStatus {
    /// The word in the API and the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Started => "started",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Warning => "warning",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Pending, Self::Started, Self::Succeeded, Self::Failed, Self::Warning, Self::Cancelled]
            .into_iter()
            .find(|status| status.word() == word)
    }

    /// Whether nothing follows by itself.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Started)
    }

    /// Whether its versions count as passed.
    pub fn passes(self) -> bool {
        matches!(self, Self::Succeeded | Self::Warning)
    }

    /// Whether this may become `next`. `started → pending` (a new run) needs a new fence, which the caller holds. What
    /// succeeded fails all the same when a process of it outlives its kill.
    pub fn may_become(self, next: Self) -> bool {
        use BuildStatus as S;
        matches!(
            (self, next),
            (S::Pending, S::Started | S::Cancelled | S::Failed)
                | (S::Started, S::Succeeded | S::Failed | S::Warning | S::Cancelled | S::Pending)
                | (S::Succeeded | S::Warning, S::Failed)
                | (S::Failed, S::Warning)
        )
    }
}

impl fmt::Display for BuildStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How far a build is, whatever its status says: a cancelled build holds its place until its services are stopped.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Waits for a worker.
    Queued,
    /// A worker holds it; nothing has been reported yet.
    Claimed,
    /// The plan runs.
    Running,
    /// The services are being stopped.
    Stopping,
    /// The status is fixed; job hooks run.
    Hooks,
    /// Nothing of it is alive.
    Done,
}

impl Phase {
    /// The word in the API and the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Claimed => "claimed",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Hooks => "hooks",
            Self::Done => "done",
        }
    }

    /// The phase of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Queued, Self::Claimed, Self::Running, Self::Stopping, Self::Hooks, Self::Done]
            .into_iter()
            .find(|phase| phase.word() == word)
    }

    /// Whether this may become `next`: only forward, or back to the queue with a new fence.
    pub fn may_become(self, next: Self) -> bool {
        self != Self::Done && (next > self || (next == Self::Queued && self != Self::Queued))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_final_status_stays() {
        for status in [BuildStatus::Succeeded, BuildStatus::Warning, BuildStatus::Cancelled] {
            for next in [BuildStatus::Pending, BuildStatus::Started, BuildStatus::Cancelled] {
                assert!(!status.may_become(next), "{status} → {next}");
            }
        }
        assert!(!BuildStatus::Cancelled.may_become(BuildStatus::Failed));
        assert!(BuildStatus::Failed.may_become(BuildStatus::Warning));
    }

    #[test]
    fn a_phase_goes_forward_or_back_to_the_queue() {
        assert!(Phase::Claimed.may_become(Phase::Done) && Phase::Hooks.may_become(Phase::Queued));
        assert!(!Phase::Done.may_become(Phase::Queued) && !Phase::Stopping.may_become(Phase::Running));
    }
}
