//! Pipelines: listed, saved, validated, deleted.

use std::collections::BTreeMap;

use actix_web::{
    HttpResponse, delete, get, post, put,
    web::{Data, Path, Query},
};
use pikoci_model::port::{Refusal, SavePipeline, Saved};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{
    answer::{Answer, Done, created, json},
    file::{FileRequest, compile, compile_source, file},
    scope::{self, PipelinePath, PipelineScope, TeamPath},
    view::{ChangesView, DiagnosticView, PipelineBrief, PipelineView, changes},
};
use crate::{
    auth::{Act, Asker, Role},
    face::Face,
    refused::{RefusalBody, Refused},
    show::{self, PageQuery},
    site::Site,
};

/// A pipeline to be created.
#[derive(Deserialize, ToSchema)]
pub(crate) struct CreateRequest {
    /// Its name; the canonical is made from it.
    name: String,
    /// The file, base64.
    #[schema(format = Byte)]
    config: String,
    /// Values of its variables.
    #[serde(default)]
    #[schema(required = false, value_type = Object)]
    vars: BTreeMap<String, Value>,
    /// Visible without login.
    #[schema(nullable = false)]
    public: Option<bool>,
}

/// A change of a pipeline; what is left out stays.
#[derive(Deserialize, ToSchema)]
pub(crate) struct UpdateRequest {
    /// Its name, as it is: a pipeline is not renamed.
    #[schema(nullable = false)]
    name: Option<String>,
    /// The file, base64.
    #[schema(format = Byte, nullable = false)]
    config: Option<String>,
    /// Values of its variables; they replace all earlier ones.
    #[schema(nullable = false, value_type = Option<Object>)]
    vars: Option<BTreeMap<String, Value>>,
    /// Visible without login.
    #[schema(nullable = false)]
    public: Option<bool>,
}

/// How to update.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UpdateQuery {
    /// `1`: say what would change, and change nothing.
    #[serde(default)]
    #[param(required = false)]
    dry_run: String,
}

/// All pipelines of a team.
#[utoipa::path(
    tag = "pipelines",
    params(TeamPath),
    responses(
        (status = 200, body = Answer<Vec<PipelineBrief>>),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
    ),
    security(("session" = []))
)]
#[get("/teams/{team}/pipelines")]
pub(crate) async fn list(
    site: Data<Site>,
    asker: Asker,
    path: Path<TeamPath>,
) -> Result<HttpResponse, Refused> {
    let team = scope::team(&site, &asker, &path, Role::Read).await?;
    let rows = site.deps.store.pipelines(Some(team.id)).await?;
    if asker.face == Face::Html {
        return show::pipelines(&site, &asker, &team, rows).await;
    }
    let mut pipelines = Vec::with_capacity(rows.len());
    for row in rows {
        pipelines.push(PipelineBrief::new(&row, &site.deps.store.jobs(row.id).await?));
    }
    Ok(json(pipelines))
}

/// Creates a pipeline.
#[utoipa::path(
    tag = "pipelines",
    params(TeamPath),
    request_body = CreateRequest,
    responses(
        (status = 201, body = Answer<PipelineView>),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
        (status = 409, description = "there is one of this name", body = RefusalBody),
        (status = 422, description = "the file is wrong; every finding is in `errors`", body = RefusalBody),
    ),
    security(("session" = []))
)]
#[post("/teams/{team}/pipelines")]
pub(crate) async fn create(
    site: Data<Site>,
    act: Act<CreateRequest>,
    path: Path<TeamPath>,
) -> Result<HttpResponse, Refused> {
    let team = scope::team(&site, &act.asker, &path, Role::Maintain).await?;
    let request = SavePipeline {
        team: team.id,
        name: act.body.name,
        source: file(&act.body.config)?,
        vars: Some(act.body.vars),
        public: act.body.public,
        must_exist: Some(false),
        by: act.asker.name().to_owned(),
    };
    let saved = site.deps.control.save_pipeline(request).await?;
    Ok(created(view_of_saved(&site, saved).await?))
}

/// Compiles a file and says what is wrong with it; saves nothing.
#[utoipa::path(
    tag = "pipelines",
    params(TeamPath),
    request_body = FileRequest,
    responses(
        (status = 200, description = "every finding; none = valid", body = Answer<Vec<DiagnosticView>>),
        (status = 401, body = RefusalBody),
    ),
    security(("session" = []))
)]
#[post("/teams/{team}/pipelines/validate")]
pub(crate) async fn validate(
    site: Data<Site>,
    act: Act<FileRequest>,
    path: Path<TeamPath>,
) -> Result<HttpResponse, Refused> {
    scope::team(&site, &act.asker, &path, Role::Read).await?;
    let compiled = compile(&site, &act.body, true).await?;
    Ok(json(compiled.diagnostics.iter().map(DiagnosticView::from).collect::<Vec<_>>()))
}

/// One pipeline. `version_id` lights up the way of a version on the page.
#[utoipa::path(
    tag = "pipelines",
    params(PipelinePath),
    responses(
        (status = 200, body = Answer<PipelineView>),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
    ),
    security((), ("session" = []))
)]
#[get("/teams/{team}/pipelines/{pipeline}")]
pub(crate) async fn get(
    site: Data<Site>,
    asker: Asker,
    path: Path<PipelinePath>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Refused> {
    let scope = scope::pipeline(&site, &asker, &path, Role::Public).await?;
    match asker.face {
        Face::Html => show::pipeline(&site, &asker, &scope, query.version_id).await,
        Face::Json => Ok(json(view(&site, &scope).await?)),
    }
}

/// Saves a new definition, or what else is given.
#[utoipa::path(
    tag = "pipelines",
    params(PipelinePath, UpdateQuery),
    request_body = UpdateRequest,
    responses(
        (status = 200, description = "the pipeline, or with `dry_run` what would change", body = Answer<Updated>),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
        (
            status = 422,
            description = "the file is wrong, with every finding in `errors`; or `name` is another",
            body = RefusalBody
        ),
    ),
    security(("session" = []))
)]
#[put("/teams/{team}/pipelines/{pipeline}")]
pub(crate) async fn update(
    site: Data<Site>,
    act: Act<UpdateRequest>,
    path: Path<PipelinePath>,
    query: Query<UpdateQuery>,
) -> Result<HttpResponse, Refused> {
    let scope = scope::pipeline(&site, &act.asker, &path, Role::Maintain).await?;
    refuse_new_name(&scope, act.body.name.as_deref())?;
    let revision = scope.revision(&site).await?;
    let source = act.body.config.as_deref().map_or_else(|| Ok(revision.source.clone()), file)?;
    if !matches!(query.dry_run.as_str(), "" | "0" | "false") {
        let vars = match act.body.vars {
            Some(vars) => vars,
            None => stored_vars(&site, &scope).await?,
        };
        let compiled = compile_source(&site, source, vars, false).await;
        let new = compiled.pipeline.ok_or_else(|| Refused::from(Refusal::Pipeline(compiled.diagnostics)))?;
        return Ok(json(Updated::Changes(changes(&revision.compiled, &new))));
    }
    let request = SavePipeline {
        team: scope.row.team,
        name: scope.row.name.clone(),
        source,
        vars: act.body.vars,
        public: act.body.public,
        must_exist: Some(true),
        by: act.asker.name().to_owned(),
    };
    let saved = site.deps.control.save_pipeline(request).await?;
    Ok(json(Updated::Pipeline(Box::new(view_of_saved(&site, saved).await?))))
}

/// Its address is made of the name, and builds, webhooks and links say the address: it stays.
fn refuse_new_name(scope: &PipelineScope, name: Option<&str>) -> Result<(), Refused> {
    let own = &scope.row.name;
    match name.filter(|name| name != own && *name != scope.row.canonical) {
        None => Ok(()),
        Some(name) => Err(Refused::invalid(format!(
            "a pipeline cannot be renamed, and this one is \"{own}\": leave `name` out, or create \"{name}\" and \
             delete \"{own}\""
        ))),
    }
}

/// What an update gives.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Updated {
    /// The pipeline as it is now.
    Pipeline(Box<PipelineView>),
    /// What would change.
    Changes(ChangesView),
}

/// Deletes a pipeline with its history; running builds are cancelled first.
#[utoipa::path(
    tag = "pipelines",
    params(PipelinePath),
    responses(
        (status = 200, body = Answer<Done>),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
        (status = 409, description = "a build does not end", body = RefusalBody),
    ),
    security(("session" = []))
)]
#[delete("/teams/{team}/pipelines/{pipeline}")]
pub(crate) async fn delete(
    site: Data<Site>,
    act: Act<serde::de::IgnoredAny>,
    path: Path<PipelinePath>,
) -> Result<HttpResponse, Refused> {
    let scope = scope::pipeline(&site, &act.asker, &path, Role::Maintain).await?;
    site.deps.control.delete_pipeline(scope.row.id, act.asker.name()).await?;
    Ok(json(Done {}))
}

async fn view(site: &Site, scope: &PipelineScope) -> Result<PipelineView, Refused> {
    let store = &site.deps.store;
    let revision = scope.revision(site).await?;
    let (jobs, resources) = (store.jobs(scope.row.id).await?, store.resources(scope.row.id).await?);
    Ok(PipelineView::new(&scope.row, &revision, &jobs, &resources, scope.role))
}

async fn view_of_saved(site: &Site, saved: Saved) -> Result<PipelineView, Refused> {
    let row = site.deps.store.pipeline_by_id(saved.pipeline).await?;
    let row = row.ok_or_else(|| Refused::not_found("the pipeline has just been deleted"))?;
    let mut view = view(site, &PipelineScope { row, role: Role::Maintain }).await?;
    view.warnings = saved.diagnostics.iter().map(DiagnosticView::from).collect();
    Ok(view)
}

/// The plain values that were given before. Those of secrets are not needed to compare definitions, but a variable
/// must have one: their names stand for them.
async fn stored_vars(site: &Site, scope: &PipelineScope) -> Result<BTreeMap<String, Value>, Refused> {
    let (mut plain, secret) = site.deps.store.given_values(scope.row.id).await?;
    plain.extend(secret.into_keys().map(|name| (name.clone(), Value::String(name))));
    Ok(plain)
}
