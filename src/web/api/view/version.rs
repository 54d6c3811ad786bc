//! Versions, and where they went.

use chrono::{DateTime, Utc};
use pikoci_model::{
    pipeline::Pipeline,
    port::store::{VersionRow, VersionUse},
    step::StepKind,
    version::Version,
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A version of a resource.
#[derive(Serialize, ToSchema)]
#[schema(as = Version)]
pub(crate) struct VersionView {
    /// Its id; newer versions have larger ones.
    pub(crate) id: i64,
    /// What it says.
    #[schema(value_type = Object)]
    version: Map<String, Value>,
    /// Status of the newest build that used it; null if none did.
    #[schema(example = "succeeded")]
    status: Option<&'static str>,
    /// The newest builds that used or created it.
    builds: Vec<VersionBuildView>,
    /// When it was recorded.
    created_at: DateTime<Utc>,
}

/// A build that used a version.
#[derive(Serialize, ToSchema)]
#[schema(as = VersionBuild)]
pub(crate) struct VersionBuildView {
    /// Its id.
    id: i64,
    /// Name of its job.
    job_name: String,
    /// Its number.
    #[schema(example = "7.1")]
    build_number: String,
    /// How it stands.
    #[schema(example = "succeeded")]
    status: &'static str,
}

/// Where a version went.
#[derive(Serialize, ToSchema)]
#[schema(as = VersionPath)]
pub(crate) struct PathView {
    /// Canonical of the resource.
    resource: String,
    /// The jobs that get the resource, in the order of the file.
    path: Vec<PathJobView>,
    /// How many of them passed it.
    completed: usize,
    /// How many they are.
    total: usize,
}

/// A job on the way of a version.
#[derive(Serialize, ToSchema)]
#[schema(as = VersionPathJob)]
pub(crate) struct PathJobView {
    /// Its name.
    job_name: String,
    /// Its newest build of the version; null if it has none.
    build: Option<VersionBuildView>,
    /// Its older builds of the version, newest first.
    retries: Vec<VersionBuildView>,
}

impl From<&VersionUse> for VersionBuildView {
    fn from(used: &VersionUse) -> Self {
        Self {
            id: used.build.0,
            job_name: used.job.clone(),
            build_number: used.number.to_string(),
            status: used.status.word(),
        }
    }
}

impl From<&VersionRow> for VersionView {
    fn from(row: &VersionRow) -> Self {
        Self {
            status: row.status.map(pikoci_model::build::BuildStatus::word),
            builds: row.uses.iter().map(VersionBuildView::from).collect(),
            ..Self::from(&row.version)
        }
    }
}

impl From<&Version> for VersionView {
    fn from(version: &Version) -> Self {
        Self {
            id: version.id.0,
            version: version.value.0.clone().into_iter().collect(),
            status: None,
            builds: Vec::new(),
            created_at: version.created_at,
        }
    }
}

/// Follows a version through the jobs that get its resource.
pub(crate) fn path_view(resource: &str, definition: &Pipeline, uses: &[VersionUse]) -> PathView {
    let gets = |kind: &StepKind| matches!(kind, StepKind::Get(get) if get.resource == resource);
    let jobs = definition.jobs.iter().filter(|job| job.steps.iter().any(|step| gets(&step.kind)));
    let path: Vec<(PathJobView, bool)> = jobs
        .map(|job| {
            let mut own: Vec<&VersionUse> = uses.iter().filter(|used| used.job == job.name).collect();
            own.sort_by_key(|used| std::cmp::Reverse(used.build));
            let passed = own.iter().any(|used| used.status.passes());
            let mut builds = own.into_iter().map(VersionBuildView::from);
            let build = builds.next();
            (PathJobView { job_name: job.name.clone(), build, retries: builds.collect() }, passed)
        })
        .collect();
    PathView {
        resource: resource.to_owned(),
        completed: path.iter().filter(|(_, passed)| *passed).count(),
        total: path.len(),
        path: path.into_iter().map(|(job, _)| job).collect(),
    }
}
