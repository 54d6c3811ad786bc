//! The suite that every store passes: on files, in memory, on servers.

use std::{path::Path, sync::Arc};

use pikoci_model::{
    contract::{MemoryStore, compare_stores, store_suite},
    port::Store,
};
use pikoci_seal::HostKey;
use pikoci_store::{Database, DatabaseOptions, OpenOptions, SqlStore};

use crate::servers::{self, Server};

pub(crate) async fn open(path: Option<&Path>) -> SqlStore {
    let database = path.map_or(Database::Memory, |path| Database::File(path.to_owned()));
    SqlStore::open(OpenOptions { database, host_key: HostKey::random().unwrap() }).await.unwrap()
}

#[tokio::test]
async fn sqlite_in_memory_passes_the_suite() {
    store_suite(async || Arc::new(open(None).await) as Arc<dyn Store>).await;
}

#[tokio::test]
async fn sqlite_on_disk_passes_the_suite() {
    let dir = tempfile::tempdir().unwrap();
    let count = std::cell::Cell::new(0);
    store_suite(async || {
        count.set(count.get() + 1);
        Arc::new(open(Some(&dir.path().join(format!("{}.db", count.get())))).await) as Arc<dyn Store>
    })
    .await;
}

/// The suite, each case on a database of its own, which goes when the next one comes: a server has few connections.
async fn pass(server: Server) {
    let last = tokio::sync::Mutex::new(None::<(Arc<SqlStore>, DatabaseOptions)>);
    let end = async || {
        if let Some((store, database)) = last.lock().await.take() {
            store.close().await;
            server.drop(&database).await;
        }
    };
    store_suite(async || {
        end().await;
        let database = server.fresh().await;
        let store = Arc::new(servers::open(&database, &HostKey::random().unwrap()).await.unwrap());
        *last.lock().await = Some((Arc::clone(&store), database));
        store as Arc<dyn Store>
    })
    .await;
    end().await;
}

#[tokio::test]
async fn postgresql_passes_the_suite() {
    pass(Server::Postgresql).await;
}

#[tokio::test]
async fn mariadb_passes_the_suite() {
    pass(Server::Mariadb).await;
}

/// The same random history on both: every answer and the whole state are the same.
#[tokio::test]
async fn sqlite_and_the_plain_store_agree() {
    for seed in 1..=8 {
        compare_stores(seed, 500, &MemoryStore::new(), &open(None).await).await;
    }
}

/// The same random history on SQLite and a server.
async fn agree(server: Server, seeds: std::ops::RangeInclusive<u64>) {
    for seed in seeds {
        let database = server.fresh().await;
        let store = servers::open(&database, &HostKey::random().unwrap()).await.unwrap();
        compare_stores(seed, 500, &open(None).await, &store).await;
        store.close().await;
        server.drop(&database).await;
    }
}

#[tokio::test]
async fn sqlite_and_postgresql_agree() {
    agree(Server::Postgresql, 11..=13).await;
}

#[tokio::test]
async fn sqlite_and_mariadb_agree() {
    agree(Server::Mariadb, 21..=23).await;
}
