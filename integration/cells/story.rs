//! What happens in every cell.

use std::{fmt::Write as _, fs};

use serde_json::json;

use super::{broker::Broker, database::Database, site::Site};
use crate::{
    deploy::WITH_A_BROKER,
    world::{api::build_path, deadline::until},
};

/// The whole story: a push is built and what depends on it follows, a build is cancelled, a worker is killed, the server is
/// replaced while a build runs; and in the end nothing is alive.
pub fn tell(database: Database, broker: Broker) {
    let mut site = Site::open(database, broker);
    a_push_is_built(&site);
    if broker != Broker::Local {
        a_broker_is_watched(&site);
    }
    a_build_is_cancelled(&site);
    let outlives = database != Database::Memory;
    // A worker inside the server dies with it, and what a memory forgets is not built again.
    if broker != Broker::Local || outlives {
        a_worker_is_killed(&mut site);
    }
    if outlives {
        a_server_is_replaced(&mut site);
    }
    site.close();
}

fn a_push_is_built(site: &Site) {
    let api = site.api();
    let first = api.done("story", "first/1");
    assert_eq!(first["status"], "succeeded", "{first:#}");
    assert_eq!(api.log("story", "first/1", "2"), format!("some words\n{}", lines(1, 2000)));
    let second = api.done("story", "second/1");
    assert_eq!(second["status"], "succeeded", "{second:#}");
    assert_eq!(second["cause"], "passed");
    assert_eq!(api.log("story", "second/1", "1"), "heard some words\n");
    assert_eq!(site.board("first 1"), "started first 1.1\nstopped first 1.1\n");
}

fn a_broker_is_watched(site: &Site) {
    let metrics = String::from_utf8(site.api().bytes("/metrics")).unwrap();
    for name in WITH_A_BROKER {
        assert!(metrics.contains(&format!("# TYPE {name} ")), "{name} is not in\n{metrics}");
    }
    let up = metrics.lines().find(|line| line.starts_with("pikoci_transport_up{"));
    assert!(up.is_some_and(|line| line.ends_with(" 1")), "{metrics}");
}

fn a_build_is_cancelled(site: &Site) {
    site.trigger("endless");
    says(site, "endless/1", "waiting\n");
    let answer = site.api().post(&format!("{}/cancel", build_path("story", "endless/1")), &json!({}));
    assert!(answer.status < 300, "{answer:?}");
    assert_eq!(site.api().done("story", "endless/1")["status"], "cancelled");
    assert_eq!(site.board("endless 1"), "started endless 1.1\nstopped endless 1.1\n");
}

/// Half of the log is there when the worker dies: the next run has all of it, and the lost run what it had.
fn a_worker_is_killed(site: &mut Site) {
    site.trigger("gated");
    says(site, "gated/1", "\n1500\n");
    site.kill_worker();
    site.open_gate(1);
    site.start_worker();
    finished(site, "gated/1", 2);
    let board = site.board("gated 1");
    assert_eq!(board, "started gated 1.1\nstopped gated 1.1\nstarted gated 1.2\nstopped gated 1.2\n");
    let lost = format!("{}/logs?step=1&run=1", build_path("story", "gated/1"));
    assert_eq!(String::from_utf8_lossy(&site.api().bytes(&lost)), lines(1, 1500));
}

/// With a worker elsewhere the build goes on without its server; a worker inside hands it back, and it runs again.
fn a_server_is_replaced(site: &mut Site) {
    site.trigger("gated");
    says(site, "gated/2", "\n1500\n");
    site.replace_server();
    site.open_gate(2);
    finished(site, "gated/2", 1);
}

fn finished(site: &Site, build: &str, run: u64) {
    let done = site.api().done("story", build);
    assert_eq!((&done["status"], &done["run"]), (&json!("succeeded"), &json!(run)), "{build}: {done:#}");
    let log = site.api().log("story", build, "1");
    assert!(log == lines(1, 3000), "{build}: the log has {} lines", log.lines().count());
}

/// Waits for words in the log of the build's task.
fn says(site: &Site, build: &str, words: &str) {
    until(&format!("{build}: {words:?}"), || {
        let api = site.api();
        api.build("story", build)?;
        api.log("story", build, "1").contains(words).then_some(())
    });
}

fn lines(from: u32, to: u32) -> String {
    (from..=to).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "{number}");
        text
    })
}

impl Site {
    fn trigger(&self, job: &str) {
        let path = format!("/api/v1/teams/main/pipelines/story/jobs/{job}/trigger");
        let answer = self.api().post(&path, &json!({}));
        assert!(answer.status < 300, "{job}: {answer:?}");
    }

    fn open_gate(&self, build: u32) {
        fs::write(self.path(&format!("gate-{build}")), "").unwrap();
    }

    /// The lines of the services' board that tell of one build.
    fn board(&self, build: &str) -> String {
        let board = fs::read_to_string(self.path("board")).unwrap_or_default();
        board.lines().filter(|line| line.contains(&format!("{build}."))).fold(
            String::new(),
            |mut text, line| {
                let _ = writeln!(text, "{line}");
                text
            },
        )
    }
}
