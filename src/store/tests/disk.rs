//! What only a store on disk can show: restarts, secrets at rest, other versions, many writers at once.

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use pikoci_model::{
    build::Cause,
    id::{BuildId, Fence, JobId, PipelineId, RevisionId, StepPath},
    log::{Chunk, Stream},
    pipeline::{Job, OnWorkerLoss, Pipeline},
    port::{
        StoreError,
        store::{AccountStore, BuildStore, LogStore, PipelineStore, SaveRevision, SavedRevision, Store},
    },
    scheduling::{NewBuild, Write},
    step::Hooks,
    text::SecretValue,
};
use pikoci_seal::HostKey;
use pikoci_store::{Database, OpenError, OpenOptions, SqlStore};

async fn open(path: &Path, key: &HostKey) -> Result<SqlStore, OpenError> {
    let database = Database::File(path.to_owned());
    SqlStore::open(OpenOptions { database, host_key: key.clone() }).await
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

pub(crate) struct Saved {
    pub pipeline: PipelineId,
    revision: RevisionId,
    job: JobId,
}

/// Saves a pipeline with one job, of which so many builds may run at once (0: any), and one given secret.
pub(crate) async fn save(store: &dyn Store, concurrency: u32) -> Saved {
    let job = Job {
        name: "test".into(),
        description: String::new(),
        public: false,
        tags: Vec::new(),
        concurrency,
        serial_groups: Vec::new(),
        timeout: None,
        disable_retry: false,
        allow_failure: false,
        interruptible: false,
        on_worker_loss: OnWorkerLoss::Retry,
        steps: Vec::new(),
        hooks: Hooks::default(),
    };
    let save = SaveRevision {
        team: store.ensure_team("main", "Main").await.unwrap().id,
        name: "app".into(),
        canonical: "app".into(),
        source: b"job".to_vec(),
        content_hash: "1".into(),
        compiled: Pipeline { jobs: vec![job], ..Pipeline::default() },
        vars: BTreeMap::new(),
        given_secrets: BTreeMap::from([("token".to_owned(), SecretValue::new("hunter2-given"))]),
        public: None,
        must_exist: None,
        at: now(),
        by: "ada".into(),
    };
    let SavedRevision::Saved { pipeline, revision, .. } = store.save_revision(save).await.unwrap() else {
        panic!("refused although nothing was demanded");
    };
    let job = store.job(pipeline, "test").await.unwrap().unwrap().id;
    Saved { pipeline, revision, job }
}

pub(crate) async fn insert(store: &dyn Store, saved: &Saved, nonce: u128) -> Result<BuildId, StoreError> {
    let new = NewBuild {
        job: saved.job,
        revision: saved.revision,
        cause: Cause::Manual { nonce: uuid::Uuid::from_u128(nonce), by: "ada".into() },
        versions: BTreeMap::new(),
        inputs: BTreeMap::new(),
        created_at: now(),
    };
    let applied = store.apply(saved.pipeline, None, vec![Write::InsertBuild(new)], now()).await?;
    Ok(applied.unwrap().builds[0].id)
}

pub(crate) fn chunk(text: String, offset: u64) -> Chunk {
    Chunk {
        step: StepPath("0".into()),
        attempt: 1,
        stream: Stream::Out,
        offset,
        line: 1,
        t: 0,
        bytes: Bytes::from(text),
    }
}

/// Every file below a directory, in one piece.
fn all_bytes(dir: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(dir).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    files.flatten().collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = (dir.path().join("sub/state.db"), HostKey::random().unwrap());
    let store = open(&path, &key).await.unwrap();
    for file in std::fs::read_dir(dir.path().join("sub")).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "others may read it");
    }
    let saved = save(&store, 0).await;
    let build = insert(&store, &saved, 1).await.unwrap();
    let sent = [(1, chunk("one\n".into(), 0)), (2, chunk("two\n".into(), 4))];
    store.append_log(build, 1, Fence::new(1, 5), &sent).await.unwrap();
    let before = store.build(build).await.unwrap();
    store.close().await;
    assert!(matches!(store.ping().await, Err(StoreError::Down(_))), "a closed store is down");
    assert!(matches!(store.setting_or_insert("a", "b").await, Err(StoreError::Down(_))));

    let store = open(&path, &key).await.unwrap();
    assert_eq!(store.build(build).await.unwrap(), before);
    assert_eq!(store.given_values(saved.pipeline).await.unwrap().1["token"].reveal(), "hunter2-given");
    // The log knows where it stood.
    let more = [(2, chunk("two\n".into(), 4)), (3, chunk("three\n".into(), 8))];
    assert_eq!(store.append_log(build, 1, Fence::new(1, 5), &more).await.unwrap(), 3);
    let log = store.step_log(build, 1, &StepPath("0".into()), 0, 99).await.unwrap();
    assert_eq!(log.bytes, b"one\ntwo\nthree\n");
    assert_eq!(insert(&store, &saved, 2).await.unwrap().0, build.0 + 1);
    store.close().await;
}

#[tokio::test]
async fn secrets_lie_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let store = open(&path, &HostKey::random().unwrap()).await.unwrap();
    let saved = save(&store, 0).await;
    assert_eq!(store.setting_or_insert("session key", "hunter2-setting").await.unwrap(), "hunter2-setting");
    store.close().await;
    let bytes = all_bytes(dir.path());
    assert!(holds(&bytes, "session key") && !holds(&bytes, "hunter2"));
    // Another host's key opens nothing, and says where.
    let store = open(&path, &HostKey::random().unwrap()).await.unwrap();
    let error = store.given_values(saved.pipeline).await.unwrap_err();
    assert!(matches!(error, StoreError::Inconsistent { table: "pipeline_values", .. }), "{error}");
    store.close().await;
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = (dir.path().join("state.db"), HostKey::random().unwrap());
    open(&path, &key).await.unwrap().close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut conn = sqlx::ConnectOptions::connect(&options).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (999, 'future', TRUE, x'00', 0)",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    sqlx::Connection::close(conn).await.unwrap();
    let error = open(&path, &key).await.err().unwrap();
    assert!(matches!(error, OpenError::Newer { found: 999, known: 4, .. }), "{error}");
    assert!(error.to_string().contains("newer version"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let text = "this is somebody's letter, not a database\n".repeat(100);
    std::fs::write(&path, &text).unwrap();
    assert!(open(&path, &HostKey::random().unwrap()).await.is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

/// What is written at once shares commits, and each gets its own answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_at_once_get_their_own_answers() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let store = Arc::new(open(&path, &HostKey::random().unwrap()).await.unwrap());
    let saved = Arc::new(save(&*store, 0).await);
    let tasks: Vec<_> = (0..200_u128)
        .map(|number| {
            let (store, saved) = (store.clone(), saved.clone());
            tokio::spawn(async move {
                // Each tenth names a job that does not exist: it is refused, and hurts nobody.
                let job = if number % 10 == 0 { JobId(999) } else { saved.job };
                let target = Saved { pipeline: saved.pipeline, revision: saved.revision, job };
                insert(&*store, &target, number).await
            })
        })
        .collect();
    let mut builds = Vec::new();
    let mut refused = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(build) => builds.push(build),
            Err(StoreError::Refused(reason)) => {
                assert_eq!(reason, "job 999 does not exist");
                refused += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    builds.sort();
    builds.dedup();
    assert_eq!((builds.len(), refused), (180, 20));
    let numbers = store.recent_builds(saved.pipeline, 999).await.unwrap();
    let mut numbers: Vec<i64> = numbers.iter().map(|build| build.number.major).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=180).collect::<Vec<_>>());
    store.close().await;
}

/// A store in memory is private, and leaves nothing.
#[tokio::test]
async fn a_store_in_memory_is_removed() {
    let store = crate::contract::open(None).await;
    store.ping().await.unwrap();
    let dir = store.memory_directory().unwrap();
    assert_eq!(std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
    store.close().await;
    assert!(!dir.exists());
}
