//! Pipelines: configuration in immutable revisions, apart from run-time state.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::{
    build::{Build, BuildStatus},
    id::{BuildId, JobId, PipelineId, ResourceId, RevisionId, TeamId},
    pipeline::Pipeline,
    text::SecretValue,
};

/// A pipeline's row.
#[derive(Clone, PartialEq, Debug)]
pub struct PipelineRow {
    /// Its identity.
    pub id: PipelineId,
    /// Whose.
    pub team: TeamId,
    /// Canonical of the team.
    pub team_canonical: String,
    /// As shown.
    pub name: String,
    /// In addresses.
    pub canonical: String,
    /// Visible without login.
    pub public: bool,
    /// The current definition.
    pub revision: RevisionId,
    /// Its number, from 1.
    pub revision_number: i64,
    /// When it was saved last.
    pub updated_at: DateTime<Utc>,
    /// Who saved it last.
    pub updated_by: String,
    /// When its newest build was created.
    pub last_build_at: Option<DateTime<Utc>>,
}

/// One immutable definition.
#[derive(Clone, PartialEq, Debug)]
pub struct RevisionRow {
    /// Its identity.
    pub id: RevisionId,
    /// Whose.
    pub pipeline: PipelineId,
    /// From 1.
    pub number: i64,
    /// The file.
    pub source: Vec<u8>,
    /// What it means.
    pub compiled: Arc<Pipeline>,
}

/// A definition to be saved.
#[derive(Clone, Debug)]
pub struct SaveRevision {
    /// Whose.
    pub team: TeamId,
    /// As shown.
    pub name: String,
    /// In addresses; the key together with the team.
    pub canonical: String,
    /// The file.
    pub source: Vec<u8>,
    /// SHA-256 of file and values, hex: the same content is no new revision.
    pub content_hash: String,
    /// What it means.
    pub compiled: Pipeline,
    /// Plain values given for variables, by name, as JSON; replaces the stored set.
    pub vars: BTreeMap<String, serde_json::Value>,
    /// Given values of secret-backed variables; stored sealed; replaces the stored set.
    pub given_secrets: BTreeMap<String, SecretValue>,
    /// Visible without login; none keeps what is stored (false at first).
    pub public: Option<bool>,
    /// True: refuse unless it exists. False: refuse if it exists.
    pub must_exist: Option<bool>,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub by: String,
}

/// What saving did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SavedRevision {
    /// Stored, or the same content was there already.
    Saved {
        /// The pipeline.
        pipeline: PipelineId,
        /// The current revision.
        revision: RevisionId,
        /// Its number.
        number: i64,
        /// False if nothing changed.
        changed: bool,
        /// Resources that are new or whose definition changed: a check is requested for each in the same transaction.
        to_check: Vec<ResourceId>,
    },
    /// `must_exist` did not hold.
    Exists(bool),
}

/// A job's row with what lists show.
#[derive(Clone, PartialEq, Debug)]
pub struct JobRow {
    /// Its identity.
    pub id: JobId,
    /// Its name.
    pub name: String,
    /// Its place in the file.
    pub position: u32,
    /// The newest build of all.
    pub latest: Option<Build>,
    /// The newest build that ended.
    pub latest_ended: Option<Build>,
}

/// A build that used a version.
#[derive(Clone, PartialEq, Debug)]
pub struct VersionUse {
    /// Which.
    pub build: BuildId,
    /// Name of its job.
    pub job: String,
    /// Its number as shown.
    pub number: crate::id::BuildNumber,
    /// How it stands.
    pub status: BuildStatus,
}

/// Pipelines, their revisions and jobs.
#[async_trait]
pub trait PipelineStore {
    /// Saves a definition in one transaction: revision, jobs, gets, resources. Run-time state of jobs and resources
    /// that stay (by name) is untouched; a root get that first appears starts at the newest version (its
    /// `considered_up_to`), one with `passed` gets its baseline; those that are gone are archived.
    async fn save_revision(&self, save: SaveRevision) -> Result<SavedRevision, StoreError>;
    /// A pipeline by name.
    async fn pipeline(&self, team: &str, canonical: &str) -> Result<Option<PipelineRow>, StoreError>;
    /// A pipeline by id.
    async fn pipeline_by_id(&self, id: PipelineId) -> Result<Option<PipelineRow>, StoreError>;
    /// All pipelines, of a team or of all.
    async fn pipelines(&self, team: Option<TeamId>) -> Result<Vec<PipelineRow>, StoreError>;
    /// Deletes a pipeline that has no unfinished build, with everything that is its own; false if it has one.
    async fn delete_pipeline(&self, id: PipelineId) -> Result<bool, StoreError>;
    /// A definition. Immutable, so adapters keep the latest ones compiled in memory.
    async fn revision(&self, id: RevisionId) -> Result<Option<RevisionRow>, StoreError>;
    /// The values that were given for the variables: plain ones and secrets.
    async fn given_values(
        &self,
        id: PipelineId,
    ) -> Result<(BTreeMap<String, serde_json::Value>, BTreeMap<String, SecretValue>), StoreError>;
    /// The pipeline's jobs, in file order, with their newest builds.
    async fn jobs(&self, id: PipelineId) -> Result<Vec<JobRow>, StoreError>;
    /// A job by name.
    async fn job(&self, pipeline: PipelineId, name: &str) -> Result<Option<JobRow>, StoreError>;
    /// The newest builds of a pipeline over all jobs, at most `limit`.
    async fn recent_builds(&self, id: PipelineId, limit: u32) -> Result<Vec<Build>, StoreError>;
    /// The queued builds of a pipeline, oldest first, at most `limit`, and how many there are in all.
    async fn waiting_builds(&self, id: PipelineId, limit: u32) -> Result<(Vec<Build>, u64), StoreError>;
}
