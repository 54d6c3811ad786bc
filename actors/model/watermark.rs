//! From which version on a get looks: its run-time row, and what saving a definition makes of it.

use serde::{Deserialize, Serialize};

use crate::{
    id::{ResourceId, VersionId},
    step::{GetStep, VersionMode},
};

/// Run-time state of one get of one job.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Watermark {
    /// Whose versions.
    pub resource: ResourceId,
    /// Names of the upstream jobs, sorted; empty for a root get.
    pub passed: Vec<String>,
    /// Whether new versions start the job.
    pub trigger: bool,
    /// Every version, or only the newest.
    pub mode: VersionMode,
    /// Root: versions up to this one were considered. Else: only versions above this one count as candidates.
    pub floor: VersionId,
    /// Candidates below this one were skipped when only the newest counted; `every` does not go back to them.
    pub every_from: VersionId,
}

impl Watermark {
    /// The row after a definition with `get` was saved.
    ///
    /// A get that first appears — another resource, other upstream jobs, or a root get that begins to trigger — starts
    /// at the resource's `newest` version, so that a new job does not replay the past. `candidate` is the highest
    /// version that passed and counts for the old row.
    pub fn after_save(
        old: Option<&Self>,
        get: &GetStep,
        resource: ResourceId,
        newest: Option<VersionId>,
        candidate: Option<VersionId>,
    ) -> Self {
        let mut passed = get.passed.clone();
        passed.sort();
        passed.dedup();
        let fresh = newest.unwrap_or(VersionId(0));
        let new = Self {
            resource,
            passed,
            trigger: get.trigger,
            mode: get.mode,
            floor: fresh,
            every_from: VersionId(0),
        };
        match old.filter(|old| new.continues(old)) {
            None => new,
            Some(old) if new.mode == VersionMode::Every && old.mode == VersionMode::Latest => {
                Self { floor: old.floor, every_from: candidate.unwrap_or(VersionId(0)), ..new }
            }
            Some(old) => Self { floor: old.floor, every_from: old.every_from, ..new },
        }
    }

    /// Whether it has no upstream jobs.
    pub fn is_root(&self) -> bool {
        self.passed.is_empty()
    }

    fn continues(&self, old: &Self) -> bool {
        let begins_to_trigger = self.is_root() && self.trigger && !old.trigger;
        self.resource == old.resource && self.passed == old.passed && !begins_to_trigger
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(trigger: bool, passed: &[&str], mode: VersionMode) -> GetStep {
        let passed = passed.iter().map(|&job| job.to_owned()).collect();
        GetStep { resource: "git.app".into(), trigger, passed, mode }
    }

    fn save(old: Option<&Watermark>, get: &GetStep, newest: i64) -> Watermark {
        Watermark::after_save(old, get, ResourceId(1), Some(VersionId(newest)), Some(VersionId(newest - 1)))
    }

    #[test]
    fn a_get_that_stays_keeps_its_floor() {
        let first = save(None, &get(true, &[], VersionMode::Every), 4);
        assert_eq!(first.floor, VersionId(4));
        assert_eq!(save(Some(&first), &get(true, &[], VersionMode::Every), 9).floor, VersionId(4));
    }

    #[test]
    fn a_get_that_becomes_another_starts_at_the_newest() {
        let quiet = save(None, &get(false, &[], VersionMode::Latest), 4);
        assert_eq!(save(Some(&quiet), &get(true, &[], VersionMode::Latest), 9).floor, VersionId(9));
        let first = save(None, &get(true, &["a"], VersionMode::Latest), 4);
        assert_eq!(save(Some(&first), &get(true, &["a", "b"], VersionMode::Latest), 9).floor, VersionId(9));
    }

    #[test]
    fn every_does_not_go_back_to_what_latest_skipped() {
        let latest = save(None, &get(true, &["a"], VersionMode::Latest), 4);
        let every = save(Some(&latest), &get(true, &["a"], VersionMode::Every), 9);
        assert_eq!((every.floor, every.every_from), (VersionId(4), VersionId(8)));
    }
}
