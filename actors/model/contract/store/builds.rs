//! Events and ends.

use std::collections::BTreeMap;

use super::{
    World,
    world::{at, concluded, finished, job, started, step},
};
use crate::{
    build::{BuildEvent, BuildStatus, Phase, ServiceRecord, ServiceState},
    id::{InstanceId, PipelineId},
    outcome::{Failure, RunCode},
    pipeline::OnWorkerLoss,
    port::store::{CancelRequest, Page, Recorded, Requeued},
};

async fn test_job(world: &World) -> PipelineId {
    world.save(vec![job("test", vec![])]).await
}

fn service(state: ServiceState) -> BuildEvent {
    BuildEvent::Service(ServiceRecord {
        instance: InstanceId(uuid::Uuid::from_u128(7)),
        name: "db".into(),
        service_type: "postgresql".into(),
        version: "16".into(),
        address: String::new(),
        state,
        stopped_by: None,
        tries: 0,
        killed: 0,
        failure: None,
        starting_at: at(4),
        ready_at: None,
        stopping_at: None,
        stopped_at: None,
        worker: None,
    })
}

pub async fn events_take_effect_once(world: &World) {
    let id = test_job(world).await;
    let build = world.insert(id, "test", &[]).await;
    let fence = world.start(build).await;
    let exported =
        BuildEvent::Exported { variables: BTreeMap::from([("TASK_A".to_owned(), "1".to_owned())]) };
    let events = vec![
        started(4),
        step("0", BuildStatus::Started),
        service(ServiceState::Starting),
        step("1", BuildStatus::Started),
        step("0", BuildStatus::Succeeded),
        exported,
        service(ServiceState::Ready),
    ];
    let Recorded::Stored { build: row, .. } = world.record(build, fence, 7, events.clone()).await else {
        panic!("the fence is the row's");
    };
    assert_eq!((row.phase, row.started_at, row.events_through), (Phase::Running, Some(at(4)), 7));
    assert_eq!(row.exports["TASK_A"], "1");
    assert_eq!(*row, world.build(build).await);
    let steps = world.store.steps(build, 1).await.unwrap();
    let shown: Vec<_> = steps.iter().map(|step| (step.path.0.as_str(), step.status)).collect();
    assert_eq!(shown, [("0", BuildStatus::Succeeded), ("1", BuildStatus::Started)]);
    let services = world.store.services(build, 1).await.unwrap();
    assert_eq!(services.iter().map(|service| service.state).collect::<Vec<_>>(), [ServiceState::Ready]);
    assert_eq!(world.store.steps(build, 2).await.unwrap(), []);
    // The same batch again: stored already.
    let Recorded::Stored { build: again, created } = world.record(build, fence, 7, events).await else {
        panic!("the fence is the row's");
    };
    assert_eq!((again, created.len()), (row, 0));
    // Phases go forward only.
    world.record(build, fence, 8, vec![BuildEvent::Phase(Phase::Stopping)]).await;
    world.record(build, fence, 9, vec![BuildEvent::Phase(Phase::Running)]).await;
    assert_eq!(
        (world.build(build).await.phase, world.build(build).await.events_through),
        (Phase::Stopping, 9)
    );
}

pub async fn what_passes_is_noted_at_the_conclusion(world: &World) {
    let id = test_job(world).await;
    let build = world.insert(id, "test", &[]).await;
    let fence = world.start(build).await;
    let failure = Failure::coded(RunCode::R140, "step took too long");
    let concluded =
        BuildEvent::Concluded { status: BuildStatus::Failed, failure: Some(failure.clone()), at: at(9) };
    world.record(build, fence, 3, vec![started(4), concluded, BuildEvent::Phase(Phase::Hooks)]).await;
    let row = world.build(build).await;
    assert_eq!((row.status, row.phase, row.ended_at), (BuildStatus::Failed, Phase::Hooks, Some(at(9))));
    assert_eq!(row.failure, Some(failure));
    assert_eq!(world.store.claimed_builds().await.unwrap().len(), 1, "hooks hold the place");
    let cancel = world.store.request_cancel(build, "cancelled by ada", at(10)).await.unwrap();
    assert_eq!(cancel, CancelRequest::TooLate(BuildStatus::Failed));
    world.record(build, fence, 4, vec![finished(11)]).await;
    let row = world.build(build).await;
    assert_eq!((row.phase, row.ended_at), (Phase::Done, Some(at(9))));
    assert_eq!(row.claim.map(|claim| claim.fence), Some(fence), "repeated events must find their fence");
    assert!(matches!(world.record(build, fence, 4, vec![finished(11)]).await, Recorded::Stored { .. }));
    assert_eq!(world.state(id).await.unfinished, []);
    let counts = world.store.build_counts().await.unwrap();
    assert_eq!(counts, BTreeMap::from([(BuildStatus::Failed, 1)]));
}

pub async fn cancelled_stays_cancelled(world: &World) {
    let id = test_job(world).await;
    let build = world.insert(id, "test", &[]).await;
    let fence = world.start(build).await;
    world.store.request_cancel(build, "cancelled by ada", at(5)).await.unwrap();
    world.record(build, fence, 2, vec![started(4), concluded(BuildStatus::Succeeded, 6)]).await;
    let row = world.build(build).await;
    assert_eq!((row.status, row.ended_at, row.phase), (BuildStatus::Cancelled, Some(at(5)), Phase::Running));
    world.record(build, fence, 3, vec![finished(7)]).await;
    assert_eq!(world.build(build).await.status, BuildStatus::Cancelled);
}

pub async fn cancel_depends_on_how_far_it_is(world: &World) {
    let id = test_job(world).await;
    let cancel = async |build| world.store.request_cancel(build, "cancelled by ada", at(5)).await.unwrap();
    let queued = world.insert(id, "test", &[]).await;
    assert_eq!(cancel(queued).await, CancelRequest::Ended(id));
    let row = world.build(queued).await;
    assert_eq!((row.status, row.phase, row.ended_at), (BuildStatus::Cancelled, Phase::Done, Some(at(5))));
    assert_eq!(cancel(queued).await, CancelRequest::TooLate(BuildStatus::Cancelled));
    let claimed = world.insert(id, "test", &[]).await;
    let claim = world.claim(claimed).await.build.claim.unwrap();
    let told = CancelRequest::Claimed { pipeline: id, node: claim.node, fence: claim.fence };
    assert_eq!(cancel(claimed).await, told);
    assert_eq!(world.build(claimed).await.cancel_requested.as_deref(), Some("cancelled by ada"));
    assert_eq!(cancel(crate::id::BuildId(999)).await, CancelRequest::Unknown);
    let requeued =
        world.store.requeue(claimed, claim.fence, true, &Failure::plain("lost"), at(8)).await.unwrap();
    assert_eq!(requeued, Requeued::Done, "it was to end anyway");
    assert_eq!(world.build(claimed).await.phase, Phase::Done);
}

pub async fn a_lost_build_runs_three_times(world: &World) {
    let id = test_job(world).await;
    let build = world.insert(id, "test", &[]).await;
    let failure = Failure::coded(RunCode::R130, "the worker was lost");
    for run in 1..=3 {
        let before = world.state(id).await.revision;
        let fence = world.start(build).await;
        world.record(build, fence, 2, vec![started(4), step("0", BuildStatus::Started)]).await;
        let expected = if run < 3 { Requeued::Queued } else { Requeued::Failed };
        assert_eq!(world.store.requeue(build, fence, true, &failure, at(8)).await.unwrap(), expected);
        assert!(run == 3 || world.state(id).await.revision > before);
    }
    let row = world.build(build).await;
    assert_eq!((row.status, row.phase, row.run), (BuildStatus::Failed, Phase::Done, 3));
    assert_eq!((row.failure, row.ended_at), (Some(failure), Some(at(8))));
    for run in 1..=3 {
        assert_eq!(world.store.steps(build, run).await.unwrap().len(), 1, "run {run} stays readable");
    }
}

pub async fn a_job_may_refuse_a_second_run(world: &World) {
    let mut once = job("test", vec![]);
    once.on_worker_loss = OnWorkerLoss::Fail;
    let id = world.save(vec![once]).await;
    let build = world.insert(id, "test", &[]).await;
    let failure = Failure::coded(RunCode::R130, "the worker was lost");
    let fence = world.start(build).await;
    assert_eq!(world.store.requeue(build, fence, false, &failure, at(8)).await.unwrap(), Requeued::Queued);
    let fence = world.start(build).await;
    assert_eq!(world.store.requeue(build, fence, true, &failure, at(8)).await.unwrap(), Requeued::Failed);
}

pub async fn a_handed_back_build_forgets_its_run(world: &World) {
    let id = test_job(world).await;
    let build = world.insert(id, "test", &[]).await;
    let fence = world.start(build).await;
    let exported = BuildEvent::Exported { variables: BTreeMap::from([("A".to_owned(), "1".to_owned())]) };
    let events = vec![started(4), step("0", BuildStatus::Started), service(ServiceState::Stopped), exported];
    world.record(build, fence, 4, events).await;
    world.record(build, fence, 5, vec![BuildEvent::HandedBack { at: at(6) }]).await;
    assert_eq!(world.build(build).await.phase, Phase::Running, "the event alone changes nothing");
    let failure = Failure::coded(RunCode::R131, "the worker was stopped");
    assert_eq!(world.store.requeue(build, fence, false, &failure, at(8)).await.unwrap(), Requeued::Queued);
    let row = world.build(build).await;
    assert_eq!((row.status, row.phase, row.run), (BuildStatus::Pending, Phase::Queued, 1));
    assert_eq!((row.claim, row.started_at, row.events_through), (None, None, 0));
    assert!(row.exports.is_empty());
    assert_eq!(world.store.steps(build, 1).await.unwrap(), []);
    assert_eq!(world.store.services(build, 1).await.unwrap(), []);
    let again = world.start(build).await;
    world.record(build, again, 1, vec![started(9)]).await;
    assert_eq!(world.build(build).await.started_at, Some(at(9)));
}

pub async fn a_claimed_build_can_be_failed(world: &World) {
    let id = test_job(world).await;
    let build = world.insert(id, "test", &[]).await;
    let fence = world.start(build).await;
    let failure = Failure::coded(RunCode::R131, "the server stops, and its store with it");
    assert!(world.store.fail_claimed(build, fence, &failure, at(8)).await.unwrap());
    let row = world.build(build).await;
    assert_eq!(
        (row.status, row.phase, row.failure),
        (BuildStatus::Failed, Phase::Done, Some(failure.clone()))
    );
    assert!(!world.store.fail_claimed(build, fence, &failure, at(9)).await.unwrap());
}

pub async fn builds_are_listed_in_pages(world: &World) {
    let id = test_job(world).await;
    let test = world.job(id, "test").await;
    let mut builds = Vec::new();
    for status in [BuildStatus::Succeeded, BuildStatus::Failed, BuildStatus::Warning] {
        builds.push(world.run_with(id, "test", &[], status).await);
    }
    builds.push(world.insert(id, "test", &[]).await);
    builds.reverse();
    let list = async |before, after, limit, statuses: &[BuildStatus]| {
        let found = world.store.builds(test, Page { limit, before, after }, statuses).await.unwrap();
        found.iter().map(|build| build.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, None, 9, &[]).await, builds);
    assert_eq!(list(None, None, 2, &[]).await, builds[..2]);
    assert_eq!(list(Some(builds[1].0), None, 9, &[]).await, builds[2..]);
    assert_eq!(list(None, Some(builds[2].0), 9, &[]).await, builds[..2]);
    let passing = [BuildStatus::Succeeded, BuildStatus::Warning];
    assert_eq!(list(None, None, 9, &passing).await, [builds[1], builds[3]]);
    let first = world.store.build_by_number(test, "1".parse().unwrap()).await.unwrap();
    assert_eq!(first.map(|build| build.id), Some(builds[3]));
    assert_eq!(world.store.build_by_number(test, "9".parse().unwrap()).await.unwrap(), None);
}

pub async fn an_end_without_result_is_a_failure(world: &World) {
    let id = test_job(world).await;
    let build = world.insert(id, "test", &[]).await;
    let fence = world.start(build).await;
    world.record(build, fence, 1, vec![finished(9)]).await;
    let row = world.build(build).await;
    assert_eq!((row.status, row.phase, row.ended_at), (BuildStatus::Failed, Phase::Done, Some(at(9))));
    assert!(row.failure.is_some());
}
