//! A build's row.

use chrono::SubsecRound as _;
use pikoci_model::{
    build::{Build, BuildStatus, Cause, Claim, Phase},
    id::{
        BuildId, BuildNumber, Fence, Incarnation, JobId, NodeId, PipelineId, ResourceId, RevisionId,
        VersionId,
    },
};
use sha2::{Digest as _, Sha256};

use crate::{
    error::Fault,
    field::{get, json, maybe_json, maybe_time, micros, text, time, unsigned, word},
    sql::{Row, Sql},
    upsert,
    writer::Tx,
};

/// The columns of [`read`], in its order, at the beginning of a `SELECT`.
macro_rules! columns {
    () => {
        "b.id, b.pipeline_id, b.job_id, b.job_name, b.revision_id, b.number_major, b.number_retry, b.cause, \
         b.inputs, b.created_at, b.status, b.phase, b.failure, b.versions, b.run, b.claims, b.node, \
         b.incarnation, b.fence, b.worker, b.cancel_requested, b.events_through, b.exports, b.started_at, \
         b.ended_at"
    };
}
pub(crate) use columns;

/// A build with what only the store knows of it.
#[derive(Clone)]
pub(crate) struct Stored {
    pub build: Build,
    /// How often it was claimed.
    pub claims: u32,
    /// Whether its row says that it is done, and it is counted among those that ended.
    pub counted: bool,
}

impl Stored {
    /// As it will be read: times are stored in microseconds.
    pub fn as_read(&self) -> Self {
        let mut read = self.clone();
        let build = &mut read.build;
        build.created_at = build.created_at.trunc_subsecs(6);
        build.started_at = build.started_at.map(|at| at.trunc_subsecs(6));
        build.ended_at = build.ended_at.map(|at| at.trunc_subsecs(6));
        read
    }

    pub fn is_under(&self, fence: Fence) -> bool {
        self.build.claim.as_ref().is_some_and(|claim| claim.fence == fence)
    }
}

pub(crate) fn read(row: &Row) -> Result<Stored, Fault> {
    let build = Build {
        id: BuildId(get(row, 0)?),
        pipeline: PipelineId(get(row, 1)?),
        job: JobId(get(row, 2)?),
        job_name: get(row, 3)?,
        revision: RevisionId(get(row, 4)?),
        number: BuildNumber { major: get(row, 5)?, retry: get(row, 6)? },
        cause: json(row, 7)?,
        inputs: json(row, 8)?,
        created_at: time(row, 9)?,
        status: word(row, 10, BuildStatus::from_word)?,
        phase: word(row, 11, Phase::from_word)?,
        failure: maybe_json(row, 12)?,
        versions: json(row, 13)?,
        run: unsigned(row, 14)?,
        claim: claim(row)?,
        worker: get(row, 19)?,
        cancel_requested: get(row, 20)?,
        events_through: unsigned(row, 21)?,
        exports: json(row, 22)?,
        started_at: maybe_time(row, 23)?,
        ended_at: maybe_time(row, 24)?,
    };
    let counted = build.phase == Phase::Done;
    Ok(Stored { build, claims: unsigned(row, 15)?, counted })
}

fn claim(row: &Row) -> Result<Option<Claim>, Fault> {
    let node: Option<String> = get(row, 16)?;
    let incarnation: Option<i64> = get(row, 17)?;
    let fence: Option<i64> = get(row, 18)?;
    Ok(node.zip(incarnation).zip(fence).map(|((node, incarnation), fence)| Claim {
        node: NodeId(node),
        incarnation: Incarnation(incarnation.cast_unsigned()),
        fence: Fence(fence),
    }))
}

fn stage(phase: Phase) -> i64 {
    match phase {
        Phase::Queued => 0,
        Phase::Claimed | Phase::Running | Phase::Stopping | Phase::Hooks => 1,
        Phase::Done => 2,
    }
}

/// The most bytes of a key in an index.
const KEY: usize = 500;

/// A cause's key as it is stored: of a long one, its digest and as much as fits an index.
pub(crate) fn cause_key(cause: &Cause) -> String {
    let key = cause.key();
    if key.len() <= KEY {
        return key;
    }
    let digest = Sha256::digest(&key).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let begin = (0..=KEY - digest.len() - 1).rev().find(|end| key.is_char_boundary(*end)).unwrap_or(0);
    format!("{}#{digest}", &key[..begin])
}

/// Inserts a queued build; its id is the database's.
pub(crate) async fn insert(tx: &mut Tx<'_>, build: &Build) -> Result<BuildId, Fault> {
    const INSERT: Sql = Sql::new(
        "INSERT INTO builds (pipeline_id, job_id, job_name, revision_id, number_major, number_retry, cause_key, \
         cause, inputs, created_at, status, phase, stage, passes, versions, run, claims, events_through, exports) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, 0, 0, '{}')",
    )
    .with_id();
    tx.add(INSERT)
        .bind(build.pipeline.0)
        .bind(build.job.0)
        .bind(&build.job_name)
        .bind(build.revision.0)
        .bind(build.number.major)
        .bind(build.number.retry)
        .bind(cause_key(&build.cause))
        .bind(text(&build.cause)?)
        .bind(text(&build.inputs)?)
        .bind(micros(build.created_at))
        .bind(build.status.word())
        .bind(build.phase.word())
        .bind(stage(build.phase))
        .bind(text(&build.versions)?)
        .bind(build.run);
    let id = BuildId(tx.last().await?.inserted);
    note_all_used(tx, build, id).await?;
    Ok(id)
}

/// Notes that a build uses its versions in its gets.
async fn note_all_used(tx: &mut Tx<'_>, build: &Build, id: BuildId) -> Result<(), Fault> {
    for (get, used) in &build.versions {
        note_version(tx, (id, build.job), 0, get, (used.resource, used.version));
        tx.add("UPDATE candidates SET used = 1 WHERE job_id = ? AND get_name = ? AND version_id = ?")
            .bind(build.job.0)
            .bind(get)
            .bind(used.version.0);
        tx.settle().await?;
    }
    Ok(())
}

/// Notes that a build uses (`kind` 0) or created (1) a version.
pub(crate) fn note_version(
    tx: &mut Tx<'_>,
    (build, job): (BuildId, JobId),
    kind: i64,
    name: &str,
    (resource, version): (ResourceId, VersionId),
) {
    let add = tx.add(upsert::ADD_BUILD_VERSION).bind(build.0).bind(kind).bind(name);
    add.bind(version.0).bind(resource.0).bind(job.0);
}

/// Completes the versions of a queued build.
pub(crate) async fn fix_versions(tx: &mut Tx<'_>, stored: &Stored) -> Result<(), Fault> {
    tx.remember(stored);
    let build = &stored.build;
    tx.add("DELETE FROM build_versions WHERE build_id = ? AND kind = 0").bind(build.id.0);
    note_all_used(tx, build, build.id).await?;
    let versions = text(&build.versions)?;
    tx.add("UPDATE builds SET versions = ? WHERE id = ?").bind(versions).bind(build.id.0);
    Ok(())
}

/// Writes what may change in a build's row, which this transaction has read.
pub(crate) fn update(tx: &mut Tx<'_>, stored: &Stored) -> Result<(), Fault> {
    tx.remember(stored);
    let build = &stored.build;
    if build.phase == Phase::Done && !stored.counted {
        tx.add(upsert::COUNT_ENDED).bind(build.pipeline.0).bind(build.status.word());
    }
    tx.add(
        "UPDATE builds SET status = ?, phase = ?, stage = ?, passes = ?, failure = ?, run = ?, claims = ?, \
         node = ?, incarnation = ?, fence = ?, worker = ?, cancel_requested = ?, events_through = ?, \
         exports = ?, started_at = ?, ended_at = ? WHERE id = ?",
    )
    .bind(build.status.word())
    .bind(build.phase.word())
    .bind(stage(build.phase))
    .bind(build.status.passes())
    .bind(build.failure.as_ref().map(text).transpose()?)
    .bind(build.run)
    .bind(stored.claims)
    .bind(build.claim.as_ref().map(|claim| &claim.node.0))
    .bind(build.claim.as_ref().map(|claim| claim.incarnation.0.cast_signed()))
    .bind(build.claim.as_ref().map(|claim| claim.fence.0))
    .bind(&build.worker)
    .bind(&build.cancel_requested)
    .bind(build.events_through.cast_signed())
    .bind(text(&build.exports)?)
    .bind(build.started_at.map(micros))
    .bind(build.ended_at.map(micros))
    .bind(build.id.0);
    Ok(())
}
