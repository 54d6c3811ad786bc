//! Definitions are immutable: each is read and parsed once.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use pikoci_model::{
    id::{PipelineId, ResourceId, RevisionId},
    pipeline::Job,
    port::store::RevisionRow,
};

use crate::{
    error::Fault,
    field::{get, json},
    sql::{Conn, query},
};

/// Definitions kept in memory: those of the pipelines that run, and of their unfinished builds. A few KiB each.
const KEPT: usize = 256;

/// A definition with what it is made of in the store.
pub(crate) struct Definition {
    /// The row.
    pub row: RevisionRow,
    /// Its resources, by canonical.
    pub resources: BTreeMap<String, ResourceId>,
    /// Canonical of the team.
    pub team: String,
    /// Canonical of the pipeline.
    pub pipeline: String,
}

impl Definition {
    /// A job of it.
    pub fn job(&self, name: &str) -> Result<&Job, Fault> {
        let found = self.row.compiled.job(name);
        found.ok_or_else(|| Fault::row("revisions", self.row.id, format!("job `{name}` is missing in it")))
    }
}

/// The definitions in memory.
#[derive(Default)]
pub(crate) struct Definitions(Mutex<HashMap<RevisionId, Arc<Definition>>>);

impl Definitions {
    /// A definition, from memory or from the store.
    pub async fn find(&self, conn: &mut Conn, id: RevisionId) -> Result<Option<Arc<Definition>>, Fault> {
        if let Some(known) = self.known(id) {
            return Ok(Some(known));
        }
        let Some(read) = read(conn, id).await? else { return Ok(None) };
        let read = Arc::new(read);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(id, read.clone());
        Ok(Some(read))
    }

    /// A definition that a row refers to.
    pub async fn of(&self, conn: &mut Conn, id: RevisionId) -> Result<Arc<Definition>, Fault> {
        let found = self.find(conn, id).await?;
        found
            .ok_or_else(|| Fault::row("revisions", id, "a build or pipeline refers to it, and it is missing"))
    }

    /// Forgets them all: a pipeline was deleted.
    pub fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A definition, if it is in memory.
    pub fn known(&self, id: RevisionId) -> Option<Arc<Definition>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }
}

async fn read(conn: &mut Conn, id: RevisionId) -> Result<Option<Definition>, Fault> {
    let row = query(
        "SELECT r.pipeline_id, r.number, r.source, r.compiled, p.canonical, t.canonical FROM revisions r \
         JOIN pipelines p ON p.id = r.pipeline_id JOIN teams t ON t.id = p.team_id WHERE r.id = ?",
    )
    .bind(id.0)
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let pipeline = PipelineId(get(&row, 0)?);
    let mut definition = Definition {
        row: RevisionRow {
            id,
            pipeline,
            number: get(&row, 1)?,
            source: get(&row, 2)?,
            compiled: Arc::new(json(&row, 3)?),
        },
        resources: BTreeMap::new(),
        team: get(&row, 5)?,
        pipeline: get(&row, 4)?,
    };
    let rows = query("SELECT canonical, id FROM resources WHERE pipeline_id = ?")
        .bind(pipeline.0)
        .fetch_all(conn)
        .await?;
    for row in &rows {
        let canonical: String = get(row, 0)?;
        if definition.row.compiled.resource(&canonical).is_some() {
            definition.resources.insert(canonical, ResourceId(get(row, 1)?));
        }
    }
    Ok(Some(definition))
}
