//! Pictures of pipelines, saved or not.

use actix_web::{
    HttpResponse, get,
    http::{StatusCode, header::ACCESS_CONTROL_ALLOW_ORIGIN},
    post,
    web::{Data, Path, Query},
};
use pikoci_model::port::Refusal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    answer::{Answer, json},
    file::{FileRequest, compile},
    scope::{self, PipelinePath, TeamPath},
};
use crate::{
    auth::{Act, Asker, Role},
    face::Face,
    graph::GraphModel,
    refused::{RefusalBody, Refused},
    show,
    site::Site,
};

/// How to draw.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImageQuery {
    /// `1`: from job to job, without the resources between them.
    #[serde(default)]
    #[param(required = false)]
    hide_intermediates: String,
    /// Lights up the way of this version.
    version_id: Option<i64>,
}

impl ImageQuery {
    fn hides(&self) -> bool {
        !matches!(self.hide_intermediates.as_str(), "" | "0" | "false")
    }
}

/// A picture as text.
#[derive(Serialize, ToSchema)]
#[schema(as = Image)]
pub(crate) struct ImageView {
    /// In Graphviz' language.
    image: String,
}

/// The kinds of pictures.
#[derive(Clone, Copy)]
enum Kind {
    Dot,
    Svg,
}

async fn picture(kind: Kind, face: Face, graph: &GraphModel) -> Result<HttpResponse, Refused> {
    let open = (ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    if matches!(kind, Kind::Svg) {
        show::lay_out(graph).await?;
    }
    Ok(match (kind, face) {
        (Kind::Svg, _) => HttpResponse::Ok()
            .insert_header(open)
            .content_type("image/svg+xml; charset=utf-8")
            .body(graph.svg_export()),
        (Kind::Dot, Face::Json) => json(ImageView { image: graph.dot_export() }),
        (Kind::Dot, Face::Html) => HttpResponse::Ok()
            .insert_header(open)
            .content_type("text/vnd.graphviz; charset=utf-8")
            .body(graph.dot_export()),
    })
}

fn no_png() -> Refused {
    Refused::new(StatusCode::NOT_ACCEPTABLE, "this server draws no PNG; ask for image.svg or image.dot")
}

async fn saved(
    site: &Site,
    asker: &Asker,
    path: &PipelinePath,
    query: &ImageQuery,
    kind: Kind,
) -> Result<HttpResponse, Refused> {
    let scope = scope::pipeline(site, asker, path, Role::Public).await?;
    let graph = show::graph_of(site, &scope, query.version_id, query.hides()).await?;
    picture(kind, asker.face, &graph).await
}

async fn unsaved(
    site: &Site,
    act: &Act<FileRequest>,
    path: &TeamPath,
    query: &ImageQuery,
    kind: Kind,
) -> Result<HttpResponse, Refused> {
    scope::team(site, &act.asker, path, Role::Maintain).await?;
    let compiled = compile(site, &act.body, true).await?;
    let meaning = compiled.pipeline.ok_or_else(|| Refused::from(Refusal::Pipeline(compiled.diagnostics)))?;
    let graph = show::graph_of_file(&path.team, "pipeline", &meaning, query.hides());
    picture(kind, act.asker.face, &graph).await
}

/// The picture of a pipeline in Graphviz' language, as JSON or as text.
#[utoipa::path(
    tag = "pipelines",
    params(PipelinePath, ImageQuery),
    responses((status = 200, body = Answer<ImageView>), (status = 401, body = RefusalBody), (status = 404, body = RefusalBody)),
    security((), ("session" = []))
)]
#[get("/teams/{team}/pipelines/{pipeline}/image")]
pub(crate) async fn image(
    site: Data<Site>,
    asker: Asker,
    path: Path<PipelinePath>,
    query: Query<ImageQuery>,
) -> Result<HttpResponse, Refused> {
    saved(&site, &asker, &path, &query, Kind::Dot).await
}

/// The picture of a pipeline in Graphviz' language, as JSON or as text.
#[utoipa::path(
    tag = "pipelines",
    params(PipelinePath, ImageQuery),
    responses((status = 200, body = Answer<ImageView>), (status = 401, body = RefusalBody), (status = 404, body = RefusalBody)),
    security((), ("session" = []))
)]
#[get("/teams/{team}/pipelines/{pipeline}/image.dot")]
pub(crate) async fn image_dot(
    site: Data<Site>,
    asker: Asker,
    path: Path<PipelinePath>,
    query: Query<ImageQuery>,
) -> Result<HttpResponse, Refused> {
    saved(&site, &asker, &path, &query, Kind::Dot).await
}

/// The picture of a pipeline as SVG.
#[utoipa::path(
    tag = "pipelines",
    params(PipelinePath, ImageQuery),
    responses((status = 200, content_type = "image/svg+xml", body = String), (status = 401, body = RefusalBody), (status = 404, body = RefusalBody)),
    security((), ("session" = []))
)]
#[get("/teams/{team}/pipelines/{pipeline}/image.svg")]
pub(crate) async fn image_svg(
    site: Data<Site>,
    asker: Asker,
    path: Path<PipelinePath>,
    query: Query<ImageQuery>,
) -> Result<HttpResponse, Refused> {
    saved(&site, &asker, &path, &query, Kind::Svg).await
}

/// PNG is not drawn.
#[utoipa::path(
    tag = "pipelines",
    params(PipelinePath),
    responses((status = 401, body = RefusalBody), (status = 406, body = RefusalBody)),
    security((), ("session" = []))
)]
#[get("/teams/{team}/pipelines/{pipeline}/image.png")]
pub(crate) async fn image_png(
    site: Data<Site>,
    asker: Asker,
    path: Path<PipelinePath>,
) -> Result<HttpResponse, Refused> {
    scope::pipeline(&site, &asker, &path, Role::Public).await?;
    Err(no_png())
}

/// The picture of a file that is not saved, in Graphviz' language.
#[utoipa::path(
    tag = "pipelines",
    params(TeamPath, ImageQuery),
    request_body = FileRequest,
    responses(
        (status = 200, body = Answer<ImageView>),
        (status = 401, body = RefusalBody),
        (status = 422, description = "the file is wrong; every finding is in `errors`", body = RefusalBody),
    ),
    security(("session" = []))
)]
#[post("/teams/{team}/pipelines/image")]
pub(crate) async fn draw(
    site: Data<Site>,
    act: Act<FileRequest>,
    path: Path<TeamPath>,
    query: Query<ImageQuery>,
) -> Result<HttpResponse, Refused> {
    unsaved(&site, &act, &path, &query, Kind::Dot).await
}

/// The picture of a file that is not saved, in Graphviz' language.
#[utoipa::path(
    tag = "pipelines",
    params(TeamPath, ImageQuery),
    request_body = FileRequest,
    responses(
        (status = 200, body = Answer<ImageView>),
        (status = 401, body = RefusalBody),
        (status = 422, description = "the file is wrong; every finding is in `errors`", body = RefusalBody),
    ),
    security(("session" = []))
)]
#[post("/teams/{team}/pipelines/image.dot")]
pub(crate) async fn draw_dot(
    site: Data<Site>,
    act: Act<FileRequest>,
    path: Path<TeamPath>,
    query: Query<ImageQuery>,
) -> Result<HttpResponse, Refused> {
    unsaved(&site, &act, &path, &query, Kind::Dot).await
}

/// The picture of a file that is not saved, as SVG.
#[utoipa::path(
    tag = "pipelines",
    params(TeamPath, ImageQuery),
    request_body = FileRequest,
    responses(
        (status = 200, content_type = "image/svg+xml", body = String),
        (status = 401, body = RefusalBody),
        (status = 422, description = "the file is wrong; every finding is in `errors`", body = RefusalBody),
    ),
    security(("session" = []))
)]
#[post("/teams/{team}/pipelines/image.svg")]
pub(crate) async fn draw_svg(
    site: Data<Site>,
    act: Act<FileRequest>,
    path: Path<TeamPath>,
    query: Query<ImageQuery>,
) -> Result<HttpResponse, Refused> {
    unsaved(&site, &act, &path, &query, Kind::Svg).await
}

/// PNG is not drawn.
#[utoipa::path(
    tag = "pipelines",
    params(TeamPath),
    request_body = FileRequest,
    responses((status = 401, body = RefusalBody), (status = 406, body = RefusalBody)),
    security(("session" = []))
)]
#[post("/teams/{team}/pipelines/image.png")]
pub(crate) async fn draw_png(
    site: Data<Site>,
    act: Act<FileRequest>,
    path: Path<TeamPath>,
) -> Result<HttpResponse, Refused> {
    scope::team(&site, &act.asker, &path, Role::Maintain).await?;
    Err(no_png())
}
