//! Workers that know a broker and a token: who is sent away and what they are told, and what another takes over.

mod agreement;
mod database;
mod outage;
mod yard;

use serde_json::json;

use self::yard::Yard;
use crate::world::deadline::until;

/// Two workers, one of which is killed with a service running: the build goes on at the other.
fn another_worker_takes_over(flags: &[String]) {
    let mut yard = Yard::open(flags);
    let token = yard.token();
    yard.worker("one", &token, flags);
    yard.worker("two", &token, flags);
    until("both workers", || (yard.online() == 2).then_some(()));
    let answer = yard.api.post("/teams/main/pipelines/yard/jobs/wait/trigger", &json!({}));
    assert!(answer.status < 300, "{:?}", answer.body);
    let first = until("a worker with the build", || {
        let build = yard.api.build("yard", "wait/1").filter(|_| yard.path("began").exists())?;
        build["worker"].as_str().map(str::to_owned)
    });
    yard.kill(&first);
    until("another run at the other worker", || {
        let build = yard.api.build("yard", "wait/1").filter(|build| build["run"] == 2)?;
        build["worker"].as_str().filter(|worker| *worker != first).map(drop)
    });
    std::fs::write(yard.path("go"), "").unwrap();
    let build = yard.api.done("yard", "wait/1");
    assert_eq!((&build["status"], &build["run"]), (&json!("succeeded"), &json!(2)), "{build:#}");
    yard.close();
}

#[test]
fn another_worker_takes_over_through_nats() {
    another_worker_takes_over(&yard::flags("nats", "nats-server-url", "PIKOCI_TEST_NATS"));
}

#[test]
fn another_worker_takes_over_through_rabbitmq() {
    another_worker_takes_over(&yard::flags("rabbitmq", "rabbit-server-url", "PIKOCI_TEST_RABBITMQ"));
}

#[test]
fn another_worker_takes_over_through_kafka() {
    another_worker_takes_over(&yard::flags("kafka", "kafka-brokers", "PIKOCI_TEST_KAFKA"));
}

#[test]
fn who_has_no_good_token_is_told_and_not_let_in() {
    let flags = yard::flags("nats", "nats-server-url", "PIKOCI_TEST_NATS");
    let mut yard = Yard::open(&flags);
    let foreign = yard.made_with("the secret of another installation", &["--team=main"]);
    yard.worker("foreign", &foreign, &flags);
    yard.until_said("foreign", "was not made with the server's jwt secret");
    yard.until_server_said("forged, or sealed with a token of another installation");
    let over = yard.made_with(yard::SECRET, &["--expires=0s"]);
    yard.worker("over", &over, &flags);
    yard.until_said("over", "has expired");
    yard.until_server_said("the worker token has expired");
    let health = yard.api.get("/health").body;
    for kind in ["forged", "expired"] {
        assert!(health["data"]["dropped"][kind].as_u64() > Some(0), "{kind}: {health:#}");
        let metrics = yard.api.exchange("GET", "/metrics", None).body;
        let line = format!("pikoci_envelopes_dropped_total{{reason=\"{kind}\"}} ");
        let metrics = String::from_utf8(metrics).unwrap();
        let (_, count) = metrics.split_once(&line).unwrap();
        assert!(!count.starts_with('0'), "{kind}: {metrics}");
    }
    assert_eq!(yard.online(), 0);
    let answer = yard.api.get("/teams/main/worker-token");
    let token = answer.body["data"]["worker_token"].as_str().unwrap().to_owned();
    yard.worker("team", &token, &flags);
    until("the team's worker", || (yard.online() == 1).then_some(()));
    let renewed = yard.api.post("/teams/main/worker-token", &json!({})).body;
    assert_ne!(renewed["data"]["worker_token"], token);
    yard.until_said("team", "was revoked");
    yard.close();
}

/// One minor release apart they work together; more is said on both sides.
#[test]
fn a_worker_of_another_release_works_or_is_told() {
    let flags = yard::flags("nats", "nats-server-url", "PIKOCI_TEST_NATS");
    let mut yard = Yard::open(&flags);
    let token = yard.token();
    let own = env!("CARGO_PKG_VERSION");
    let mut parts = own.split('.');
    let (major, minor) = (parts.next().unwrap(), parts.next().unwrap().parse::<u32>().unwrap());
    let of = |minor: u32| [&flags[..], &[format!("--pretend-version={major}.{minor}.7")]].concat();
    yard.worker("far", &token, &of(minor + 2));
    let said =
        format!("the worker is version {major}.{}.7, the server {own}: they may be one minor", minor + 2);
    yard.until_said("far", &said);
    yard.until_server_said(&said);
    assert_eq!(yard.online(), 0);
    yard.worker("near", &token, &of(minor + 1));
    until("the worker of the next release", || (yard.online() == 1).then_some(()));
    std::fs::write(yard.path("go"), "").unwrap();
    let answer = yard.api.post("/teams/main/pipelines/yard/jobs/wait/trigger", &json!({}));
    assert!(answer.status < 300, "{:?}", answer.body);
    let build = yard.api.done("yard", "wait/1");
    assert_eq!((&build["status"], &build["worker"]), (&json!("succeeded"), &json!("near")), "{build:#}");
    yard.close();
}
