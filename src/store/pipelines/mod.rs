//! Pipelines: definitions in immutable revisions, apart from run-time state.

mod gets;
mod port;
mod read;
mod remove;
mod save;
mod values;

pub(crate) use gets::awaited;
pub(crate) use values::given_secrets;

use pikoci_model::id::PipelineId;

use crate::writer::Tx;

/// Notes that something changed that decisions are made from.
pub(crate) fn raise(tx: &mut Tx<'_>, pipeline: PipelineId) {
    tx.add("UPDATE pipeline_states SET state = state + 1 WHERE pipeline_id = ?").bind(pipeline.0);
}
