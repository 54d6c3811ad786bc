//! Logs, by range.

use std::sync::Arc;

use actix_web::{
    HttpResponse, get,
    http::header::{CACHE_CONTROL, CONTENT_DISPOSITION},
    web::{Bytes, Data, Path, Query},
};
use futures::stream;
use pikoci_model::{
    build::Phase,
    id::{BuildId, StepPath},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::scope::{self, BuildPath, BuildScope, RunQuery};
use crate::{
    auth::{Asker, Role},
    refused::{RefusalBody, Refused},
    site::Site,
};

/// How much is read from the store at once, in bytes.
const PIECE: u64 = 256 * 1024;

/// Which part of which log.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogQuery {
    /// Path of the step.
    #[param(example = "2")]
    step: String,
    /// The first byte, from 0.
    #[serde(default)]
    #[param(required = false)]
    offset: u64,
    /// At most this many bytes; all when left out.
    limit: Option<u64>,
    /// `1`: as a file.
    #[serde(default)]
    #[param(required = false)]
    download: String,
}

/// Which log.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct IndexQuery {
    /// Path of the step.
    #[param(example = "2")]
    step: String,
}

/// Where lines begin in a log.
#[derive(Serialize, ToSchema)]
#[schema(as = LogIndex)]
pub(crate) struct IndexView {
    /// Bytes of the log so far.
    bytes: u64,
    /// Lines so far, the last one possibly unfinished.
    lines: u64,
    /// `[line, offset, ms]`, ascending: the byte at `offset` belongs to this line, and was written so many
    /// milliseconds after the step began.
    marks: Vec<[u64; 3]>,
}

/// A range of a step's log, as stored: masked, not decoded. All attempts are one log.
#[utoipa::path(
    tag = "builds",
    params(BuildPath, LogQuery, RunQuery),
    responses(
        (status = 200, description = "the bytes; none for a step that wrote nothing", content_type = "text/plain", body = String),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
    ),
    security((), ("session" = []))
)]
#[get("/teams/{team}/pipelines/{pipeline}/jobs/{job}/builds/{number}/logs")]
pub(crate) async fn log(
    site: Data<Site>,
    asker: Asker,
    path: Path<BuildPath>,
    query: Query<LogQuery>,
    asked: Query<RunQuery>,
) -> Result<HttpResponse, Refused> {
    let scope = scope::build(&site, &asker, &path, Role::Read).await?;
    let run = scope.run(asked.into_inner())?;
    let BuildScope { pipeline, job, build } = scope;
    let name = format!("{}-{}-{}-{}.log", pipeline.row.canonical, job.name, build.number, query.step);
    let end = query.limit.map_or(u64::MAX, |limit| query.offset.saturating_add(limit));
    let reader = Reader {
        site: Arc::clone(&site),
        build: build.id,
        run,
        step: StepPath(query.step.clone()),
        at: query.offset,
        end,
    };
    // The first piece is read before the status is sent: a store that is down is a 503, not a log that is cut.
    let (first, reader) = reader.next().await?;
    let mut response = HttpResponse::Ok();
    response.content_type("text/plain; charset=utf-8");
    if build.phase == Phase::Done {
        response.insert_header((CACHE_CONTROL, "private, max-age=3600"));
    }
    if query.download == "1" {
        let safe = name.replace(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c), "_");
        response.insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{safe}\"")));
    }
    if !reader.has_more(first.len()) {
        return Ok(response.body(first));
    }
    let rest = stream::try_unfold((Some(first), reader), |(first, reader)| async move {
        match first {
            Some(first) => Ok(Some((first, (None, reader)))),
            None => {
                let (piece, reader) = reader.next().await?;
                Ok::<_, Refused>((!piece.is_empty()).then_some((piece, (None, reader))))
            }
        }
    });
    Ok(response.streaming(rest))
}

/// Reads a log piece by piece, as fast as the client takes them.
struct Reader {
    site: Arc<Site>,
    build: BuildId,
    run: u32,
    step: StepPath,
    at: u64,
    end: u64,
}

impl Reader {
    async fn next(mut self) -> Result<(Bytes, Self), Refused> {
        let limit = usize::try_from(self.end.saturating_sub(self.at).min(PIECE)).unwrap_or_default();
        if limit == 0 {
            return Ok((Bytes::new(), self));
        }
        let piece = self.site.deps.store.step_log(self.build, self.run, &self.step, self.at, limit).await?;
        self.at += piece.bytes.len() as u64;
        Ok((Bytes::from(piece.bytes), self))
    }

    /// Whether a piece of this length was not the last.
    fn has_more(&self, length: usize) -> bool {
        length as u64 >= PIECE && self.at < self.end
    }
}

/// Where the lines of a step's log begin.
#[utoipa::path(
    tag = "builds",
    params(BuildPath, IndexQuery, RunQuery),
    responses(
        (status = 200, body = IndexView),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
    ),
    security((), ("session" = []))
)]
#[get("/teams/{team}/pipelines/{pipeline}/jobs/{job}/builds/{number}/logs/index")]
pub(crate) async fn index(
    site: Data<Site>,
    asker: Asker,
    path: Path<BuildPath>,
    query: Query<IndexQuery>,
    asked: Query<RunQuery>,
) -> Result<HttpResponse, Refused> {
    let scope = scope::build(&site, &asker, &path, Role::Read).await?;
    let run = scope.run(asked.into_inner())?;
    let step = StepPath(query.into_inner().step);
    let index = site.deps.store.log_index(scope.build.id, run, &step).await?;
    Ok(HttpResponse::Ok().json(IndexView {
        bytes: index.bytes,
        lines: index.lines,
        marks: index.marks.into_iter().map(|(line, offset, ms)| [line, offset, ms]).collect(),
    }))
}
