//! Deleting a pipeline with everything that is its own.

use async_trait::async_trait;
use pikoci_model::id::{BuildId, PipelineId};

use crate::{
    error::Fault,
    field::get,
    sql::query,
    writer::{Command, Tx},
};

pub(super) struct Remove(pub PipelineId);

#[async_trait]
impl Command for Remove {
    /// The builds whose logs are to go too; none if the pipeline has an unfinished build.
    type Answer = Option<Vec<BuildId>>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Vec<BuildId>>, Fault> {
        tx.lock_pipeline(self.0).await?;
        let unfinished = query("SELECT 1 FROM builds WHERE pipeline_id = ? AND stage < 2 LIMIT 1");
        if unfinished.bind(self.0.0).fetch_optional(tx.conn().await?).await?.is_some() {
            return Ok(None);
        }
        let builds = query("SELECT id FROM builds WHERE pipeline_id = ?").bind(self.0.0);
        let builds = builds.fetch_all(tx.conn().await?).await?;
        tx.forget_builds();
        query("DELETE FROM pipelines WHERE id = ?").bind(self.0.0).execute(tx.conn().await?).await?;
        tx.shared.definitions.forget();
        builds.iter().map(|row| Ok(BuildId(get(row, 0)?))).collect::<Result<Vec<_>, Fault>>().map(Some)
    }
}
