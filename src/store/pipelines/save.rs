//! Saving a definition: one transaction; run-time state of what stays is not touched.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use pikoci_model::{
    id::{JobId, PipelineId, ResourceId, RevisionId},
    pipeline::Pipeline,
    port::store::{SaveRevision, SavedRevision},
};

use super::{
    gets::{forget_all, have_rows, save_gets},
    raise, values,
};
use crate::{
    definitions::Definition,
    error::Fault,
    field::{get, micros, text},
    resources::request,
    sql::{Conn, Sql, query},
    writer::{Command, Tx},
};

pub(super) struct Save(pub SaveRevision);

#[async_trait]
impl Command for Save {
    type Answer = SavedRevision;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<SavedRevision, Fault> {
        let save = &self.0;
        let existing = existing(tx, save).await?;
        if save.must_exist.is_some_and(|must| must != existing.is_some()) {
            return Ok(SavedRevision::Exists(existing.is_some()));
        }
        let Some((pipeline, revision)) = existing else {
            let pipeline = add_pipeline(tx.conn().await?, save).await?;
            return self.revise(tx, pipeline, None).await;
        };
        let before = tx.definition(revision).await?;
        let same = self.is_same(tx.conn().await?, revision).await?;
        if same && have_rows(tx.conn().await?, pipeline, &before.row.compiled).await? {
            rename(tx.conn().await?, pipeline, save).await?;
            let number = before.row.number;
            return Ok(SavedRevision::Saved {
                pipeline,
                revision,
                number,
                changed: false,
                to_check: Vec::new(),
            });
        }
        self.revise(tx, pipeline, Some(before)).await
    }
}

impl Save {
    async fn is_same(&self, conn: &mut Conn, revision: RevisionId) -> Result<bool, Fault> {
        let query = query("SELECT content_hash FROM revisions WHERE id = ?").bind(revision.0);
        Ok(get::<String>(&query.fetch_one(conn).await?, 0)? == self.0.content_hash)
    }

    async fn revise(
        &self,
        tx: &mut Tx<'_>,
        pipeline: PipelineId,
        before: Option<Arc<Definition>>,
    ) -> Result<SavedRevision, Fault> {
        let save = &self.0;
        let number = before.as_ref().map_or(0, |before| before.row.number) + 1;
        let revision = add_revision(tx.conn().await?, pipeline, number, save).await?;
        rename(tx.conn().await?, pipeline, save).await?;
        let update = query(
            "UPDATE pipelines SET revision_id = ?, revision_number = ?, updated_at = ?, updated_by = ? \
             WHERE id = ?",
        );
        let update = update.bind(revision.0).bind(number).bind(micros(save.at)).bind(&save.by);
        update.bind(pipeline.0).execute(tx.conn().await?).await?;
        let key = &tx.shared.key;
        values::save(tx.conn().await?, key, pipeline, save).await?;
        let resources = save_resources(tx.conn().await?, pipeline, &save.compiled).await?;
        save_jobs(tx.conn().await?, pipeline, &save.compiled, &resources).await?;
        let before = before.map(|before| before.row.compiled.clone());
        let mut to_check = Vec::new();
        for resource in &save.compiled.resources {
            let canonical = resource.canonical();
            if save.compiled.wants_check(&canonical, before.as_deref()) {
                request(tx.conn().await?, resources[&canonical], save.at).await?;
                to_check.push(resources[&canonical]);
            }
        }
        raise(tx, pipeline);
        Ok(SavedRevision::Saved { pipeline, revision, number, changed: true, to_check })
    }
}

/// The pipeline as it is, locked where others write.
async fn existing(tx: &mut Tx<'_>, save: &SaveRevision) -> Result<Option<(PipelineId, RevisionId)>, Fault> {
    if tx.is_shared()
        && let Some((id, _)) = find(tx.conn().await?, save).await?
    {
        tx.lock_pipeline(id).await?;
    }
    find(tx.conn().await?, save).await
}

async fn find(conn: &mut Conn, save: &SaveRevision) -> Result<Option<(PipelineId, RevisionId)>, Fault> {
    let query = query("SELECT id, revision_id FROM pipelines WHERE team_id = ? AND canonical = ?");
    let row = query.bind(save.team.0).bind(&save.canonical).fetch_optional(conn).await?;
    row.map(|row| Ok((PipelineId(get(&row, 0)?), RevisionId(get(&row, 1)?)))).transpose()
}

async fn add_pipeline(conn: &mut Conn, save: &SaveRevision) -> Result<PipelineId, Fault> {
    let team = query("SELECT 1 FROM teams WHERE id = ?").bind(save.team.0);
    team.fetch_optional(conn).await?.ok_or_else(|| Fault::missing("team", save.team))?;
    let insert = query(Sql::new("INSERT INTO pipelines (team_id, canonical, name, public, revision_id, revision_number, updated_at, \
         updated_by) VALUES (?, ?, ?, 0, 0, 0, ?, ?)").with_id());
    let insert = insert.bind(save.team.0).bind(&save.canonical).bind(&save.name);
    let done = insert.bind(micros(save.at)).bind(&save.by).execute(conn).await?;
    let id = PipelineId(done.inserted);
    query("INSERT INTO pipeline_states (pipeline_id, state) VALUES (?, 0)").bind(id.0).execute(conn).await?;
    Ok(id)
}

async fn rename(conn: &mut Conn, pipeline: PipelineId, save: &SaveRevision) -> Result<(), Fault> {
    let update = query("UPDATE pipelines SET name = ?, public = COALESCE(?, public) WHERE id = ?");
    update.bind(&save.name).bind(save.public).bind(pipeline.0).execute(conn).await?;
    Ok(())
}

async fn add_revision(
    conn: &mut Conn,
    pipeline: PipelineId,
    number: i64,
    save: &SaveRevision,
) -> Result<RevisionId, Fault> {
    let insert = query(Sql::new("INSERT INTO revisions (pipeline_id, number, content_hash, source, compiled) VALUES (?, ?, ?, ?, ?)").with_id());
    let insert = insert.bind(pipeline.0).bind(number).bind(&save.content_hash);
    let insert = insert.bind(save.source.as_slice()).bind(text(&save.compiled)?);
    Ok(RevisionId(insert.execute(conn).await?.inserted))
}

/// The resources of the definition, by canonical; those that are gone are archived.
async fn save_resources(
    conn: &mut Conn,
    pipeline: PipelineId,
    compiled: &Pipeline,
) -> Result<BTreeMap<String, ResourceId>, Fault> {
    let rows = query("SELECT canonical, id FROM resources WHERE pipeline_id = ?")
        .bind(pipeline.0)
        .fetch_all(conn)
        .await?;
    let known = rows
        .iter()
        .map(|row| Ok((get(row, 0)?, ResourceId(get(row, 1)?))))
        .collect::<Result<BTreeMap<String, ResourceId>, Fault>>()?;
    let mut resources = BTreeMap::new();
    for (canonical, id) in &known {
        let archived = compiled.resource(canonical).is_none();
        let update = query("UPDATE resources SET archived = ? WHERE id = ?");
        update.bind(archived).bind(id.0).execute(conn).await?;
    }
    for resource in &compiled.resources {
        let canonical = resource.canonical();
        let id = match known.get(&canonical) {
            Some(id) => *id,
            None => add_resource(conn, pipeline, &canonical).await?,
        };
        resources.insert(canonical, id);
    }
    Ok(resources)
}

async fn add_resource(conn: &mut Conn, pipeline: PipelineId, canonical: &str) -> Result<ResourceId, Fault> {
    let insert = query(
        Sql::new("INSERT INTO resources (pipeline_id, canonical, archived) VALUES (?, ?, 0)").with_id(),
    );
    let done = insert.bind(pipeline.0).bind(canonical).execute(conn).await?;
    let id = ResourceId(done.inserted);
    query(
        "INSERT INTO resource_states (resource_id, webhook_token, failing, logs, again, leases) \
         VALUES (?, ?, 0, '', 0, 0)",
    )
    .bind(id.0)
    .bind(format!("{canonical}_{}", uuid::Uuid::new_v4()))
    .execute(conn)
    .await?;
    Ok(id)
}

async fn save_jobs(
    conn: &mut Conn,
    pipeline: PipelineId,
    compiled: &Pipeline,
    resources: &BTreeMap<String, ResourceId>,
) -> Result<(), Fault> {
    let rows =
        query("SELECT name, id FROM jobs WHERE pipeline_id = ?").bind(pipeline.0).fetch_all(conn).await?;
    let mut gone = BTreeSet::new();
    let mut known = BTreeMap::new();
    for row in &rows {
        let (name, id): (String, JobId) = (get(row, 0)?, JobId(get(row, 1)?));
        if compiled.job(&name).is_none() {
            gone.insert(id.0);
        }
        known.insert(name, id);
    }
    for id in gone {
        query("UPDATE jobs SET archived = 1 WHERE id = ?").bind(id).execute(conn).await?;
        forget_all(conn, JobId(id)).await?;
    }
    for (position, job) in (0..).zip(&compiled.jobs) {
        let id = put_job(conn, pipeline, known.get(&job.name).copied(), &job.name, position).await?;
        save_gets(conn, pipeline, id, job, resources).await?;
    }
    Ok(())
}

async fn put_job(
    conn: &mut Conn,
    pipeline: PipelineId,
    known: Option<JobId>,
    name: &str,
    position: u32,
) -> Result<JobId, Fault> {
    if let Some(id) = known {
        let update = query("UPDATE jobs SET position = ?, archived = 0 WHERE id = ?");
        update.bind(position).bind(id.0).execute(conn).await?;
        return Ok(id);
    }
    let insert = query(
        Sql::new("INSERT INTO jobs (pipeline_id, name, position, archived) VALUES (?, ?, ?, 0)").with_id(),
    );
    let done = insert.bind(pipeline.0).bind(name).bind(position).execute(conn).await?;
    let id = JobId(done.inserted);
    let state = query("INSERT INTO job_states (job_id, last_number) VALUES (?, 0)");
    state.bind(id.0).execute(conn).await?;
    Ok(id)
}
