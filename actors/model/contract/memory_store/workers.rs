//! Workers.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::MemoryStore;
use crate::{
    id::{Incarnation, NodeId},
    port::{
        StoreError,
        store::{WorkerRow, WorkerStore},
    },
    worker::{WorkerProfile, WorkerState},
};

#[async_trait]
impl WorkerStore for MemoryStore {
    async fn worker_announced(
        &self,
        profile: &WorkerProfile,
        home: &NodeId,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let row = WorkerRow {
            profile: profile.clone(),
            home: home.clone(),
            state: WorkerState::Online,
            renewal: 0,
            last_seen_at: at,
        };
        self.tables().workers.insert(profile.node.clone(), row);
        Ok(())
    }

    async fn worker_renewed(
        &self,
        node: &NodeId,
        incarnation: Incarnation,
        renewal: u64,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let row = tables.workers.get_mut(node);
        if let Some(row) = row.filter(|row| row.profile.incarnation == incarnation && row.renewal <= renewal)
        {
            row.renewal = renewal;
            row.last_seen_at = at;
        }
        Ok(())
    }

    async fn worker_state(&self, node: &NodeId, state: WorkerState) -> Result<(), StoreError> {
        if let Some(row) = self.tables().workers.get_mut(node) {
            row.state = state;
        }
        Ok(())
    }

    async fn worker_gone(&self, node: &NodeId) -> Result<(), StoreError> {
        self.tables().workers.remove(node);
        Ok(())
    }

    async fn workers(&self) -> Result<Vec<WorkerRow>, StoreError> {
        let mut rows: Vec<WorkerRow> = self.tables().workers.values().cloned().collect();
        rows.sort_by(|a, b| (&a.profile.name, &a.profile.node).cmp(&(&b.profile.name, &b.profile.node)));
        Ok(rows)
    }
}
