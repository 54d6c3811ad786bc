//! Saving a definition: configuration changes, run-time state of what stays does not.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};

use super::tables::{JobEntry, PipelineEntry, ResourceEntry, RevisionEntry, Tables};
use crate::{
    id::{JobId, PipelineId, ResourceId, RevisionId, StateRevision},
    pipeline::{Job, Pipeline},
    port::{
        StoreError,
        store::{PipelineRow, ResourceRow, RevisionRow, SaveRevision, SavedRevision},
    },
    watermark::Watermark,
};

impl Tables {
    pub fn save(&mut self, save: SaveRevision) -> Result<SavedRevision, StoreError> {
        let existing = self
            .pipelines
            .values()
            .find(|p| p.row.team == save.team && p.row.canonical == save.canonical)
            .map(|p| p.row.id);
        if save.must_exist.is_some_and(|must| must != existing.is_some()) {
            return Ok(SavedRevision::Exists(existing.is_some()));
        }
        let current = existing.and_then(|id| self.revisions.get(&self.pipelines[&id].row.revision));
        if let (Some(pipeline), Some(current)) =
            (existing, current.filter(|r| r.content_hash == save.content_hash))
        {
            let (revision, number) = (current.row.id, current.row.number);
            self.rename(pipeline, &save);
            return Ok(SavedRevision::Saved {
                pipeline,
                revision,
                number,
                changed: false,
                to_check: Vec::new(),
            });
        }
        let before = current.map(|entry| entry.row.compiled.clone());
        let number = current.map_or(0, |entry| entry.row.number) + 1;
        let revision = RevisionId(self.next_id("revisions"));
        let compiled = Arc::new(save.compiled.clone());
        let pipeline = match existing {
            Some(id) => id,
            None => self.add_pipeline(&save, revision)?,
        };
        self.revise(pipeline, &save, revision, number);
        let row = RevisionRow {
            id: revision,
            pipeline,
            number,
            source: save.source.clone(),
            compiled: compiled.clone(),
        };
        self.revisions.insert(revision, RevisionEntry { row, content_hash: save.content_hash.clone() });
        let to_check = self.save_resources(pipeline, &compiled, before.as_deref(), save.at);
        self.save_jobs(pipeline, &compiled);
        self.raise(pipeline);
        Ok(SavedRevision::Saved { pipeline, revision, number, changed: true, to_check })
    }

    fn rename(&mut self, pipeline: PipelineId, save: &SaveRevision) {
        if let Some(entry) = self.pipelines.get_mut(&pipeline) {
            entry.row.name.clone_from(&save.name);
            entry.row.public = save.public.unwrap_or(entry.row.public);
        }
    }

    fn add_pipeline(&mut self, save: &SaveRevision, revision: RevisionId) -> Result<PipelineId, StoreError> {
        let team = self.teams.get(&save.team).ok_or_else(|| super::tables::missing("team", save.team))?;
        let team_canonical = team.canonical.clone();
        let id = PipelineId(self.next_id("pipelines"));
        let row = PipelineRow {
            id,
            team: save.team,
            team_canonical,
            name: save.name.clone(),
            canonical: save.canonical.clone(),
            public: false,
            revision,
            revision_number: 0,
            updated_at: save.at,
            updated_by: save.by.clone(),
            last_build_at: None,
        };
        let entry = PipelineEntry {
            row,
            state: StateRevision(0),
            vars: BTreeMap::new(),
            given_secrets: BTreeMap::new(),
        };
        self.pipelines.insert(id, entry);
        Ok(id)
    }

    fn revise(&mut self, pipeline: PipelineId, save: &SaveRevision, revision: RevisionId, number: i64) {
        self.rename(pipeline, save);
        if let Some(entry) = self.pipelines.get_mut(&pipeline) {
            entry.row.revision = revision;
            entry.row.revision_number = number;
            entry.row.updated_at = save.at;
            entry.row.updated_by.clone_from(&save.by);
            entry.vars.clone_from(&save.vars);
            entry.given_secrets.clone_from(&save.given_secrets);
        }
    }

    fn save_resources(
        &mut self,
        pipeline: PipelineId,
        compiled: &Pipeline,
        before: Option<&Pipeline>,
        at: DateTime<Utc>,
    ) -> Vec<ResourceId> {
        let mut to_check = Vec::new();
        for entry in self.resources.values_mut().filter(|entry| entry.row.pipeline == pipeline) {
            entry.archived = compiled.resource(&entry.row.canonical).is_none();
        }
        for resource in &compiled.resources {
            let canonical = resource.canonical();
            let id = self
                .resource_named(pipeline, &canonical)
                .unwrap_or_else(|| self.add_resource(pipeline, &canonical));
            if compiled.wants_check(&canonical, before) {
                to_check.push(id);
                if let Some(entry) = self.resources.get_mut(&id) {
                    entry.request(at);
                }
            }
        }
        to_check
    }

    fn add_resource(&mut self, pipeline: PipelineId, canonical: &str) -> ResourceId {
        let id = ResourceId(self.next_id("resources"));
        let row = ResourceRow {
            id,
            pipeline,
            canonical: canonical.to_owned(),
            webhook_token: format!("{canonical}_{}", uuid::Uuid::new_v4()),
            last_check: None,
            next_check: None,
            failing: false,
            logs: String::new(),
            checking: None,
            latest: None,
        };
        self.resources.insert(id, ResourceEntry { row, archived: false, again: false, leases: 0 });
        id
    }

    fn save_jobs(&mut self, pipeline: PipelineId, compiled: &Pipeline) {
        for entry in self.jobs.values_mut().filter(|entry| entry.pipeline == pipeline) {
            if compiled.job(&entry.name).is_none() {
                entry.archived = true;
                entry.gets.clear();
            }
        }
        for (position, job) in (0..).zip(&compiled.jobs) {
            let id = self.job_named(pipeline, &job.name).unwrap_or_else(|| {
                let id = JobId(self.next_id("jobs"));
                let entry = JobEntry {
                    pipeline,
                    name: job.name.clone(),
                    position,
                    archived: false,
                    last_number: 0,
                    gets: BTreeMap::new(),
                };
                self.jobs.insert(id, entry);
                id
            });
            let marks = self.watermarks(pipeline, id, job);
            if let Some(entry) = self.jobs.get_mut(&id) {
                (entry.position, entry.archived, entry.gets) = (position, false, marks);
            }
        }
    }

    fn watermarks(&self, pipeline: PipelineId, id: JobId, job: &Job) -> BTreeMap<String, Watermark> {
        let mut marks = BTreeMap::new();
        for get in job.gets() {
            let Some(resource) = self.resource_named(pipeline, &get.step.resource) else { continue };
            let old = self.jobs[&id].gets.get(&*get.key);
            let candidate = old.and_then(|old| self.candidates(pipeline, old).last().copied());
            let newest = self.newest_version(resource);
            let mark = Watermark::after_save(old, get.step, resource, newest, candidate);
            marks.insert(get.key.into_owned(), mark);
        }
        marks
    }
}
