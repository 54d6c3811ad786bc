//! From an address to rows, by way of what the asker may know.
//!
//! Who is not logged in is told to log in, whether the thing exists or not; who has no role in a team is told that
//! there is nothing. So an address that is guessed tells nothing.

use std::sync::Arc;

use pikoci_model::{
    build::Build,
    id::BuildNumber,
    pipeline::Pipeline,
    port::store::{JobRow, PipelineRow, ResourceRow, RevisionRow, Team},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    auth::{Asker, Role},
    refused::Refused,
    site::Site,
};

/// A team's address.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct TeamPath {
    /// Canonical of the team.
    #[param(example = "main")]
    pub(crate) team: String,
}

/// A pipeline's address.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct PipelinePath {
    /// Canonical of the team.
    #[param(example = "main")]
    pub(crate) team: String,
    /// Canonical of the pipeline.
    pub(crate) pipeline: String,
}

/// A job's address.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct JobPath {
    /// Canonical of the team.
    #[param(example = "main")]
    pub(crate) team: String,
    /// Canonical of the pipeline.
    pub(crate) pipeline: String,
    /// Name of the job.
    pub(crate) job: String,
}

/// A build's address.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct BuildPath {
    /// Canonical of the team.
    #[param(example = "main")]
    pub(crate) team: String,
    /// Canonical of the pipeline.
    pub(crate) pipeline: String,
    /// Name of the job.
    pub(crate) job: String,
    /// Number of the build: `7`, or `7.1` for its first retry.
    #[param(example = "7")]
    pub(crate) number: String,
}

/// A resource's address.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ResourcePath {
    /// Canonical of the team.
    #[param(example = "main")]
    pub(crate) team: String,
    /// Canonical of the pipeline.
    pub(crate) pipeline: String,
    /// Canonical of the resource, `type.name`.
    #[param(example = "git.app")]
    pub(crate) resource: String,
}

/// A version's address.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct VersionPath {
    /// Canonical of the team.
    #[param(example = "main")]
    pub(crate) team: String,
    /// Canonical of the pipeline.
    pub(crate) pipeline: String,
    /// Canonical of the resource, `type.name`.
    #[param(example = "git.app")]
    pub(crate) resource: String,
    /// Id of the version.
    pub(crate) id: i64,
}

/// A pipeline that the asker may see, with the role there.
pub(crate) struct PipelineScope {
    pub(crate) row: PipelineRow,
    pub(crate) role: Role,
}

/// A job that the asker may see.
pub(crate) struct JobScope {
    pub(crate) pipeline: PipelineScope,
    pub(crate) job: JobRow,
}

/// A build that the asker may see.
pub(crate) struct BuildScope {
    pub(crate) pipeline: PipelineScope,
    pub(crate) job: JobRow,
    pub(crate) build: Build,
}

/// Which run of a build.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunQuery {
    /// The run, from 1; the newest when left out. A build runs again when its worker is lost.
    #[param(minimum = 1)]
    pub(crate) run: Option<u32>,
}

impl BuildScope {
    /// The run that is asked for: the newest, if none is.
    pub(crate) fn run(&self, asked: RunQuery) -> Result<u32, Refused> {
        let newest = self.build.run;
        match asked.run {
            None => Ok(newest),
            Some(run) if (1..=newest).contains(&run) => Ok(run),
            Some(run) => {
                let runs = if newest == 1 { "one run".to_owned() } else { format!("{newest} runs") };
                Err(Refused::not_found(format!(
                    "build {} has {runs}; there is no run {run}",
                    self.build.number
                )))
            }
        }
    }
}

/// A resource that the asker may see.
pub(crate) struct ResourceScope {
    pub(crate) pipeline: PipelineScope,
    pub(crate) resource: ResourceRow,
}

impl PipelineScope {
    /// The address of the pipeline's page.
    pub(crate) fn base(&self) -> String {
        format!("/teams/{}/pipelines/{}", self.row.team_canonical, self.row.canonical)
    }

    /// The current definition.
    pub(crate) async fn revision(&self, site: &Site) -> Result<RevisionRow, Refused> {
        let row = site.deps.store.revision(self.row.revision).await?;
        row.ok_or_else(|| {
            Refused::defect(&format!("pipeline {} has no revision {}", self.row.id, self.row.revision))
        })
    }

    /// What the current definition means.
    pub(crate) async fn definition(&self, site: &Site) -> Result<Arc<Pipeline>, Refused> {
        Ok(self.revision(site).await?.compiled)
    }
}

/// The role in a team, if it is enough. What is not there for the asker is not there.
fn role(asker: &Asker, team: &str, needed: Role) -> Result<Role, Refused> {
    asker.logged_in()?;
    let role = asker.role_in(team).ok_or_else(|| no_team(team))?;
    if role < needed {
        let message =
            format!("this needs the role {} in team \"{team}\"; yours is {}", needed.word(), role.word());
        return Err(Refused::forbidden(message));
    }
    Ok(role)
}

fn no_team(team: &str) -> Refused {
    Refused::not_found(format!("there is no team \"{team}\""))
}

pub(crate) async fn team(site: &Site, asker: &Asker, path: &TeamPath, needed: Role) -> Result<Team, Refused> {
    role(asker, &path.team, needed)?;
    site.deps.store.team(&path.team).await?.ok_or_else(|| no_team(&path.team))
}

pub(crate) async fn pipeline(
    site: &Site,
    asker: &Asker,
    path: &PipelinePath,
    needed: Role,
) -> Result<PipelineScope, Refused> {
    let row = site.deps.store.pipeline(&path.team, &path.pipeline).await?;
    let is_public = row.as_ref().is_some_and(|row| row.public) && needed == Role::Public;
    let role = match role(asker, &path.team, needed) {
        Ok(role) => role,
        Err(_) if is_public => Role::Public,
        Err(refused) => return Err(refused),
    };
    let message = || format!("there is no pipeline \"{}\" in team \"{}\"", path.pipeline, path.team);
    Ok(PipelineScope { row: row.ok_or_else(|| Refused::not_found(message()))?, role })
}

pub(crate) async fn job(
    site: &Site,
    asker: &Asker,
    path: &JobPath,
    needed: Role,
) -> Result<JobScope, Refused> {
    let parent = PipelinePath { team: path.team.clone(), pipeline: path.pipeline.clone() };
    let pipeline = pipeline(site, asker, &parent, needed).await?;
    let job = site.deps.store.job(pipeline.row.id, &path.job).await?;
    let message = || format!("there is no job \"{}\" in pipeline \"{}\"", path.job, path.pipeline);
    Ok(JobScope { job: job.ok_or_else(|| Refused::not_found(message()))?, pipeline })
}

/// A build. Readers without a role see builds of jobs that say `public`, in pipelines that are.
pub(crate) async fn build(
    site: &Site,
    asker: &Asker,
    path: &BuildPath,
    needed: Role,
) -> Result<BuildScope, Refused> {
    let number: BuildNumber = path.number.parse().map_err(|error| Refused::not_found(format!("{error}")))?;
    let parent = JobPath { team: path.team.clone(), pipeline: path.pipeline.clone(), job: path.job.clone() };
    let least = if needed == Role::Read { Role::Public } else { needed };
    let JobScope { pipeline, job } = job(site, asker, &parent, least).await?;
    if pipeline.role < needed && !shows_builds(site, &pipeline, &job).await? {
        return Err(Refused::unauthenticated("log in to see the builds of this job"));
    }
    let build = site.deps.store.build_by_number(job.id, number).await?;
    let message = || format!("job \"{}\" has no build {number}", path.job);
    Ok(BuildScope { build: build.ok_or_else(|| Refused::not_found(message()))?, pipeline, job })
}

async fn shows_builds(site: &Site, pipeline: &PipelineScope, job: &JobRow) -> Result<bool, Refused> {
    Ok(pipeline.definition(site).await?.job(&job.name).is_some_and(|job| job.public))
}

pub(crate) async fn resource(
    site: &Site,
    asker: &Asker,
    path: &ResourcePath,
    needed: Role,
) -> Result<ResourceScope, Refused> {
    let parent = PipelinePath { team: path.team.clone(), pipeline: path.pipeline.clone() };
    let pipeline = pipeline(site, asker, &parent, needed).await?;
    let resource = site.deps.store.resource(pipeline.row.id, &path.resource).await?;
    let message = || format!("there is no resource \"{}\" in pipeline \"{}\"", path.resource, path.pipeline);
    Ok(ResourceScope { resource: resource.ok_or_else(|| Refused::not_found(message()))?, pipeline })
}
