//! Workers that were seen.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use pikoci_model::{
    id::{Incarnation, NodeId},
    port::{
        StoreError,
        store::{WorkerRow, WorkerStore},
    },
    worker::{WorkerProfile, WorkerState},
};

use crate::{
    error::Fault,
    field::{get, json, micros, text, time, unsigned},
    sql::{Conn, Row, query},
    store::SqlStore,
    upsert,
    writer::{Command, Tx},
};

fn worker(row: &Row) -> Result<WorkerRow, Fault> {
    Ok(WorkerRow {
        profile: json(row, 0)?,
        home: NodeId(get(row, 1)?),
        state: json(row, 2)?,
        renewal: unsigned(row, 3)?,
        last_seen_at: time(row, 4)?,
    })
}

async fn all(conn: &mut Conn) -> Result<Vec<WorkerRow>, Fault> {
    let query = query("SELECT profile, home, state, renewal, last_seen_at FROM workers ORDER BY name, node");
    query.fetch_all(conn).await?.iter().map(worker).collect()
}

/// The bits of an incarnation: a column has no unsigned numbers.
fn bits(incarnation: Incarnation) -> i64 {
    i64::from_ne_bytes(incarnation.0.to_ne_bytes())
}

struct Announced {
    profile: WorkerProfile,
    home: NodeId,
    at: DateTime<Utc>,
}

#[async_trait]
impl Command for Announced {
    type Answer = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        query(upsert::PUT_WORKER)
            .bind(&self.profile.node.0)
            .bind(&self.profile.name)
            .bind(bits(self.profile.incarnation))
            .bind(&self.home.0)
            .bind(text(&WorkerState::Online)?)
            .bind(micros(self.at))
            .bind(text(&self.profile)?)
            .execute(tx.conn().await?)
            .await?;
        Ok(())
    }
}

struct Renewed {
    node: NodeId,
    incarnation: Incarnation,
    renewal: u64,
    at: DateTime<Utc>,
}

#[async_trait]
impl Command for Renewed {
    type Answer = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        let renewal = self.renewal.cast_signed();
        let update = query(
            "UPDATE workers SET renewal = ?, last_seen_at = ? WHERE node = ? AND incarnation = ? AND renewal <= ?",
        );
        let update = update.bind(renewal).bind(micros(self.at)).bind(&self.node.0);
        update.bind(bits(self.incarnation)).bind(renewal).execute(tx.conn().await?).await?;
        Ok(())
    }
}

struct Changed {
    node: NodeId,
    state: WorkerState,
}

#[async_trait]
impl Command for Changed {
    type Answer = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        let update = query("UPDATE workers SET state = ? WHERE node = ?");
        update.bind(text(&self.state)?).bind(&self.node.0).execute(tx.conn().await?).await?;
        Ok(())
    }
}

struct Gone {
    node: NodeId,
}

#[async_trait]
impl Command for Gone {
    type Answer = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        query("DELETE FROM workers WHERE node = ?").bind(&self.node.0).execute(tx.conn().await?).await?;
        Ok(())
    }
}

#[async_trait]
impl WorkerStore for SqlStore {
    async fn worker_announced(
        &self,
        profile: &WorkerProfile,
        home: &NodeId,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.writer.run(Announced { profile: profile.clone(), home: home.clone(), at }).await
    }

    async fn worker_renewed(
        &self,
        node: &NodeId,
        incarnation: Incarnation,
        renewal: u64,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.writer.run(Renewed { node: node.clone(), incarnation, renewal, at }).await
    }

    async fn worker_state(&self, node: &NodeId, state: WorkerState) -> Result<(), StoreError> {
        self.writer.run(Changed { node: node.clone(), state }).await
    }

    async fn worker_gone(&self, node: &NodeId) -> Result<(), StoreError> {
        self.writer.run(Gone { node: node.clone() }).await
    }

    async fn workers(&self) -> Result<Vec<WorkerRow>, StoreError> {
        Ok(all(&mut self.reader().await?).await?)
    }
}
