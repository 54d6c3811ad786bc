//! Checks: asked for, leased, recorded.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use pikoci_model::{
    check::CheckOutcome,
    id::{NodeId, PipelineId, ResourceId, VersionId},
    port::store::{CheckLease, RecordedCheck},
    version::VersionValue,
};

use super::{
    read::lease,
    versions::{record_version, record_versions},
};
use crate::{
    error::Fault,
    field::{get, micros},
    pipelines::raise,
    sql::{Conn, Sql, query},
    writer::{Command, Tx},
};

/// Asks for a check; true if one runs, so that one more follows it.
pub(crate) async fn request(conn: &mut Conn, id: ResourceId, at: DateTime<Utc>) -> Result<bool, Fault> {
    let again = query("UPDATE resource_states SET again = 1 WHERE resource_id = ? AND lease_until > ?");
    if again.bind(id.0).bind(micros(at)).execute(conn).await?.changes > 0 {
        return Ok(true);
    }
    let due = query("UPDATE resource_states SET next_check = ? WHERE resource_id = ?");
    due.bind(micros(at)).bind(id.0).execute(conn).await?;
    Ok(false)
}

pub(super) struct RequestCheck {
    pub id: ResourceId,
    pub at: DateTime<Utc>,
}

#[async_trait]
impl Command for RequestCheck {
    type Answer = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Fault> {
        request(tx.conn().await?, self.id, self.at).await
    }
}

pub(super) struct SetNextCheck {
    pub id: ResourceId,
    pub next: Option<DateTime<Utc>>,
}

#[async_trait]
impl Command for SetNextCheck {
    type Answer = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        let update = query("UPDATE resource_states SET next_check = ? WHERE resource_id = ?");
        update.bind(self.next.map(micros)).bind(self.id.0).execute(tx.conn().await?).await?;
        Ok(())
    }
}

pub(super) struct SetWebhook {
    pub id: ResourceId,
    pub token: String,
}

#[async_trait]
impl Command for SetWebhook {
    type Answer = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        let update = query("UPDATE resource_states SET webhook_token = ? WHERE resource_id = ?");
        update.bind(&self.token).bind(self.id.0).execute(tx.conn().await?).await?;
        Ok(())
    }
}

pub(super) struct LeaseCheck {
    pub id: ResourceId,
    pub node: NodeId,
    pub now: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

#[async_trait]
impl Command for LeaseCheck {
    type Answer = Option<CheckLease>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<CheckLease>, Fault> {
        let take = query(
            "UPDATE resource_states SET leases = leases + 1, lease_node = ?, lease_until = ? \
             WHERE resource_id = ? AND (lease_until IS NULL OR lease_until <= ?) AND next_check <= ? \
             AND EXISTS (SELECT 1 FROM resources r WHERE r.id = ? AND r.archived = 0)",
        );
        let take = take.bind(&self.node.0).bind(micros(self.until)).bind(self.id.0);
        let take = take.bind(micros(self.now)).bind(micros(self.now));
        let taken = take.bind(self.id.0).execute(tx.conn().await?).await?;
        if taken.changes == 0 {
            return Ok(None);
        }
        let select =
            query("SELECT leases, lease_node, lease_until FROM resource_states WHERE resource_id = ?");
        lease(&select.bind(self.id.0).fetch_one(tx.conn().await?).await?, 0)
    }
}

pub(super) struct RecordCheck {
    pub id: ResourceId,
    pub lease: i64,
    pub outcome: CheckOutcome,
    pub at: DateTime<Utc>,
    pub next: Option<DateTime<Utc>>,
}

#[async_trait]
impl Command for RecordCheck {
    type Answer = Option<RecordedCheck>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<RecordedCheck>, Fault> {
        // Versions become visible in the order of their ids.
        if self.outcome.result.as_ref().is_ok_and(|found| !found.is_empty()) {
            tx.lock_pipeline_with(self.id).await?;
        }
        let Some((pipeline, again)) = self.held(tx).await? else { return Ok(None) };
        let next = if again { Some(self.at) } else { self.next };
        let give_back = query(
            "UPDATE resource_states SET lease_node = NULL, lease_until = NULL, again = 0, last_check = ?, \
             next_check = ?, failing = ?, logs = ? WHERE resource_id = ?",
        );
        let give_back = give_back.bind(micros(self.at)).bind(next.map(micros));
        let give_back = give_back.bind(self.outcome.result.is_err()).bind(self.outcome.failing_text());
        give_back.bind(self.id.0).execute(tx.conn().await?).await?;
        let found = self.outcome.result.as_deref().unwrap_or_default();
        let new = record_versions(tx.conn().await?, self.id, found, self.at).await?;
        if !new.is_empty() {
            raise(tx, pipeline);
        }
        Ok(Some(RecordedCheck { pipeline, new, again }))
    }
}

impl RecordCheck {
    /// The pipeline, and whether one more check is wanted, if the lease is still this one.
    async fn held(&self, tx: &mut Tx<'_>) -> Result<Option<(PipelineId, bool)>, Fault> {
        const HELD: Sql = Sql::new(
            "SELECT again, (SELECT r.pipeline_id FROM resources r WHERE r.id = resource_id) FROM resource_states \
             WHERE resource_id = ? AND leases = ? AND lease_node IS NOT NULL",
        )
        .locking();
        let row = query(HELD).bind(self.id.0).bind(self.lease).fetch_optional(tx.conn().await?).await?;
        row.map(|row| Ok((PipelineId(get(&row, 1)?), get(&row, 0)?))).transpose()
    }
}

pub(super) struct AddVersion {
    pub id: ResourceId,
    pub value: VersionValue,
    pub at: DateTime<Utc>,
}

#[async_trait]
impl Command for AddVersion {
    type Answer = (VersionId, bool);

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(VersionId, bool), Fault> {
        tx.lock_pipeline_with(self.id).await?;
        let owner = query("SELECT pipeline_id FROM resources WHERE id = ?").bind(self.id.0);
        let owner = owner.fetch_optional(tx.conn().await?).await?;
        let owner = owner.ok_or_else(|| Fault::missing("resource", self.id))?;
        let (version, new) = record_version(tx.conn().await?, self.id, &self.value, self.at).await?;
        if new {
            raise(tx, PipelineId(get(&owner, 0)?));
        }
        Ok((version, new))
    }
}
