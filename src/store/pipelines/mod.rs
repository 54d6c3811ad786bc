//! Pipelines: definitions in immutable revisions, apart from run-time state.

mod gets;
mod port;
mod read;
mod remove;
mod save;
mod values;

pub(crate) use gets::{awaited, gets};
pub(crate) use values::given_secrets;

use pikoci_model::id::PipelineId;

use crate::{database::Conn, error::Fault};

/// Notes that something changed that decisions are made from.
pub(crate) async fn raise(conn: &mut Conn, pipeline: PipelineId) -> Result<(), Fault> {
    let update = sqlx::query("UPDATE pipeline_states SET state = state + 1 WHERE pipeline_id = ?");
    update.bind(pipeline.0).execute(conn).await?;
    Ok(())
}
