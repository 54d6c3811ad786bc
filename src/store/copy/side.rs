//! The two databases of a copy.

use pikoci_seal::HostKey;

use super::CopyError;
use crate::{
    error::Fault,
    options::{Database, OpenError, OpenOptions},
    sql::{Conn, query},
    sqlite,
    store::SqlStore,
};

/// What is read, at one moment.
pub(super) struct From {
    /// Where it was opened for this.
    store: Option<SqlStore>,
    pub state: Conn,
    pub log: Conn,
}

/// What is written.
pub(super) struct To {
    store: SqlStore,
    pub state: Conn,
    pub log: Conn,
    pub place: String,
}

/// Opens a store, so that it is up to date and nobody else's. What is sealed is not looked into: any key will do.
async fn open(database: &Database) -> Result<SqlStore, CopyError> {
    let failed = |fault: Fault| OpenError::Database { place: database.place(), reason: fault.into() };
    if matches!(database, Database::Memory) {
        return Err(CopyError::Memory);
    }
    let host_key = HostKey::random().map_err(|error| failed(Fault::Refused(error.to_string())))?;
    Ok(SqlStore::open(OpenOptions { database: database.clone(), host_key }).await?)
}

impl From {
    pub async fn open(database: Database) -> Result<Self, CopyError> {
        let failed = |fault: Fault| OpenError::Database { place: database.place(), reason: fault.into() };
        let store = open(&database).await?;
        let of_store = Self::of(&store).await.map_err(failed)?;
        Ok(Self { store: Some(store), ..of_store })
    }

    /// A store that goes on being used.
    pub async fn of(store: &SqlStore) -> Result<Self, Fault> {
        let (mut state, mut log) = (store.reader().await?, store.log_reader().await?);
        for conn in [&mut state, &mut log] {
            // One of them waits in its moment while the other is read.
            conn.be_patient().await?;
            conn.begin_moment().await?;
        }
        Ok(Self { store: None, state, log })
    }

    pub async fn close(self) {
        drop((self.state, self.log));
        if let Some(store) = self.store {
            store.close().await;
        }
    }
}

impl To {
    pub async fn open(database: Database) -> Result<Self, CopyError> {
        let failed = |fault: Fault| OpenError::Database { place: database.place(), reason: fault.into() };
        let store = open(&database).await?;
        let (mut state, mut log) = match &database {
            Database::File(path) => sqlite::writers(path).await.map_err(failed)?,
            Database::Memory | Database::Server(_) => {
                (store.reader().await.map_err(failed)?, store.log_reader().await.map_err(failed)?)
            }
        };
        for conn in [&mut state, &mut log] {
            conn.be_patient().await.map_err(failed)?;
        }
        Ok(Self { store, state, log, place: database.place() })
    }

    pub async fn close(self) {
        self.state.close().await;
        self.log.close().await;
        self.store.close().await;
    }
}

/// What a database of a server knows beside its rows: where logs stand, and the next ids.
pub(super) async fn finish(state: &mut Conn) -> Result<(), Fault> {
    if !state.is_shared() {
        return Ok(());
    }
    query(
        "INSERT INTO log_ends (build_id, last_number, fence, last_event) \
         SELECT b.build_id, b.last_number, b.fence, b.last_event FROM blocks b \
         JOIN (SELECT build_id, MAX(last_number) AS last FROM blocks GROUP BY build_id) n \
         ON n.build_id = b.build_id AND n.last = b.last_number",
    )
    .execute(state)
    .await?;
    state.take_up_ids().await
}
