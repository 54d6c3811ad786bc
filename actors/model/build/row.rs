//! The build's row.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{BuildStatus, Cause, Phase};
use crate::{
    id::{
        BuildId, BuildNumber, Fence, Incarnation, JobId, NodeId, PipelineId, ResourceId, RevisionId,
        VersionId,
    },
    outcome::Failure,
};

/// A build's row. Logs are elsewhere.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Build {
    /// Its identity.
    pub id: BuildId,
    /// Whose pipeline.
    pub pipeline: PipelineId,
    /// Whose build.
    pub job: JobId,
    /// Name of the job.
    pub job_name: String,
    /// The definition it keeps.
    pub revision: RevisionId,
    /// Its number within the job.
    pub number: BuildNumber,
    /// What a person sees.
    pub status: BuildStatus,
    /// How far it is.
    pub phase: Phase,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Why it exists.
    pub cause: Cause,
    /// The fixed version of each get, by the get's key.
    pub versions: BTreeMap<String, BuildVersion>,
    /// `INPUT_<name>`.
    pub inputs: BTreeMap<String, String>,
    /// From 1; grows when it runs again after a loss.
    pub run: u32,
    /// Who holds it, or held it until it was done; none while queued.
    pub claim: Option<Claim>,
    /// Name of the worker that ran it last.
    pub worker: Option<String>,
    /// Somebody asked for its end; why.
    pub cancel_requested: Option<String>,
    /// Last event number whose effect is stored, of the current fence.
    pub events_through: u64,
    /// What its steps exported: `TASK_…`, `GET_…`.
    pub exports: BTreeMap<String, String>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When its plan began.
    pub started_at: Option<DateTime<Utc>>,
    /// When its status became final.
    pub ended_at: Option<DateTime<Utc>>,
}

/// A version that a build is bound to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BuildVersion {
    /// Whose version.
    pub resource: ResourceId,
    /// Which.
    pub version: VersionId,
}

/// Who holds a build.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Claim {
    /// The worker's process.
    pub node: NodeId,
    /// That process's life.
    pub incarnation: Incarnation,
    /// What the claim is worth.
    pub fence: Fence,
}
