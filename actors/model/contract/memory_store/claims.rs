//! Claims: who may run a build, and what it is made of.

use std::collections::BTreeMap;

use super::tables::Tables;
use crate::{
    build::{Build, BuildStatus, Claim, Phase, Waiting},
    id::Fence,
    port::store::{ClaimAnswer, ClaimRequest, ClaimedBuild, PlanParts},
};

impl Tables {
    pub fn claim(&mut self, request: &ClaimRequest) -> ClaimAnswer {
        let claimed = self.builds.get(&request.build).filter(|entry| request.made(&entry.build));
        if let Some(entry) = claimed {
            let parts =
                self.plan_parts(&entry.build).map(|parts| ClaimedBuild { build: entry.build.clone(), parts });
            return parts.map_or(ClaimAnswer::Gone, |claimed| ClaimAnswer::Claimed(Box::new(claimed)));
        }
        let queued = self.builds.get(&request.build).filter(|entry| entry.build.phase == Phase::Queued);
        let Some(entry) = queued else { return ClaimAnswer::Gone };
        let claims = entry.claims + 1;
        let Some(parts) = self.plan_parts(&entry.build) else { return ClaimAnswer::Gone };
        if let Some(waiting) = self.must_wait(&entry.build) {
            return ClaimAnswer::MustWait(waiting);
        }
        let Some(entry) = self.builds.get_mut(&request.build) else { return ClaimAnswer::Gone };
        entry.claims = claims;
        entry.build.status = BuildStatus::Started;
        entry.build.phase = Phase::Claimed;
        entry.build.worker = Some(request.worker.clone());
        entry.build.claim = Some(Claim {
            node: request.node.clone(),
            incarnation: request.incarnation,
            fence: Fence::new(claims, request.random),
        });
        ClaimAnswer::Claimed(Box::new(ClaimedBuild { build: entry.build.clone(), parts }))
    }

    /// What forbids it now: a version that is awaited, the job's limit, another job of a serial group.
    fn must_wait(&self, build: &Build) -> Option<Waiting> {
        let job = self.kept_job(build)?;
        let held: Vec<&Build> = self.held().filter(|held| held.pipeline == build.pipeline).collect();
        if let Some(get) = job.gets().find(|get| !build.versions.contains_key(&*get.key)) {
            return Some(Waiting::NoVersion { resource: get.step.resource.clone() });
        }
        let same: Vec<_> = held.iter().filter(|held| held.job == build.job).map(|held| held.id).collect();
        if job.concurrency > 0 && same.len() >= job.concurrency as usize {
            return Some(Waiting::Concurrency { limit: job.concurrency, held_by: same });
        }
        held.iter().filter(|held| held.job != build.job).find_map(|held| {
            let theirs = self.kept_job(held)?.serial_groups;
            let group = job.serial_groups.iter().find(|group| theirs.contains(group))?;
            Some(Waiting::SerialGroup { group: group.clone(), held_by: held.id })
        })
    }

    fn plan_parts(&self, build: &Build) -> Option<PlanParts> {
        let pipeline = self.pipelines.get(&build.pipeline)?;
        let definition = self.definition(build.revision)?;
        let resources = self.resources.values().filter(|entry| {
            entry.row.pipeline == build.pipeline && definition.resource(&entry.row.canonical).is_some()
        });
        let versions = build
            .versions
            .iter()
            .filter_map(|(get, used)| Some((get.clone(), self.versions.get(&used.version)?.clone())))
            .collect::<BTreeMap<_, _>>();
        Some(PlanParts {
            team: pipeline.row.team_canonical.clone(),
            pipeline: pipeline.row.canonical.clone(),
            resources: resources.map(|entry| (entry.row.canonical.clone(), entry.row.id)).collect(),
            definition,
            versions,
            given_secrets: pipeline.given_secrets.clone(),
        })
    }
}
