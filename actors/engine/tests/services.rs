//! Services of builds: their order, their ready checks, and that each is stopped whatever happens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pikoci_engine::worker::Settings;
use pikoci_model::build::{BuildEvent, BuildStatus};
use pikoci_model::contract::MemoryHost;
use pikoci_model::id::BuildId;
use pikoci_model::pipeline::{BuiltinService, ReadyCheck, ServiceType};
use pikoci_model::plan::BuildPlan;
use pikoci_model::step::{Command, ServiceStep, Step, StepKind};
use pikoci_model::text::Value;

use crate::pipelines::{exec, hooks, plan, step, task};
use crate::world::World;

pub fn service(service_type: &str, name: &str) -> Step {
    let service = ServiceStep { service_type: service_type.into(), params: BTreeMap::new() };
    step(name, StepKind::Service(service))
}

fn ready(line: &str, timeout: u64) -> Option<ReadyCheck> {
    let command = exec(line);
    Some(ReadyCheck { command, interval: Duration::from_millis(1), timeout: Duration::from_millis(timeout) })
}

/// `started` starts and stops; `checked` has a ready check as well; the others go wrong in their own way.
pub fn types() -> BTreeMap<String, ServiceType> {
    let user = |start: &str, ready_check: Option<ReadyCheck>| ServiceType {
        start: Some(exec(start)),
        stop: Some(exec("say stopping")),
        ready_check,
        ..ServiceType::default()
    };
    let foreground = |line: &str| ServiceType { process: Some(exec(line)), ..ServiceType::default() };
    [
        ("started", user("say starting", None)),
        ("checked", user("true", ready("fail-before 3 waiting", 10_000))),
        ("broken", user("exit 4", None)),
        ("hanging", user("hang", None)),
        ("deaf", user("true", ready("fail-before 1000000 refused", 30))),
        ("foreground", foreground("hang")),
        ("early", foreground("exit 9")),
        ("stuck", foreground("stuck")),
        (
            "empty",
            ServiceType { start: Some(nothing()), stop: Some(nothing()), ..user("true", ready("true", 9)) },
        ),
        ("stop hangs", ServiceType { stop: Some(exec("hang")), ..user("true", None) }),
        ("stubborn", ServiceType { stop: Some(exec("fail-times 2 not yet")), ..user("true", None) }),
        ("unstoppable", ServiceType { stop: Some(exec("exit 5")), ..user("true", None) }),
    ]
    .map(|(name, declared)| (name.to_owned(), declared))
    .into()
}

fn nothing() -> Command {
    Command { runner: "exec".into(), ..Command::default() }
}

pub fn with_services(build: i64, steps: Vec<Step>) -> BuildPlan {
    let mut plan = plan(build, steps);
    plan.types.service_types = types();
    plan
}

pub fn stops(world: &World) -> Vec<String> {
    let story = world.host.story();
    story.iter().filter_map(|line| line.strip_prefix("stopped ")).map(str::to_owned).collect()
}

#[actix_rt::test]
async fn services_start_in_order_and_stop_group_by_group_in_reverse() {
    let mut world = World::new();
    let steps = vec![
        service("started", "a"),
        service("checked", "b"),
        task("use", "say using"),
        service("started", "c"),
        task("more", "say more"),
    ];
    let ran = world.run(with_services(1, steps)).await;
    assert_eq!(ran.status(), BuildStatus::Succeeded);
    let expected = [
        "svc.a.start succeeded",
        "svc.b.start succeeded",
        "svc.b.ready succeeded",
        "2 succeeded",
        "svc.c.start succeeded",
        "4 succeeded",
        "svc.c.stop succeeded",
        "svc.a.stop succeeded",
        "svc.b.stop succeeded",
    ];
    assert_eq!(ran.steps(), expected);
    assert_eq!(ran.step("svc.b.ready").name, "b:ready");
    assert_eq!(ran.log("svc.b.ready"), "ready after 3 probes\n");
    assert_eq!(
        (ran.log("svc.a.start").as_str(), ran.log("svc.a.stop").as_str()),
        ("starting\n", "stopping\n")
    );
    assert_eq!(stops(&world)[0], "c");
    assert_eq!(stops(&world).len(), 3);
    let states: Vec<String> = ran.services().into_iter().filter(|state| state.starts_with('b')).collect();
    assert_eq!(states, ["b starting", "b probing", "b ready", "b stopping", "b stopped"]);
}

#[actix_rt::test]
async fn a_command_without_a_program_is_a_success() {
    let mut world = World::new();
    let ran = world.run(with_services(1, vec![service("empty", "e"), task("t", "true")])).await;
    assert_eq!((ran.status(), ran.failure()), (BuildStatus::Succeeded, String::new()));
    let expected = ["svc.e.start succeeded", "svc.e.ready succeeded", "1 succeeded", "svc.e.stop succeeded"];
    assert_eq!(ran.steps(), expected);
    assert_eq!(ran.services().last().map(String::as_str), Some("e stopped"));
}

#[actix_rt::test]
async fn a_start_that_fails_fails_the_build_and_is_stopped_too() {
    let mut world = World::new();
    let steps =
        vec![service("started", "a"), service("broken", "b"), service("started", "c"), task("t", "true")];
    let ran = world.run(with_services(1, steps)).await;
    let said = "R150: service \"b\" did not start: the command exited with 4";
    assert_eq!(ran.failure(), said);
    let log = ran.log("svc.b.start");
    assert!(log.starts_with(&format!("error: {said}\nvariables of this command: BUILD_CAUSE ")), "{log}");
    let mut stopped = stops(&world);
    stopped.sort();
    assert_eq!(stopped, ["a", "b"]);
    assert!(
        !ran.steps().iter().any(|step| step.starts_with("svc.c") || step.starts_with('3')),
        "{:?}",
        ran.steps()
    );
}

#[actix_rt::test]
async fn a_service_that_is_never_ready_fails_the_build_with_the_last_probes_output() {
    let mut world = World::new();
    let ran = world.run(with_services(1, vec![service("deaf", "db"), task("t", "true")])).await;
    assert_eq!(ran.failure(), "R151: service \"db\" not ready after 30ms");
    let log = ran.log("svc.db.ready");
    let expected = "the last one: the command exited with 1\nvariables of this command: BUILD_CAUSE ";
    assert!(log.starts_with("refused\nerror: ") && log.contains(expected), "{log}");
    assert!(!log.contains("/work/"), "names only: {log}");
    assert_eq!(stops(&world), ["db"]);
}

#[actix_rt::test]
async fn one_of_a_group_that_is_never_ready_ends_the_ready_checks_of_the_others() {
    let mut world = World::new();
    let mut plan = with_services(1, vec![service("deaf", "a"), service("patient", "b"), task("t", "true")]);
    let mut patient = plan.types.service_types["deaf"].clone();
    patient.ready_check = ready("fail-before 1000000 refused", 3_600_000);
    plan.types.service_types.insert("patient".into(), patient);
    let ran = world.run(plan).await;
    assert_eq!(ran.failure(), "R151: service \"a\" not ready after 30ms");
    assert_eq!(stops(&world).len(), 2);
}

#[actix_rt::test]
async fn cancel_ends_a_start_and_a_ready_check_at_once() {
    for (service_type, line) in
        [("hanging", "run svc.s.start#1: hang"), ("deaf", "run svc.s.ready#1: fail-before 1000000 refused")]
    {
        let mut world = World::new();
        let mut plan = with_services(1, vec![service(service_type, "s"), task("t", "true")]);
        let declared = plan.types.service_types.get_mut(service_type).unwrap();
        declared.ready_check = ready("fail-before 1000000 refused", 3_600_000);
        plan.job.hooks = hooks();
        world.offer(plan.clone()).await;
        world.until_story(line).await;
        world.cancel(&plan).await;
        world.until(|world| world.is_over(BuildId(1))).await;
        let ran = world.ran(BuildId(1));
        assert_eq!(ran.status(), BuildStatus::Cancelled, "{service_type}");
        assert_eq!(stops(&world), ["s"]);
        assert_eq!(ran.log("on_cancel.0"), "cancel\n");
    }
}

#[actix_rt::test]
async fn a_foreground_service_is_watched_and_ended() {
    let mut world = World::new();
    let ran = world.run(with_services(1, vec![service("foreground", "f"), task("t", "say hi")])).await;
    assert_eq!(ran.status(), BuildStatus::Succeeded);
    assert_eq!(ran.steps(), ["svc.f.start succeeded", "1 succeeded", "svc.f.stop succeeded"]);
    assert!(world.host.story().contains(&"terminated svc.f.start".to_owned()));

    let mut slow = task("t", "hang");
    slow.hooks = hooks();
    let ran = world.run(with_services(2, vec![service("early", "e"), slow])).await;
    assert_eq!(ran.status(), BuildStatus::Failed);
    assert!(ran.failure().contains("service \"e\""), "{}", ran.failure());
    assert!(ran.log("svc.e.start").contains("\nvariables of this command: BUILD_CAUSE "));
    assert!(!ran.steps().contains(&"1 succeeded".to_owned()));
}

#[actix_rt::test]
async fn a_ready_check_ends_with_its_time() {
    let mut world = World::new();
    let mut plan = with_services(1, vec![service("mute", "m"), task("t", "true")]);
    let mut mute = plan.types.service_types["deaf"].clone();
    mute.ready_check = ready("hang", 30);
    plan.types.service_types.insert("mute".into(), mute);
    let ran = world.run(plan).await;
    assert_eq!(ran.failure(), "R151: service \"m\" not ready after 30ms");
    let log = ran.log("svc.m.ready");
    let limit = log.strip_prefix("error: 1 probe, the last one: the probe took longer than ");
    let limit = limit.and_then(|rest| rest.trim_end().strip_suffix("ms")).unwrap_or_else(|| panic!("{log}"));
    assert!(limit.parse::<u32>().unwrap() <= 30, "{log}");
}

/// A host whose container client succeeds at once.
fn with_client() -> World {
    let host = MemoryHost::new();
    let settings = Settings { docker_binary: "true".into(), ..Settings::default() };
    World::with(host.clone(), Arc::new(host), settings)
}

#[actix_rt::test]
async fn the_containers_of_a_service_are_removed_behind_its_stop() {
    let docker = Command {
        runner: "docker".into(),
        attributes: [("image".to_owned(), Value::Scalar("redis:7".into()))].into(),
        ..Command::default()
    };
    let started = ServiceType {
        start: Some(docker.clone()),
        stop: Some(exec("say stopping")),
        ..ServiceType::default()
    };
    let both = ServiceType { stop: Some(docker.clone()), ..started.clone() };
    let alone = ServiceType { process: Some(docker), ..ServiceType::default() };
    for (number, declared) in [(1, started), (2, both), (3, alone)] {
        let mut world = with_client();
        let mut plan = with_services(number, vec![service("own", "c"), task("t", "true")]);
        plan.types.service_types.insert("own".into(), declared);
        world.run(plan).await;
        let story = world.host.story();
        let run = |part: &str| {
            let begin = format!("run svc.c.{part}#1: ");
            let mut lines = story.iter().filter_map(|line| line.strip_prefix(&begin));
            lines.next_back().unwrap_or_else(|| panic!("no {part} in {story:#?}")).to_owned()
        };
        let label = |line: &str| {
            let (_, rest) = line.split_once("--label pikoci.instance=").unwrap();
            rest.split(' ').next().unwrap().to_owned()
        };
        let removal = format!("/usr/bin/pikoci internal docker-stop {}", label(&run("start")));
        let stop = run("stop");
        match number {
            1 => assert_eq!(stop, format!("{removal} -- say stopping")),
            2 => assert!(stop.starts_with(&format!("{removal} {} -- true run ", label(&stop))), "{stop}"),
            _ => assert_eq!(stop, removal),
        }
    }
}

#[actix_rt::test]
async fn a_stop_that_fails_is_shown_and_changes_nothing_else() {
    let mut world = World::new();
    let ran = world.run(with_services(1, vec![service("unstoppable", "u"), task("t", "true")])).await;
    assert_eq!(ran.status(), BuildStatus::Succeeded);
    assert_eq!(ran.services().last().map(String::as_str), Some("u stop_failed"));
    assert_eq!(ran.step("svc.u.stop").status, BuildStatus::Failed);
}

#[actix_rt::test]
async fn stopping_the_worker_stops_every_service() {
    let mut world = World::new();
    world
        .offer(with_services(1, vec![service("started", "a"), service("foreground", "b"), task("t", "hang")]))
        .await;
    world.until_story("run 2#1: hang").await;
    world.worker.stop();
    world.until(|world| world.is_over(BuildId(1))).await;
    assert!(matches!(world.ran(BuildId(1)).events.last(), Some(BuildEvent::HandedBack { .. })));
    let mut stopped = stops(&world);
    stopped.sort();
    assert_eq!(stopped, ["a", "b"]);
}

#[actix_rt::test]
async fn a_built_in_service_chooses_its_runtime_port_and_names() {
    let declared = ServiceType {
        params: vec!["port".into(), "runtime".into()],
        defaults: [("port".to_owned(), Value::Scalar("5432".into()))].into(),
        start: Some(exec("show SERVICE_RUNTIME")),
        process: Some(exec("postgres")),
        stop: Some(exec("show SERVICE_CONTAINER")),
        ready_check: None,
        builtin: Some(BuiltinService { suffix: "pg".into() }),
    };
    let asking = |build: i64, params: &[(&str, &str)]| {
        let params =
            params.iter().map(|(name, value)| ((*name).to_owned(), Value::Scalar((*value).into()))).collect();
        let db = step("db", StepKind::Service(ServiceStep { service_type: "postgres".into(), params }));
        let mut plan = plan(build, vec![db, task("t", "show SERVICE_DB_PORT")]);
        plan.types.service_types = [("postgres".to_owned(), declared.clone())].into();
        plan
    };
    let mut world = World::new();
    let ran = world.run(asking(1, &[])).await;
    let expected = "R150: service \"db\" did not start: neither a container engine answers nor is `postgres` installed on the worker";
    assert_eq!(ran.failure(), expected);
    world.host.set_engine(true);
    let ran = world.run(asking(2, &[])).await;
    assert_eq!(
        (ran.log("svc.db.start").as_str(), ran.log("1").as_str()),
        ("SERVICE_RUNTIME=docker\n", "SERVICE_DB_PORT=5432\n")
    );
    assert_eq!(ran.log("svc.db.stop"), "SERVICE_CONTAINER=pikoci-app-test-pg\n");
    assert_eq!(ran.exports()["SERVICE_DB_HOST"], "127.0.0.1");
    let ran = world.run(asking(3, &[("port", "0")])).await;
    assert_eq!(ran.log("1"), "SERVICE_DB_PORT=40001\n");
    let ran = world.run(asking(4, &[("runtime", "vm")])).await;
    assert!(
        ran.failure().ends_with("runtime is `vm`; it can be `auto`, `docker` or `host`"),
        "{}",
        ran.failure()
    );
}
