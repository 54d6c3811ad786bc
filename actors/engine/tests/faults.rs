//! The same results when envelopes get lost, repeated and late, and when trackers die.

use pikoci_engine::server::Settings;
use pikoci_model::build::{BuildStatus, Phase};
use pikoci_model::pipeline::CheckInterval;

use crate::pipelines::{get, job, pipeline, task};
use crate::town::{Faults, Town};
use crate::wire::Weather;
use crate::world::DEADLINE;

/// Of a hundred envelopes.
pub const STORM: Weather = Weather { lost: 5, repeated: 5, delayed: 20, seed: 0 };

async fn everything_comes_to_its_end(town: &Town) {
    let steps = ["one", "two", "three"].map(|name| task(name, &format!("say this is {name}")));
    let jobs = vec![
        job("first", [vec![get("mem.app", true, &[])], steps.to_vec()].concat()),
        job("then", vec![get("mem.app", true, &["first"]), task("t", "say then")]),
    ];
    let found = "say [{\"ref\":\"1\"},{\"ref\":\"2\"},{\"ref\":\"3\"},{\"ref\":\"4\"},{\"ref\":\"5\"}]";
    let saved = town.save("storm", &pipeline(&["app"], found, CheckInterval::Never, jobs)).await;
    let _workers = [town.worker("a", 2), town.worker("b", 1)];
    let all = ["1 succeeded", "2 succeeded", "3 succeeded", "4 succeeded", "5 succeeded"];
    town.until_story(saved.pipeline, "first", &all).await;
    let builds = town.builds(saved.pipeline, "first").await;
    for build in &builds {
        let done = town.until_done(build.id).await;
        assert_eq!((done.status, done.run), (BuildStatus::Succeeded, 1));
        for (step, name) in [("1", "one"), ("2", "two"), ("3", "three")] {
            assert_eq!(town.log(build.id, step).await, format!("this is {name}\n"));
        }
    }
    let newest = builds.last().unwrap().versions["app"].clone();
    town.until("the newest version downstream", async || {
        let last = town.builds(saved.pipeline, "then").await.pop();
        last.is_some_and(|build| build.versions["app"] == newest && build.phase == Phase::Done)
    })
    .await;
}

#[actix_rt::test]
async fn in_a_storm() {
    everything_comes_to_its_end(&Town::in_weather(Settings::default(), STORM)).await;
}

#[actix_rt::test]
async fn with_every_tracker_killed_once() {
    let town = Town::mined(Settings::default(), Weather::default(), true);
    everything_comes_to_its_end(&town).await;
    assert!(town.server().roster().counts().panics >= 5);
}

#[actix_rt::test]
async fn in_a_storm_with_every_tracker_killed_once() {
    everything_comes_to_its_end(&Town::mined(Settings::default(), STORM, true)).await;
}

/// Dispatcher, trackers, pipelines, janitor: each begins anew from the store.
#[actix_rt::test]
async fn with_a_clock_that_breaks_under_whoever_looks() {
    for every in [9, 13, 17] {
        let town = Town::shaky(Faults { every, times: 8 });
        everything_comes_to_its_end(&town).await;
        let counts = town.server().roster().counts();
        assert!(counts.panics >= 4 && counts.restarts >= 2, "{counts:?}");
        assert_eq!(counts.escalations, 0, "{counts:?}");
    }
}

#[actix_rt::test]
async fn a_server_whose_actors_cannot_live_says_so() {
    let town = Town::shaky(Faults { every: 1, times: u64::MAX });
    let fallen = tokio::time::timeout(DEADLINE, town.server().fallen()).await.expect("it is told");
    assert!(fallen.contains("planned: the clock breaks"), "{fallen}");
    assert!(town.server().roster().counts().escalations >= 1);
}
