//! Gets, puts, checks and secrets on a worker.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pikoci_engine::worker::Settings;
use pikoci_model::build::{BuildEvent, BuildStatus};
use pikoci_model::contract::MemoryHost;
use pikoci_model::id::{BuildId, ResourceId, VersionId};
use pikoci_model::pipeline::{CheckInterval, Resource, ResourceType, SecretType};
use pikoci_model::plan::{BuildPlan, CheckPlan, PlannedResource, PlannedVersion, Types};
use pikoci_model::step::{Command, GetStep, Hook, PutStep, Step, StepKind, VersionMode};
use pikoci_model::text::{SecretRef, SecretValue, Text, Value};
use pikoci_model::version::VersionValue;

use crate::pipelines::{exec, plan, step, task};
use crate::world::World;

fn resource(cache: bool) -> Resource {
    Resource {
        type_name: "git".into(),
        name: "app".into(),
        params: [("url".to_owned(), Value::Scalar("https://x".into()))].into(),
        check_interval: CheckInterval::Never,
        tags: vec![],
        cache,
        icon: String::new(),
        description: String::new(),
    }
}

fn version(text: &str) -> VersionValue {
    serde_json::from_str(text).unwrap()
}

fn get() -> Step {
    let get = GetStep { resource: "git.app".into(), trigger: true, passed: vec![], mode: VersionMode::Every };
    step("app", StepKind::Get(get))
}

fn put(skip_get: bool) -> Step {
    let params = [("tag".to_owned(), Value::Scalar("v$BUILD_NUMBER-$HOME".into()))].into();
    step("up", StepKind::Put(PutStep { resource: "git.app".into(), params, skip_get }))
}

fn with_resource(steps: Vec<Step>, pull: &str, push: Option<&str>) -> BuildPlan {
    let mut plan = plan(1, steps);
    let planned = PlannedResource { id: ResourceId(4), resource: resource(false) };
    plan.resources.insert("git.app".into(), planned);
    let value = version(r#"{"ref":"a1","meta":{"n":3}}"#);
    plan.versions.insert("app".into(), PlannedVersion { id: VersionId(9), value });
    let defaults = [("depth".to_owned(), Value::Scalar("1".into()))].into();
    let declared =
        ResourceType { defaults, pull: Some(exec(pull)), push: push.map(exec), ..ResourceType::default() };
    plan.types.resource_types.insert("git".into(), declared);
    plan
}

#[actix_rt::test]
async fn a_get_passes_params_and_version_and_exports_the_version() {
    for (show, expected) in [
        ("show param_url", "param_url=https://x\n"),
        ("show param_depth", "param_depth=1\n"),
        ("show version_meta_n", "version_meta_n=3\n"),
    ] {
        let mut world = World::new();
        let ran = world.run(with_resource(vec![get(), task("t", "show GET_APP_META_N")], show, None)).await;
        assert_eq!((ran.log("0").as_str(), ran.log("1").as_str()), (expected, "GET_APP_META_N=3\n"));
        assert_eq!(ran.step("0").version, Some(VersionId(9)));
    }
}

#[actix_rt::test]
async fn a_put_expands_its_attributes_and_may_create_a_version() {
    let mut world = World::new();
    let ran = world.run(with_resource(vec![put(false)], "true", Some("show put_tag"))).await;
    assert_eq!(ran.log("0"), "put_tag=v7-$HOME\n");
    assert!(!ran.events.iter().any(|event| matches!(event, BuildEvent::Created { .. })));

    let push = r#"say [{"ref":"old"},{"ref":"new"}]"#;
    let mut creating = with_resource(vec![put(false), task("t", "show GET_UP_REF")], "true", Some(push));
    creating.build = pikoci_model::id::BuildId(2);
    let ran = world.run(creating).await;
    let created = ran.events.iter().find_map(|event| match event {
        BuildEvent::Created { resource, value, .. } => Some((*resource, value.clone())),
        _ => None,
    });
    assert_eq!(created, Some((ResourceId(4), version(r#"{"ref":"new"}"#))));
    assert_eq!(ran.log("1"), "GET_UP_REF=new\n");

    let mut quiet = with_resource(vec![put(true), task("t", "show GET_UP_REF")], "true", Some(push));
    quiet.build = pikoci_model::id::BuildId(3);
    assert_eq!(world.run(quiet).await.log("1"), "GET_UP_REF=(unset)\n");
}

#[actix_rt::test]
async fn gets_of_one_name_take_a_version_each() {
    let mut other = get();
    let StepKind::Get(of_other) = &mut other.kind else { panic!() };
    of_other.resource = "fs.app".into();
    let mut hooked = get();
    hooked.hooks.ensure = vec![Hook::Command(exec("show version_ref"))];
    let mut plan =
        with_resource(vec![get(), other, hooked, task("t", "show GET_APP_REF")], "show version_ref", None);
    let fs = Resource { type_name: "fs".into(), ..resource(false) };
    plan.resources.insert("fs.app".into(), PlannedResource { id: ResourceId(5), resource: fs });
    plan.types.resource_types.insert("fs".into(), plan.types.resource_types["git"].clone());
    for (key, id, text) in [("app#2", 10, r#"{"ref":"b2"}"#), ("app#3", 11, r#"{"ref":"c3"}"#)] {
        plan.versions.insert(key.into(), PlannedVersion { id: VersionId(id), value: version(text) });
    }
    let ran = World::new().run(plan).await;
    for (path, shown, id) in [("0", "a1", 9), ("1", "b2", 10), ("2", "c3", 11)] {
        assert_eq!(ran.log(path), format!("version_ref={shown}\n"));
        assert_eq!(ran.step(path).version, Some(VersionId(id)));
    }
    assert_eq!(ran.log("2.ensure.0"), "version_ref=c3\n");
    assert_eq!(ran.log("3"), "GET_APP_REF=c3\n", "the last one's exports stay");
}

fn check(line: &str, latest: Option<VersionValue>, lease: i64) -> CheckPlan {
    let declared = ResourceType { check: Some(exec(line)), ..ResourceType::default() };
    CheckPlan {
        resource_id: ResourceId(4),
        lease,
        team: "main".into(),
        pipeline: "app".into(),
        resource: resource(true),
        types: Types { resource_types: [("git".to_owned(), declared)].into(), ..Types::default() },
        latest,
    }
}

#[actix_rt::test]
async fn a_check_gives_versions_or_says_why_not() {
    let mut world = World::new();
    world.offer_check(check(r#"say [{"ref":"b"}]"#, None, 1)).await;
    world.until(|world| world.results.len() == 1).await;
    let result = &world.results[0];
    assert_eq!((result.lease, &result.outcome.result), (1, &Ok(vec![version(r#"{"ref":"b"}"#)])));
    let mut expected = vec![
        (
            "say nonsense",
            "R170: the check's output cannot be read: the last line must be a JSON array of objects, found `nonsense`",
        ),
        ("true", "R170: the check printed nothing: the last line must be a JSON array of objects, found ``"),
        ("exit 2", "the command exited with 2"),
        (
            "show version_ref",
            "R170: the check's output cannot be read: the last line must be a JSON array of objects, found `version_ref=a1`",
        ),
        (
            "show CACHE_DIR",
            "R170: the check's output cannot be read: the last line must be a JSON array of objects, found `CACHE_DIR=/cache/main/app/git.app`",
        ),
    ];
    for (lease, (line, text)) in expected.drain(..).enumerate() {
        let lease = i64::try_from(lease).unwrap() + 2;
        world.offer_check(check(line, Some(version(r#"{"ref":"a1"}"#)), lease)).await;
        world.until(|world| world.results.iter().any(|result| result.lease == lease)).await;
        let result = world.results.iter().find(|result| result.lease == lease).unwrap();
        assert_eq!(result.outcome.result.as_ref().unwrap_err().to_string(), text);
    }
    assert_eq!(world.host.workdirs(), 0);
}

#[actix_rt::test]
async fn a_check_that_takes_too_long_is_ended() {
    let host = MemoryHost::new();
    let settings = Settings { check_limit: Duration::from_millis(20), ..Settings::default() };
    let mut world = World::with(host.clone(), Arc::new(host), settings);
    world.offer_check(check("hang", None, 1)).await;
    world.until(|world| world.results.len() == 1).await;
    let failure = world.results[0].outcome.result.clone().unwrap_err();
    assert_eq!(failure.to_string(), "R171: the check took longer than 20ms");
    assert!(world.host.story().contains(&"close c-4-1".to_owned()));
}

fn fetched(key: &str) -> Text {
    let (secret_type, path) = ("vault".into(), "kv/ci".into());
    Text::secret(SecretRef::Fetched { secret_type, path, key: key.into() })
}

fn with_secret(get: &str, text: Text) -> BuildPlan {
    let mut step = task("t", "show TOKEN");
    if let StepKind::Task(task) = &mut step.kind {
        task.env = [("TOKEN".to_owned(), text)].into();
    }
    let mut plan = plan(1, vec![step]);
    let config = [("address".to_owned(), Value::Scalar("http://v".into()))].into();
    let declared = SecretType { get: exec(get), config };
    plan.types.secret_types = BTreeMap::from([("vault".to_owned(), declared)]);
    plan
}

#[actix_rt::test]
async fn a_secret_is_fetched_once_masked_and_never_told() {
    let mut world = World::new();
    let mut plan = with_secret(r#"say {"token":"hunter2","other":"x"}"#, fetched("token"));
    plan.job.steps.push(plan.job.steps[0].clone());
    let ran = world.run(plan).await;
    assert_eq!(ran.status(), BuildStatus::Succeeded);
    assert_eq!((ran.log("0").as_str(), ran.log("1").as_str()), ("TOKEN=***\n", "TOKEN=***\n"));
    let fetches = world.host.story().iter().filter(|line| line.starts_with("run secret.")).count();
    assert_eq!(fetches, 1);
    assert!(!format!("{:?}", ran.events).contains("hunter2"));
}

#[actix_rt::test]
async fn what_a_step_hands_on_is_told_without_its_secrets() {
    let mut world = World::new();
    let mut plan = with_secret(r#"say {"token":"hunter2"}"#, fetched("token"));
    plan.job.steps.push(task("tell", "export key=[hunter2]"));
    plan.job.steps.push(task("use", "show TASK_TELL_KEY"));
    plan.job.steps.push(task("last", "hunter2"));
    let ran = world.run(plan).await;
    assert_eq!(ran.exports()["TASK_TELL_KEY"], "[***]");
    assert_eq!(ran.log("2"), "TASK_TELL_KEY=[***]\n", "the next step has it as it was written");
    assert_eq!(ran.failure(), "R190: program \"***\" not found in the host in memory");
    assert!(!format!("{:?}", ran.events).contains("hunter2"));
}

#[actix_rt::test]
async fn a_secret_without_a_path_has_that_of_its_type() {
    let mut world = World::new();
    let without = |key: &str| {
        let (secret_type, path) = ("vault".into(), Text::default());
        Text::secret(SecretRef::Fetched { secret_type, path, key: key.into() })
    };
    let with_path = |plan: &mut BuildPlan, get: &str| {
        let declared = plan.types.secret_types.get_mut("vault").unwrap();
        declared.config.insert("path".into(), Value::Scalar("kv/own".into()));
        declared.get = exec(get);
    };
    let mut plan = with_secret("true", without("token"));
    with_path(&mut plan, "show param_path");
    let ran = world.run(plan).await;
    let expected = "R103: secret vault:kv/own: the last line of its answer is not a JSON object";
    assert_eq!(ran.failure(), expected);
    let mut plan = with_secret("true", without("token"));
    with_path(&mut plan, "say {}");
    plan.build = BuildId(2);
    assert_eq!(world.run(plan).await.failure(), "R102: secret vault:kv/own has no key `token`");
}

#[actix_rt::test]
async fn what_goes_wrong_with_a_secret_has_its_code_and_no_value() {
    let cases = [
        (r#"say {"other":"hunter2"}"#, "R102: secret vault:kv/ci has no key `token`"),
        ("exit 3", "R103: secret vault:kv/ci: the command exited with 3"),
        ("say hunter2", "R103: secret vault:kv/ci: the last line of its answer is not a JSON object"),
        ("missing", "R103: secret vault:kv/ci: R190: program \"missing\" not found in the host in memory"),
    ];
    for (get, expected) in cases {
        let mut world = World::new();
        let ran = world.run(with_secret(get, fetched("token"))).await;
        assert_eq!((ran.status(), ran.failure().as_str()), (BuildStatus::Failed, expected));
        assert_eq!(world.host.workdirs(), 0);
    }
    let host = MemoryHost::new();
    let settings = Settings { fetch_secrets: false, ..Settings::default() };
    let mut world = World::with(host.clone(), Arc::new(host), settings);
    let ran = world.run(with_secret("true", fetched("token"))).await;
    assert!(
        ran.failure().starts_with("R103: secret vault:kv/ci: fetching secrets is not allowed"),
        "{}",
        ran.failure()
    );
}

#[actix_rt::test]
async fn a_given_value_replaces_the_fetch_and_is_masked_too() {
    let mut world = World::new();
    let given = Text::secret(SecretRef::Given { variable: "token".into() });
    let mut plan = with_secret("false", given);
    plan.types.given_secrets = [("token".to_owned(), SecretValue::new("hunter2"))].into();
    let ran = world.run(plan).await;
    assert_eq!((ran.status(), ran.log("0").as_str()), (BuildStatus::Succeeded, "TOKEN=***\n"));

    let mut refused = with_secret("false", "x".into());
    refused.build = pikoci_model::id::BuildId(2);
    refused.types.given_secrets = [("token".to_owned(), SecretValue::new("hunter2"))].into();
    if let StepKind::Task(task) = &mut refused.job.steps[0].kind {
        let secret = Text::secret(SecretRef::Given { variable: "token".into() });
        task.run = Command { args: vec![secret], ..exec("say") };
    }
    let ran = world.run(refused).await;
    assert!(ran.failure().starts_with("L038: `args` holds a secret"), "{}", ran.failure());
}
