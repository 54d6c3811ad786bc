//! Pipelines, with the graph of one.

use pikoci_web::graph::{Get, GraphInput, GraphJob, GraphModel, GraphResource, Newest};
use pikoci_web::page::*;

use super::{NOW, SHOP, frame, way};

/// All pipelines.
pub fn pipelines() -> PipelinesPage {
    let heights: [u64; 24] =
        [12, 9, 20, 8, 7, 22, 30, 12, 22, 14, 31, 14, 6, 30, 11, 13, 22, 8, 26, 22, 10, 20, 9, 31];
    let card = |name: &str, state: State, said: &str, ago: i64, odd: usize| PipelineCard {
        name: name.into(),
        href: format!("/teams/main/pipelines/{name}"),
        state,
        last_event: Sentence::plain(said),
        last_event_at: Some(NOW - ago),
        builds: (0..24)
            .map(|i| RecentBuild {
                label: format!("build #{i}"),
                state: match (i + odd) % 11 {
                    5 if odd % 2 == 1 => State::Failed,
                    7 => State::Warning,
                    _ => State::Succeeded,
                },
                duration_ms: heights[(i * (odd + 1)) % 24] * 1000,
            })
            .collect(),
    };
    PipelinesPage {
        frame: frame(vec![Crumb::here("main")]),
        pipelines: vec![
            card("shop", State::Running, "integration #42 failed", 180_000, 0),
            card("docs", State::Succeeded, "publish #301", 720_000, 1),
            card("firmware", State::Failed, "flash #17 failed", 3_600_000, 2),
            card("infra", State::Paused, "paused by bob", 172_800_000, 3),
            PipelineCard {
                name: "new".into(),
                href: "/teams/main/pipelines/new".into(),
                state: State::NotRun,
                last_event: Sentence::default(),
                last_event_at: None,
                builds: Vec::new(),
            },
        ],
        server_url: "http://localhost:8080".into(),
    }
}

fn get(resource: &str, trigger: bool, passed: &[&str]) -> Get {
    Get { resource: resource.into(), trigger, passed: passed.iter().map(|p| (*p).to_owned()).collect() }
}

fn job(name: &str, state: State, number: &str, took: i64, gets: Vec<Get>) -> GraphJob {
    let running = state == State::Running;
    let started_at = (state != State::Pending).then_some(NOW - took);
    let newest = Newest { number: number.into(), started_at, ended_at: (!running).then_some(NOW) };
    GraphJob { name: name.into(), state, newest: Some(newest), running, gets, puts: Vec::new() }
}

/// The graph of pipeline `shop`.
pub fn graph_input() -> GraphInput {
    let resource = |name: &str| GraphResource { name: name.into(), failing: false, pinned: false };
    let mut deploy = job(
        "deploy",
        State::Pending,
        "19",
        0,
        vec![get("git.app", true, &["package"]), get("git.app", false, &["migrate"])],
    );
    deploy.puts.push("env.prod".into());
    GraphInput {
        pipeline: "shop".into(),
        base: SHOP.into(),
        resources: vec![resource("git.app"), resource("cron.night"), resource("env.prod")],
        jobs: vec![
            job("unit", State::Succeeded, "128", 41_000, vec![get("git.app", true, &[])]),
            job(
                "lint",
                State::Succeeded,
                "126",
                9_000,
                vec![get("git.app", true, &[]), get("cron.night", false, &[])],
            ),
            job("integration", State::Failed, "42", 72_000, vec![get("git.app", true, &["unit", "lint"])]),
            job("package", State::Succeeded, "87", 52_000, vec![get("git.app", true, &["integration"])]),
            job("migrate", State::Running, "8", 40_000, vec![get("git.app", true, &["integration"])]),
            deploy,
        ],
        lit: Default::default(),
    }
}

/// One pipeline.
pub fn pipeline() -> PipelinePage {
    let input = graph_input();
    PipelinePage {
        frame: frame(way(&["shop"])),
        name: "shop".into(),
        state: State::Running,
        revision: 17,
        applied_at: Some(NOW - 7_200_000),
        applied_by: Some("bob".into()),
        graph: GraphModel::new(&input, true),
        lit: None,
        siblings: pipelines().pipelines.split_off(1),
        href: SHOP.into(),
        waiting: vec![WaitingBuild {
            label: "deploy #19".into(),
            href: format!("{SHOP}/jobs/deploy/builds/19"),
            reason: Sentence::plain("serial group ")
                .code("prod")
                .text(" is held by ")
                .link("migrate #8", format!("{SHOP}/jobs/migrate/builds/8"))
                .text(" (running 40 s)"),
            since: NOW - 38_000,
        }],
        more_waiting: 3,
        jobs: input
            .jobs
            .iter()
            .map(|job| JobRow {
                name: job.name.clone(),
                href: format!("{SHOP}/jobs/{}/builds", job.name),
                trigger: Some(format!("{SHOP}/jobs/{}/trigger", job.name)),
                state: job.state,
                newest: job.newest.as_ref().map(|n| {
                    (format!("#{}", n.number), format!("{SHOP}/jobs/{}/builds/{}", job.name, n.number))
                }),
                at: job.newest.as_ref().and_then(|n| n.started_at),
                ended_at: job.newest.as_ref().and_then(|n| n.ended_at),
            })
            .collect(),
        resources: input
            .resources
            .iter()
            .enumerate()
            .map(|(i, resource)| ResourceRow {
                name: resource.name.clone(),
                href: format!("{SHOP}/resources/{}", resource.name),
                version: (i == 0).then(|| "9f0c1d7".to_owned()),
                checked_at: (i < 2).then_some(NOW - 30_000),
                failing: i == 1,
            })
            .collect(),
    }
}
