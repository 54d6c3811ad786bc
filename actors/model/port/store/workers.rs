//! Workers.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::{
    id::{Incarnation, NodeId},
    worker::{WorkerProfile, WorkerState},
};

/// A worker that was seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkerRow {
    /// What it said of itself.
    pub profile: WorkerProfile,
    /// The server that is its home.
    pub home: NodeId,
    /// Where it stands.
    pub state: WorkerState,
    /// Its last renewal's number.
    pub renewal: u64,
    /// When it was last heard.
    pub last_seen_at: DateTime<Utc>,
}

/// Workers. Rows of processes that are gone are kept for a day.
#[async_trait]
pub trait WorkerStore {
    /// A worker announced itself: inserts or replaces its row.
    async fn worker_announced(
        &self,
        profile: &WorkerProfile,
        home: &NodeId,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError>;
    /// A renewal arrived.
    async fn worker_renewed(
        &self,
        node: &NodeId,
        incarnation: Incarnation,
        renewal: u64,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError>;
    /// Its state changed.
    async fn worker_state(&self, node: &NodeId, state: WorkerState) -> Result<(), StoreError>;
    /// It said goodbye, or its row is old.
    async fn worker_gone(&self, node: &NodeId) -> Result<(), StoreError>;
    /// All workers.
    async fn workers(&self) -> Result<Vec<WorkerRow>, StoreError>;
}
