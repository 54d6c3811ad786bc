//! Builds on a worker, from offer to the last event.

use std::time::Duration;

use pikoci_model::build::{BuildEvent, BuildStatus, Phase};
use pikoci_model::id::BuildId;
use pikoci_model::pipeline::OnWorkerLoss;
use pikoci_model::step::{Hook, StepKind};

use crate::pipelines::{hook, hooks, plan, task};
use crate::world::World;

#[actix_rt::test]
async fn a_build_runs_from_its_first_event_to_its_last() {
    let mut world = World::new();
    let ran = world.run(plan(1, vec![task("one", "say hello"), task("two", "show INPUT_Level")])).await;
    assert_eq!(ran.status(), BuildStatus::Succeeded);
    assert_eq!(ran.steps(), ["0 succeeded", "1 succeeded"]);
    assert_eq!((ran.log("0").as_str(), ran.log("1").as_str()), ("hello\n", "INPUT_Level=high\n"));
    assert!(matches!(ran.events[0], BuildEvent::Started { .. }));
    let phases: Vec<Phase> = ran
        .events
        .iter()
        .filter_map(|event| if let BuildEvent::Phase(phase) = event { Some(*phase) } else { None })
        .collect();
    assert_eq!(phases, [Phase::Running, Phase::Stopping]);
    assert!(matches!(ran.events.last(), Some(BuildEvent::Finished { .. })));
    assert_eq!(world.host.story().last().map(String::as_str), Some("close b-1-1"));
    assert_eq!(world.host.workdirs(), 0);
}

#[actix_rt::test]
async fn the_environment_has_what_the_documentation_promises() {
    let mut world = World::new();
    let names = [
        "BUILD_NUMBER",
        "BUILD_PIPELINE_NAME",
        "BUILD_JOB_NAME",
        "BUILD_TEAM_NAME",
        "BUILD_CAUSE",
        "BUILD_SLOT",
        "BUILD_RUN",
        "CI",
        "WORKDIR",
        "PATH",
        "PIKOCI_OUTPUT",
        "BUILD_STATUS",
    ];
    let steps = names.iter().map(|name| task(name, &format!("show {name}"))).collect();
    let ran = world.run(plan(1, steps)).await;
    let shown: Vec<String> =
        (0..names.len()).map(|index| ran.log(&index.to_string()).trim_end().to_owned()).collect();
    let expected = [
        "BUILD_NUMBER=7",
        "BUILD_PIPELINE_NAME=app",
        "BUILD_JOB_NAME=test",
        "BUILD_TEAM_NAME=main",
        "BUILD_CAUSE=manual",
        "BUILD_SLOT=0",
        "BUILD_RUN=1",
        "CI=true",
        "WORKDIR=/work/1",
        "PATH=/usr/bin:/bin",
        "PIKOCI_OUTPUT=/work/1/.pikoci/output-10-1",
        "BUILD_STATUS=(unset)",
    ];
    assert_eq!(shown, expected);
}

#[actix_rt::test]
async fn a_failing_step_ends_the_plan_and_runs_its_hooks_then_the_jobs() {
    let mut world = World::new();
    let mut first = task("one", "exit 3");
    first.hooks = hooks();
    let mut failing = plan(1, vec![first, task("two", "say never")]);
    failing.job.hooks = hooks();
    failing.job.hooks.ensure = hook("show BUILD_STATUS");
    let ran = world.run(failing).await;
    assert_eq!((ran.status(), ran.failure().as_str()), (BuildStatus::Failed, "the command exited with 3"));
    let expected = [
        "0 failed",
        "0.on_failure.0 succeeded",
        "0.ensure.0 succeeded",
        "on_failure.0 succeeded",
        "ensure.0 succeeded",
    ];
    assert_eq!(ran.steps(), expected);
    assert_eq!(ran.step("0").exit_code, Some(3));
    assert_eq!(ran.step("0.on_failure.0").name, "one:on_failure");
    assert_eq!(ran.log("ensure.0"), "BUILD_STATUS=failed\n");
    let log = ran.log("0");
    assert!(
        log.starts_with("error: the command exited with 3\nvariables of this command: BUILD_CAUSE"),
        "{log}"
    );
    assert!(!log.contains("/work/"), "names only: {log}");
}

#[actix_rt::test]
async fn attempts_are_repeated_until_one_succeeds_and_a_failing_hook_changes_nothing() {
    let mut world = World::new();
    let mut flaky = task("flaky", "fail-before 3 try");
    flaky.attempts = 5;
    flaky.hooks.on_success =
        vec![Hook::Command(crate::pipelines::exec("false")), Hook::Steps(vec![task("t", "export A=1")])];
    let ran = world.run(plan(1, vec![flaky, task("after", "show TASK_T_A")])).await;
    assert_eq!(ran.status(), BuildStatus::Succeeded);
    assert_eq!(ran.step("0").attempt, 3);
    assert!(ran.log("0").contains("--- attempt 2/5 ---\n") && ran.log("0").contains("--- attempt 3/5 ---\n"));
    assert_eq!(ran.steps()[..3], ["0 succeeded", "0.on_success.0 failed", "0.on_success.1 succeeded"]);
    let log = ran.log("0.on_success.0");
    assert!(
        log.starts_with("error: the command exited with 1\nvariables of this command: BUILD_CAUSE "),
        "{log}"
    );
    assert_eq!(ran.step("0.on_success.1").name, "flaky:1:on_success");
    assert_eq!(ran.log("1"), "TASK_T_A=1\n");
}

#[actix_rt::test]
async fn a_missing_program_names_it_and_inputs_and_outputs_are_checked() {
    let mut world = World::new();
    let ran = world.run(plan(1, vec![task("x", "cargo test")])).await;
    assert_eq!(ran.failure(), "R190: program \"cargo\" not found in the host in memory");
    let with = |line: &str, inputs: &[&str], outputs: &[&str]| {
        let mut step = task("x", line);
        if let StepKind::Task(task) = &mut step.kind {
            task.inputs = inputs.iter().map(|path| (*path).to_owned()).collect();
            task.outputs = outputs.iter().map(|path| (*path).to_owned()).collect();
        }
        step
    };
    let ran = world.run(plan(2, vec![with("true", &["src"], &[])])).await;
    assert_eq!(ran.failure(), "R160: input `src` does not exist in the work directory");
    let ran = world.run(plan(3, vec![with("touch out", &[], &["out", "bin"])])).await;
    assert_eq!(ran.failure(), "R161: output `bin` was not made in the work directory");
}

#[actix_rt::test]
async fn a_step_that_takes_too_long_is_ended_and_may_be_tried_again() {
    let mut world = World::new();
    let mut slow = task("slow", "hang");
    slow.timeout = Some(Duration::from_millis(20));
    slow.attempts = 2;
    slow.hooks = hooks();
    let mut softened = plan(1, vec![slow]);
    softened.job.allow_failure = true;
    let ran = world.run(softened).await;
    assert_eq!(
        (ran.status(), ran.failure().as_str()),
        (BuildStatus::Warning, "R140: step timed out after 20ms")
    );
    assert_eq!(ran.steps(), ["0 failed", "0.on_failure.0 succeeded", "0.ensure.0 succeeded"]);
    assert!(ran.log("0").ends_with("step timed out after 20ms\n"));
}

#[actix_rt::test]
async fn the_jobs_limit_ends_the_running_step_like_a_cancel() {
    let mut world = World::new();
    let mut slow = task("slow", "hang");
    slow.hooks = hooks();
    slow.hooks.on_cancel = hook("show BUILD_REASON");
    let mut limited = plan(1, vec![slow]);
    limited.job.timeout = Some(Duration::from_millis(20));
    limited.job.hooks = hooks();
    limited.job.hooks.on_cancel = hook("show BUILD_REASON");
    let ran = world.run(limited).await;
    assert_eq!(
        (ran.status(), ran.failure().as_str()),
        (BuildStatus::Failed, "R141: job timed out after 20ms")
    );
    let expected = [
        "0 cancelled",
        "0.on_cancel.0 succeeded",
        "0.ensure.0 succeeded",
        "on_cancel.0 succeeded",
        "ensure.0 succeeded",
    ];
    assert_eq!(ran.steps(), expected);
    assert_eq!(ran.log("0.on_cancel.0"), "BUILD_REASON=timeout\n");
    assert_eq!(ran.log("on_cancel.0"), "BUILD_REASON=timeout\n");
}

#[actix_rt::test]
async fn cancel_ends_what_runs_and_nothing_follows_but_hooks() {
    let mut world = World::new();
    let mut slow = task("slow", "hang");
    slow.attempts = 3;
    slow.hooks = hooks();
    let mut cancelled = plan(1, vec![slow, task("two", "say never")]);
    cancelled.job.hooks = hooks();
    world.offer(cancelled.clone()).await;
    world.until_story("run 0#1: hang").await;
    world.cancel(&cancelled).await;
    world.until(|world| world.is_over(BuildId(1))).await;
    let ran = world.ran(BuildId(1));
    assert_eq!((ran.status(), ran.failure().as_str()), (BuildStatus::Cancelled, "by alice"));
    let expected = [
        "0 cancelled",
        "0.on_cancel.0 succeeded",
        "0.ensure.0 succeeded",
        "on_cancel.0 succeeded",
        "ensure.0 succeeded",
    ];
    assert_eq!(ran.steps(), expected);
}

#[actix_rt::test]
async fn cancel_during_a_steps_hook_ends_the_hook_and_during_a_jobs_hook_does_nothing() {
    let mut world = World::new();
    let mut first = task("one", "true");
    first.hooks = hooks();
    first.hooks.on_success = hook("hang");
    let hanging = plan(1, vec![first, task("two", "say never")]);
    world.offer(hanging.clone()).await;
    world.until_story("run 0.on_success.0#1: hang").await;
    world.cancel(&hanging).await;
    world.until(|world| world.is_over(BuildId(1))).await;
    let expected =
        ["0 succeeded", "0.on_success.0 cancelled", "0.on_cancel.0 succeeded", "0.ensure.0 succeeded"];
    assert_eq!(world.ran(BuildId(1)).steps(), expected);
    assert_eq!(world.ran(BuildId(1)).status(), BuildStatus::Cancelled);

    let mut ending = plan(2, vec![task("one", "true")]);
    ending.job.hooks.on_success = hook("hang");
    world.offer(ending.clone()).await;
    world.until_story("run on_success.0#1: hang").await;
    world.cancel(&ending).await;
    world.worker.stop();
    world.until(|world| world.is_over(BuildId(2))).await;
    assert_eq!(world.ran(BuildId(2)).status(), BuildStatus::Succeeded);
}

#[actix_rt::test]
async fn stopping_the_worker_hands_its_builds_back_without_hooks() {
    let mut world = World::new();
    let mut slow = task("slow", "hang");
    slow.hooks = hooks();
    let mut back = plan(1, vec![slow.clone()]);
    back.job.hooks = hooks();
    let mut fail = plan(2, vec![slow]);
    fail.job.on_worker_loss = OnWorkerLoss::Fail;
    world.offer(back).await;
    world.offer(fail).await;
    world.until_story("run 0#1: hang").await;
    world.until(|world| [1, 2].iter().all(|id| world.ran(BuildId(*id)).events.len() >= 3)).await;
    world.worker.stop();
    world.until(|world| world.is_over(BuildId(1)) && world.is_over(BuildId(2))).await;
    let back = world.ran(BuildId(1));
    assert!(matches!(back.events.last(), Some(BuildEvent::HandedBack { .. })));
    assert_eq!(back.steps(), ["0 cancelled"]);
    let failed = world.ran(BuildId(2));
    assert_eq!(
        (failed.status(), failed.failure().as_str()),
        (BuildStatus::Failed, "R131: worker stopped: worker")
    );
    world.until(|world| world.goodbyes == 1).await;
    assert_eq!(world.worker_ends().await, pikoci_engine::supervise::Exit::Stopped);
}

#[actix_rt::test]
async fn a_build_runs_once_however_often_go_arrives_and_slots_are_respected() {
    let mut world = World::new();
    let offer = world.offer(plan(1, vec![task("slow", "hang")])).await;
    world.until_story("run 0#1: hang").await;
    world.offer(plan(2, vec![task("slow", "hang")])).await;
    world.offer(plan(3, vec![task("slow", "hang")])).await;
    world.until(|world| world.ran(BuildId(2)).events.len() >= 3).await;
    let again = plan(1, vec![task("slow", "hang")]);
    let go = pikoci_model::message::GoBuild {
        offer,
        incarnation: pikoci_model::id::Incarnation(1),
        tracker: pikoci_model::id::NodeId("home".into()),
        plan: again.clone(),
    };
    world.say(&go).await;
    world.cancel(&again).await;
    world.until(|world| world.is_over(BuildId(1))).await;
    world.say(&go).await;
    let ran = world.run(plan(4, vec![task("quick", "true")])).await;
    assert_eq!(ran.status(), BuildStatus::Succeeded);
    let opened = world.host.story().iter().filter(|line| line.starts_with("open")).count();
    assert_eq!(opened, 3, "builds 1, 2 and 4 once each: {:?}", world.host.story());
}
