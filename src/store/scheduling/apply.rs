//! A batch of writes, applied whole or not at all.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use pikoci_model::{
    id::{JobId, PipelineId, StateRevision, VersionId},
    scheduling::{Applied, Write},
};

use crate::{
    builds::{cancel, complete, fail_queued, insert_build},
    error::Fault,
    field::get,
    pipelines::raise,
    sql::Sql,
    writer::{Command, Tx},
};

pub(super) struct Apply {
    pub pipeline: PipelineId,
    pub expected: Option<StateRevision>,
    pub writes: Vec<Write>,
    pub at: DateTime<Utc>,
}

#[async_trait]
impl Command for Apply {
    type Answer = Option<Applied>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Applied>, Fault> {
        const STATE: Sql = Sql::new("SELECT state FROM pipeline_states WHERE pipeline_id = ?").locking();
        tx.add(STATE).bind(self.pipeline.0);
        let current = tx.last().await?.row().map(|row| get(&row, 0)).transpose()?.map(StateRevision);
        let expected = |current: &StateRevision| self.expected.is_none_or(|expected| expected == *current);
        let Some(current) = current.filter(expected) else { return Ok(None) };
        if self.writes.is_empty() {
            return Ok(Some(Applied { revision: current, builds: Vec::new() }));
        }
        let mut builds = Vec::new();
        for write in &self.writes {
            match write {
                Write::InsertBuild(new) => builds.push(insert_build(tx, new).await?),
                Write::Consider { job, get, up_to } => consider(tx, *job, get, *up_to).await?,
                Write::Cancel { build, reason } => {
                    cancel(tx, *build, reason, self.at).await?;
                }
                Write::Fail { build, failure } => fail_queued(tx, *build, failure, self.at).await?,
                Write::FixVersions { build, versions } => complete(tx, *build, versions).await?,
            }
        }
        raise(tx, self.pipeline);
        Ok(Some(Applied { revision: StateRevision(current.0 + 1), builds }))
    }
}

async fn consider(tx: &mut Tx<'_>, job: JobId, name: &str, up_to: VersionId) -> Result<(), Fault> {
    let update = tx.add("UPDATE job_gets SET floor = ? WHERE job_id = ? AND name = ? AND floor < ?");
    update.bind(up_to.0).bind(job.0).bind(name).bind(up_to.0);
    tx.settle().await
}
