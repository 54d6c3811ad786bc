//! Several servers on one database: what each does is done once.

use std::sync::Arc;

use futures::future::join_all;
use pikoci_model::{
    id::{BuildId, Fence, Incarnation, NodeId, StepPath},
    port::store::{BuildStore, ClaimAnswer, ClaimRequest, LogStore, PipelineStore, Store},
};
use pikoci_seal::HostKey;
use pikoci_store::{DatabaseOptions, SqlStore};

use crate::{
    disk::{chunk, insert, save},
    servers::{ALL, Server, open},
};

/// Two servers on a new database.
async fn pair(server: Server) -> (DatabaseOptions, Vec<Arc<SqlStore>>) {
    let (database, key) = (server.fresh().await, HostKey::random().unwrap());
    let one = Arc::new(open(&database, &key).await.unwrap());
    let other = Arc::new(open(&database, &key).await.unwrap());
    assert!(one.is_shared());
    (database, vec![one, other])
}

async fn end(server: Server, database: &DatabaseOptions, stores: Vec<Arc<SqlStore>>) {
    for store in stores {
        store.close().await;
    }
    server.drop(database).await;
}

fn claim_of(build: BuildId, random: u32) -> ClaimRequest {
    let node = NodeId(format!("w-{random}"));
    ClaimRequest { build, node, incarnation: Incarnation(1), worker: "w".into(), random }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn builds_are_numbered_and_claimed_once() {
    for server in ALL {
        let (database, stores) = pair(server).await;
        let saved = save(&*stores[0], 0).await;
        let insert = |number: u128| {
            let (store, saved) = (stores[number as usize % 2].clone(), &saved);
            async move { insert(&*store, saved, number).await.unwrap() }
        };
        let mut builds = join_all((0..60).map(insert)).await;
        builds.sort();
        builds.dedup();
        assert_eq!(builds.len(), 60);
        let mut numbers: Vec<i64> = stores[0]
            .recent_builds(saved.pipeline, 99)
            .await
            .unwrap()
            .iter()
            .map(|b| b.number.major)
            .collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=60).collect::<Vec<_>>());
        let claims = (0..240_u32).map(|number| {
            let (store, build) = (stores[number as usize % 2].clone(), builds[number as usize / 4]);
            async move { (build, store.claim(&claim_of(build, number)).await.unwrap()) }
        });
        let claims = join_all(claims).await;
        let mut claimed: Vec<BuildId> = claims
            .into_iter()
            .filter(|(_, a)| matches!(a, ClaimAnswer::Claimed(_)))
            .map(|(b, _)| b)
            .collect();
        claimed.sort();
        assert_eq!(claimed, builds, "{server:?}");
        end(server, &database, stores).await;
    }
}

/// Of a job that allows one build at a time, two servers hold one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_hold_across_servers() {
    for server in ALL {
        let (database, stores) = pair(server).await;
        let saved = save(&*stores[0], 1).await;
        for round in 0..5 {
            let mut builds = Vec::new();
            for number in 0..8 {
                builds.push(insert(&*stores[0], &saved, round * 8 + number).await.unwrap());
            }
            let claims = builds.iter().enumerate().map(|(number, build)| {
                let (store, claim) = (stores[number % 2].clone(), claim_of(*build, number as u32));
                async move { store.claim(&claim).await.unwrap() }
            });
            let answers = join_all(claims).await;
            let held: Vec<_> = answers.iter().filter(|a| matches!(a, ClaimAnswer::Claimed(_))).collect();
            assert!(held.len() == usize::from(round == 0), "{server:?}: {held:?}");
        }
        end(server, &database, stores).await;
    }
}

/// A log that moves from one server to another and back has no hole and nothing twice.
#[tokio::test]
async fn a_log_goes_on_from_server_to_server() {
    for server in ALL {
        let (database, stores) = pair(server).await;
        let (build, fence) = (BuildId(7), Fence::new(1, 5));
        let mut offset = 0;
        for event in 1..=20_u64 {
            let text = format!("line {event}\n");
            let size = text.len() as u64;
            let sent = [(event, chunk(text, offset))];
            // The second one hears it again.
            for store in [&stores[event as usize % 2], &stores[(event as usize + 1) % 2]] {
                let last = store.append_log(build, 1, fence, &sent).await.unwrap();
                assert_eq!(last, i64::try_from(event).unwrap());
            }
            offset += size;
        }
        let log = stores[0].step_log(build, 1, &StepPath("0".into()), 0, 9999).await.unwrap();
        let lines: Vec<u8> = (1..=20).flat_map(|event| format!("line {event}\n").into_bytes()).collect();
        assert_eq!(log.bytes, lines, "{server:?}");
        let late = stores[1].append_log(build, 1, Fence::new(0, 9), &[(99, chunk("late".into(), 0))]).await;
        assert_eq!(late.unwrap(), 20);
        end(server, &database, stores).await;
    }
}

/// What one server writes the other reads: nothing is remembered that another may change.
#[tokio::test]
async fn nothing_is_remembered_that_another_may_change() {
    for server in ALL {
        let (database, stores) = pair(server).await;
        let (one, other): (&dyn Store, &dyn Store) = (&*stores[0], &*stores[1]);
        one.save_user("ada", "Ada", false, "$2b$1").await.unwrap();
        let before = other.user("ada").await.unwrap().unwrap();
        one.save_user("ada", "Ada", true, "$2b$2").await.unwrap();
        let after = other.user("ada").await.unwrap().unwrap();
        assert!(after.admin && after.token_generation > before.token_generation);
        let salt = one.worker_salt(Some("main")).await.unwrap();
        assert_eq!(salt, None);
        let saved = save(one, 0).await;
        let build = insert(other, &saved, 1).await.unwrap();
        let ClaimAnswer::Claimed(claimed) = one.claim(&claim_of(build, 1)).await.unwrap() else {
            panic!("not claimed")
        };
        assert_eq!(other.claim(&claim_of(build, 2)).await.unwrap(), ClaimAnswer::Gone);
        assert_eq!(other.build(build).await.unwrap().unwrap(), claimed.build);
        assert!(
            one.worker_salt(Some("main")).await.unwrap() == other.worker_salt(Some("main")).await.unwrap()
        );
        end(server, &database, stores).await;
    }
}
