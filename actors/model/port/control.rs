//! What a person may ask of the engine, through page, API or client.
//!
//! The engine answers after the store has it. Every refusal names what was wrong and what would be right.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::{
    diagnostic::Diagnostic,
    id::{BuildId, JobId, PipelineId, ResourceId, TeamId, VersionId},
    port::StoreError,
    scheduling::InsertedBuild,
};

/// Starts a build by hand.
#[derive(Clone, Debug)]
pub struct Trigger {
    /// Whose.
    pub pipeline: PipelineId,
    /// Which job.
    pub job: JobId,
    /// `INPUT_<name>`.
    pub inputs: BTreeMap<String, String>,
    /// Who asked.
    pub by: String,
}

/// Creates a pipeline or replaces its definition.
#[derive(Clone, Debug)]
pub struct SavePipeline {
    /// Whose.
    pub team: TeamId,
    /// Its name; the canonical is its slug.
    pub name: String,
    /// The file.
    pub source: Vec<u8>,
    /// Values for its variables; none keeps those that are stored.
    pub vars: Option<BTreeMap<String, serde_json::Value>>,
    /// Visible without login; none keeps what is stored.
    pub public: Option<bool>,
    /// Refuse if it exists already (create) or does not (update); none takes both.
    pub must_exist: Option<bool>,
    /// Who asked.
    pub by: String,
}

/// A saved pipeline.
#[derive(Clone, Debug)]
pub struct Saved {
    /// Its row.
    pub pipeline: PipelineId,
    /// Number of the revision, from 1.
    pub revision: i64,
    /// False if the definition is the one that was stored already.
    pub changed: bool,
    /// Warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// A check was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CheckRequested {
    /// It will run as soon as a worker has a slot.
    Queued,
    /// One is running; one more follows it.
    FollowsRunning,
}

/// Why something asked for is not done.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It does not exist.
    #[error("{0}")]
    NotFound(String),
    /// It is not possible in this state.
    #[error("{0}")]
    Conflict(String),
    /// What was given is wrong.
    #[error("{0}")]
    Invalid(String),
    /// The pipeline file is wrong.
    #[error("{} in pipeline", count(.0))]
    Pipeline(Vec<Diagnostic>),
    /// The store cannot be used right now.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine is stopping.
    #[error("the server is stopping")]
    Stopping,
}

fn count(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|d| d.severity == crate::diagnostic::Severity::Error).count();
    if errors == 1 { "1 error".to_owned() } else { format!("{errors} errors") }
}

/// The engine, as the outside sees it.
#[async_trait]
pub trait Control: Send + Sync + 'static {
    /// Compiles and saves a pipeline in one transaction; resources that are new or changed are checked at once.
    async fn save_pipeline(&self, request: SavePipeline) -> Result<Saved, Refusal>;
    /// Deletes a pipeline with its history; running builds are cancelled first.
    async fn delete_pipeline(&self, pipeline: PipelineId, by: &str) -> Result<(), Refusal>;
    /// Starts a build by hand.
    async fn trigger(&self, request: Trigger) -> Result<InsertedBuild, Refusal>;
    /// Starts a build of each job that has a root get of this version's resource, bound to that version.
    async fn trigger_version(
        &self,
        resource: ResourceId,
        version: VersionId,
        by: &str,
    ) -> Result<Vec<InsertedBuild>, Refusal>;
    /// Ends a build: refused when it is final, or when its job hooks run already.
    async fn cancel(&self, build: BuildId, by: &str) -> Result<(), Refusal>;
    /// Runs a build's versions and inputs again, with the current plan.
    async fn retry(&self, build: BuildId, by: &str) -> Result<InsertedBuild, Refusal>;
    /// Asks for a check and restarts the interval.
    async fn check(&self, resource: ResourceId) -> Result<CheckRequested, Refusal>;
    /// Records a version by hand; jobs start as after a check.
    async fn add_version(
        &self,
        resource: ResourceId,
        value: crate::version::VersionValue,
    ) -> Result<VersionId, Refusal>;
}
