//! Copies from one database to another.

use std::path::Path;

use pikoci_model::{
    contract::{compare_stores, snapshot},
    id::{BuildId, Fence, StepPath},
    port::store::{AccountStore, LogStore, PipelineStore},
};
use pikoci_seal::HostKey;
use pikoci_store::{CopyError, Database, OpenOptions, SqlStore, copy};

use crate::{
    disk::{chunk, insert, save},
    servers::Server,
};

async fn open(database: &Database, key: &HostKey) -> SqlStore {
    SqlStore::open(OpenOptions { database: database.clone(), host_key: key.clone() }).await.unwrap()
}

fn file(dir: &Path, name: &str) -> Database {
    Database::File(dir.join(name))
}

/// Round through all three: what comes back is what was there.
#[tokio::test]
async fn everything_is_copied_from_any_to_any() {
    let (dir, key) = (tempfile::tempdir().unwrap(), HostKey::random().unwrap());
    let postgresql = Server::Postgresql.fresh().await;
    let mariadb = Server::Mariadb.fresh().await;
    let round = [
        file(dir.path(), "first.db"),
        Database::Server(postgresql.clone()),
        Database::Server(mariadb.clone()),
        Database::Server(Server::Postgresql.fresh().await),
        file(dir.path(), "last.db"),
    ];
    let store = open(&round[0], &key).await;
    compare_stores(5, 400, &store, &pikoci_model::contract::MemoryStore::new()).await;
    store.save_user("ada", "Ada", true, "$2b$1").await.unwrap();
    let salt = store.worker_salt(None).await.unwrap();
    let saved = save(&store, 0).await;
    let sent = [(1, chunk("one\n".into(), 0)), (2, chunk("two\n".into(), 4))];
    store.append_log(BuildId(1), 1, Fence::new(1, 5), &sent).await.unwrap();
    let before = snapshot(&store).await;
    store.close().await;

    for pair in round.windows(2) {
        let mut told = 0;
        let copied = copy(pair[0].clone(), pair[1].clone(), |_, rows| told += rows).await.unwrap();
        assert!(copied.rows["builds"] > 0 && copied.rows["blocks"] == 1 && told > 0);
        let store = open(&pair[1], &key).await;
        assert_eq!(snapshot(&store).await, before, "{}", pair[1].place());
        assert_eq!(store.worker_salt(None).await.unwrap(), salt);
        assert_eq!(store.given_values(saved.pipeline).await.unwrap().1["token"].reveal(), "hunter2-given");
        let log = store.step_log(BuildId(1), 1, &StepPath("0".into()), 0, 99).await.unwrap();
        assert_eq!(log.bytes, b"one\ntwo\n");
        store.close().await;
        let again = copy(pair[0].clone(), pair[1].clone(), |_, _| ()).await.unwrap_err();
        assert!(matches!(again, CopyError::NotEmpty { .. }), "{again}");
    }
    // The copies go on where the original stood.
    for database in [&round[3], &round[4]] {
        let store = open(database, &key).await;
        let newest =
            before.pipelines.iter().flat_map(|p| &p.builds).map(|(build, ..)| build.id).max().unwrap();
        assert_eq!(insert(&store, &saved, 77).await.unwrap().0, newest.0 + 1, "{}", database.place());
        let more = [(2, chunk("two\n".into(), 4)), (3, chunk("three\n".into(), 8))];
        assert_eq!(store.append_log(BuildId(1), 1, Fence::new(1, 5), &more).await.unwrap(), 3);
        store.close().await;
    }
    for database in [&round[1], &round[3]] {
        let Database::Server(options) = database else { continue };
        Server::Postgresql.drop(options).await;
    }
    Server::Mariadb.drop(&mariadb).await;
}

#[tokio::test]
async fn memory_is_not_copied() {
    let dir = tempfile::tempdir().unwrap();
    let error = copy(Database::Memory, file(dir.path(), "a.db"), |_, _| ()).await.unwrap_err();
    assert!(matches!(error, CopyError::Memory), "{error}");
}
