//! Definitions that were saved when gets of one name had one row.

use std::{collections::BTreeMap, path::Path};

use chrono::DateTime;
use pikoci_model::{
    pipeline::Pipeline,
    port::store::{AccountStore, PipelineStore, SaveRevision, SavedRevision, SchedulingStore},
};
use pikoci_store::SqlStore;
use serde_json::json;

use crate::contract::open;

fn definition() -> Pipeline {
    let none = json!({ "on_success": [], "on_failure": [], "on_cancel": [], "ensure": [] });
    let get = |resource: &str| {
        let get = json!({ "resource": resource, "trigger": true, "passed": [], "mode": "every" });
        json!({ "name": "app", "kind": { "get": get }, "timeout": null, "attempts": 1, "hooks": none })
    };
    let resource = |kind: &str| {
        json!({
            "type_name": kind, "name": "app", "params": {}, "check_interval": "never", "tags": [], "cache": false,
            "icon": "", "description": ""
        })
    };
    let job = json!({
        "name": "test", "description": "", "tags": [], "concurrency": 0, "serial_groups": [], "timeout": null,
        "disable_retry": false, "allow_failure": false, "interruptible": false, "on_worker_loss": "retry",
        "steps": [get("git.app"), get("fs.app")], "hooks": none
    });
    Pipeline {
        resources: serde_json::from_value(json!([resource("git"), resource("fs")])).unwrap(),
        jobs: vec![serde_json::from_value(job).unwrap()],
        ..Pipeline::default()
    }
}

/// Saves the definition; gives whether that changed anything, and the gets that are scheduled by.
async fn save(store: &SqlStore) -> (bool, Vec<String>) {
    let save = SaveRevision {
        team: store.ensure_team("main", "Main").await.unwrap().id,
        name: "app".into(),
        canonical: "app".into(),
        source: Vec::new(),
        content_hash: "1".into(),
        compiled: definition(),
        vars: BTreeMap::new(),
        given_secrets: BTreeMap::new(),
        public: None,
        must_exist: None,
        at: DateTime::UNIX_EPOCH,
        by: "ada".into(),
    };
    let SavedRevision::Saved { pipeline, changed, .. } = store.save_revision(save).await.unwrap() else {
        panic!("refused although nothing was demanded");
    };
    let state = store.scheduling_state(pipeline).await.unwrap().unwrap();
    (changed, state.jobs[0].gets.iter().map(|get| get.name.clone()).collect())
}

async fn forget_the_second(path: &Path) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut conn = sqlx::ConnectOptions::connect(&options).await.unwrap();
    sqlx::query("DELETE FROM job_gets WHERE name = 'app#2'").execute(&mut conn).await.unwrap();
    sqlx::Connection::close(conn).await.unwrap();
}

#[tokio::test]
async fn saving_again_makes_the_rows_that_are_missing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let (store, both) = (open(Some(&path)).await, vec!["app".to_owned(), "app#2".to_owned()]);
    assert_eq!(save(&store).await, (true, both.clone()));
    assert_eq!(save(&store).await, (false, both.clone()));
    store.close().await;
    forget_the_second(&path).await;
    let store = open(Some(&path)).await;
    assert_eq!(save(&store).await, (true, both));
    store.close().await;
}
