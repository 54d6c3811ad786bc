//! Typed identities. A number from one table can never be passed where another's is meant.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! number_ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    )*};
}

number_ids! {
    /// A team's row.
    TeamId,
    /// A user's row.
    UserId,
    /// A pipeline's row. It survives every update of the pipeline's definition.
    PipelineId,
    /// One immutable definition of a pipeline.
    RevisionId,
    /// A job's row; the same as long as a job of that name stays in the pipeline.
    JobId,
    /// A resource's row; the same as long as a resource of that canonical stays in the pipeline.
    ResourceId,
    /// A version's row. Ids grow within an installation; version order *is* id order.
    VersionId,
    /// A build's row. A build that runs again after a loss keeps it.
    BuildId,
}

/// Counts the changes of a pipeline's run-time state; writes are conditional on it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StateRevision(pub i64);

/// What a claim is worth: a counter that grows with each claim of a build (high 31 bits) beside 32 random bits.
///
/// **Invariant:** compared for equality only; a write that carries another fence than the row's is refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fence(pub i64);

impl Fence {
    /// The fence of claim number `claim` (from 1), made unforgeable by `random`.
    pub fn new(claim: u32, random: u32) -> Self {
        Self((i64::from(claim & 0x7fff_ffff) << 32) | i64::from(random))
    }

    /// What makes it unforgeable.
    pub fn random(self) -> u32 {
        u32::try_from(self.0 & 0xffff_ffff).unwrap_or(0)
    }

    /// How often the build had been claimed when this fence was made, counted from 1.
    pub fn claim(self) -> u32 {
        u32::try_from((self.0 >> 32) & 0x7fff_ffff).unwrap_or(0)
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// One process: a server, a worker, or both. Random, new at each start; a restarted worker is another node.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub String);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Random number of one life of a worker process: (build, fence) accepted by one is refused to any other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Incarnation(pub u64);

/// One run of one service in one build. Random; containers and host processes carry it as their identity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstanceId(pub uuid::Uuid);

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a step stands in the plan: `2`, `2.on_failure.0`, `on_success.0`, `svc.db.start`, `svc.db.ready`, `svc.db.stop`.
///
/// Fixed before the step runs; steps, logs and links are addressed by it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepPath(pub String);

impl StepPath {
    /// The path of the plan's step at `index`, counted from 0.
    pub fn of_plan(index: usize) -> Self {
        Self(index.to_string())
    }

    /// The path of the `index`th hook `kind` of this step.
    pub fn hook(&self, kind: &str, index: usize) -> Self {
        Self(format!("{}.{kind}.{index}", self.0))
    }

    /// The path of the `index`th hook `kind` of the job.
    pub fn of_job_hook(kind: &str, index: usize) -> Self {
        Self(format!("{kind}.{index}"))
    }

    /// The path of a service's part: `start`, `ready` or `stop`.
    pub fn of_service(name: &str, part: &str) -> Self {
        Self(format!("svc.{name}.{part}"))
    }
}

impl fmt::Display for StepPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A build's number within its job: `12`, or `12.1` for the first retry of build 12. Ordered by number on both parts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct BuildNumber {
    /// The number of the original build, from 1, never reused.
    pub major: i64,
    /// 0 for the original, else which retry this is.
    pub retry: i64,
}

impl BuildNumber {
    /// The number of an original build.
    pub fn original(major: i64) -> Self {
        Self { major, retry: 0 }
    }
}

impl fmt::Display for BuildNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.retry == 0 { write!(f, "{}", self.major) } else { write!(f, "{}.{}", self.major, self.retry) }
    }
}

impl std::str::FromStr for BuildNumber {
    type Err = BadBuildNumber;

    fn from_str(text: &str) -> Result<Self, BadBuildNumber> {
        let bad = || BadBuildNumber(text.to_owned());
        let (major, retry) = text.split_once('.').map_or((text, None), |(m, r)| (m, Some(r)));
        let part = |s: &str| s.parse::<i64>().ok().filter(|n| *n > 0).ok_or_else(bad);
        Ok(Self { major: part(major)?, retry: retry.map(part).transpose()?.unwrap_or(0) })
    }
}

/// A text that is not a build number such as `7` or `7.1`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a build number (expected a number such as `7` or `7.1`)")]
pub struct BadBuildNumber(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_numbers_order_by_number() {
        let mut numbers: Vec<BuildNumber> =
            ["10", "9.2", "9", "9.10"].iter().map(|n| n.parse().unwrap()).collect();
        numbers.sort();
        assert_eq!(numbers.iter().map(ToString::to_string).collect::<Vec<_>>(), ["9", "9.2", "9.10", "10"]);
        assert!("0".parse::<BuildNumber>().is_err() && "7.".parse::<BuildNumber>().is_err());
    }

    #[test]
    fn a_fence_remembers_its_claim() {
        assert_eq!(Fence::new(3, u32::MAX).claim(), 3);
        assert_ne!(Fence::new(3, 1), Fence::new(3, 2));
    }
}
