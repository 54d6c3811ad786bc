//! The suite that every store passes, on files and in memory.

use std::{path::Path, sync::Arc};

use pikoci_model::{
    contract::{MemoryStore, compare_stores, store_suite},
    port::Store,
};
use pikoci_seal::HostKey;
use pikoci_store::{OpenOptions, SqliteStore};

pub(crate) async fn open(path: Option<&Path>) -> SqliteStore {
    let options = OpenOptions { path: path.map(Path::to_owned), host_key: HostKey::random().unwrap() };
    SqliteStore::open(options).await.unwrap()
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

/// The same random history on both: every answer and the whole state are the same.
#[tokio::test]
async fn sqlite_and_the_plain_store_agree() {
    for seed in 1..=8 {
        compare_stores(seed, 500, &MemoryStore::new(), &open(None).await).await;
    }
}
