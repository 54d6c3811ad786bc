//! Services whose stop is owed.

use super::{
    World,
    world::{at, concluded, job, started},
};
use crate::{
    build::{BuildEvent, BuildStatus, Phase, ServiceRecord, ServiceState, StopReport},
    id::{BuildId, Fence, InstanceId, PipelineId},
    outcome::{Failure, RunCode},
    port::store::{Page, RecordedStop, Requeued},
};

fn instance(number: u128) -> InstanceId {
    InstanceId(uuid::Uuid::from_u128(number))
}

fn report(build: BuildId, number: u128, state: ServiceState) -> StopReport {
    StopReport {
        build,
        fence: Fence(1),
        run: 1,
        instance: instance(number),
        name: format!("s{number}"),
        service_type: "db".into(),
        state,
        by: "journal".into(),
        starting_at: at(3),
        at: at(9),
        tries: 1,
        detail: if state == ServiceState::Stopped { String::new() } else { "it says no".into() },
    }
}

fn service(number: u128, state: ServiceState) -> BuildEvent {
    let mut record = report(BuildId(0), number, ServiceState::Stopped).to_record("w");
    (record.stopped_by, record.stopping_at, record.stopped_at) = (None, None, None);
    BuildEvent::Service(ServiceRecord { state, ..record })
}

async fn running(world: &World, events: Vec<BuildEvent>) -> (PipelineId, BuildId, Fence) {
    let id = world.save(vec![job("test", vec![])]).await;
    let build = world.insert(id, "test", &[]).await;
    let fence = world.start(build).await;
    let events = [vec![started(4)], events].concat();
    world.record(build, fence, events.len() as u64, events).await;
    (id, build, fence)
}

fn lost() -> Failure {
    Failure::coded(RunCode::R130, "the worker was lost")
}

/// `s1 ready` of each instance of a run.
async fn states(world: &World, build: BuildId, run: u32) -> Vec<String> {
    let services = world.store.services(build, run).await.unwrap();
    services.iter().map(|record| format!("{} {}", record.name, record.state.word())).collect()
}

async fn owed(world: &World) -> Vec<String> {
    let page = Page { limit: 100, ..Page::default() };
    let owed = world.store.pending_stops(page).await.unwrap();
    owed.iter().map(|stop| format!("{}.{} {}", stop.build, stop.run, stop.record.name)).collect()
}

pub async fn a_lost_builds_services_owe_their_stop(world: &World) {
    use ServiceState as S;
    let states_of =
        [S::Registered, S::Starting, S::Probing, S::Ready, S::Stopping, S::Stopped, S::StopFailed];
    let events = (1..).zip(states_of).map(|(number, state)| service(number, state)).collect();
    let (_, build, fence) = running(world, events).await;
    let worker = world.build(build).await.worker;
    assert_eq!(owed(world).await, [format!("{build}.1 s7")]);
    assert_eq!(world.store.requeue(build, fence, true, &lost(), at(8)).await.unwrap(), Requeued::Queued);
    let expected = [
        "s1 registered",
        "s2 stop_pending",
        "s3 stop_pending",
        "s4 stop_pending",
        "s5 stop_pending",
        "s6 stopped",
        "s7 stop_failed",
    ];
    assert_eq!(states(world, build, 1).await, expected);
    let records = world.store.services(build, 1).await.unwrap();
    assert!(worker.is_some() && records.iter().skip(1).all(|r| r.worker == worker || r.state == S::Stopped));
    assert_eq!(owed(world).await.len(), 5);
}

pub async fn a_report_is_taken_whatever_the_fence(world: &World) {
    let (pipeline, build, fence) = running(world, vec![service(1, ServiceState::Ready)]).await;
    world.store.requeue(build, fence, true, &lost(), at(8)).await.unwrap();
    world.start(build).await;
    let record = async |report: &StopReport| world.store.record_stop("lab", report).await.unwrap();
    let failed = report(build, 1, ServiceState::StopFailed);
    assert_eq!(record(&failed).await, RecordedStop::Changed(pipeline));
    assert_eq!(record(&failed).await, RecordedStop::Known);
    let known = world.store.services(build, 1).await.unwrap().remove(0);
    assert_eq!((known.state, known.worker.as_deref()), (ServiceState::StopFailed, Some("lab")));
    let stopped = report(build, 1, ServiceState::Stopped);
    assert_eq!(record(&stopped).await, RecordedStop::Changed(pipeline));
    assert_eq!(record(&failed).await, RecordedStop::Known, "a late report of an earlier try");
    // Its start was never heard of.
    assert_eq!(record(&report(build, 2, ServiceState::StopPending)).await, RecordedStop::Changed(pipeline));
    assert_eq!(states(world, build, 1).await, ["s1 stopped", "s2 stop_pending"]);
    assert_eq!(states(world, build, 2).await, [""; 0]);
    assert_eq!(record(&report(BuildId(4711), 3, ServiceState::Stopped)).await, RecordedStop::Unknown);
    let known = world.store.services(build, 1).await.unwrap().remove(0);
    assert_eq!((known.stopped_by.as_deref(), known.stopped_at), (Some("journal"), Some(at(9))));
    assert_eq!((known.worker, known.failure), (None, None));
}

/// What ran its commands was lost, and its worker says so before what its build had told of it arrives.
pub async fn a_report_is_not_taken_back_by_older_words(world: &World) {
    let (_, build, fence) = running(world, vec![service(1, ServiceState::Starting)]).await;
    let stopped = report(build, 1, ServiceState::Stopped);
    world.store.record_stop("lab", &stopped).await.unwrap();
    let told = vec![service(1, ServiceState::Probing), service(2, ServiceState::Starting)];
    world.record(build, fence, 4, told).await;
    assert_eq!(states(world, build, 1).await, ["s1 stopped", "s2 starting"]);
    world.store.requeue(build, fence, true, &lost(), at(10)).await.unwrap();
    assert_eq!(states(world, build, 1).await, ["s1 stopped", "s2 stop_pending"]);
}

pub async fn what_is_owed_outlives_being_handed_back(world: &World) {
    let events = vec![service(1, ServiceState::Stopped), service(2, ServiceState::StopFailed)];
    let (_, build, fence) = running(world, events).await;
    assert_eq!(world.store.requeue(build, fence, false, &lost(), at(8)).await.unwrap(), Requeued::Queued);
    assert_eq!(states(world, build, 1).await, ["s2 stop_failed"]);
    let fence = world.start(build).await;
    world.record(build, fence, 2, vec![started(9), service(3, ServiceState::Ready)]).await;
    assert_eq!(states(world, build, 1).await, ["s2 stop_failed", "s3 ready"]);
    world.store.requeue(build, fence, true, &lost(), at(10)).await.unwrap();
    let fence = world.start(build).await;
    world.record(build, fence, 2, vec![started(11), service(4, ServiceState::Ready)]).await;
    let all = world.store.services_of_runs(build).await.unwrap();
    let all: Vec<_> = all.iter().map(|(run, record)| (*run, record.name.as_str())).collect();
    assert_eq!(all, [(1, "s2"), (1, "s3"), (2, "s4")]);
}

pub async fn stops_that_are_owed_come_in_pages(world: &World) {
    let (_, first, _) = running(world, vec![service(1, ServiceState::StopFailed)]).await;
    let second = world.insert(world.build(first).await.pipeline, "test", &[]).await;
    let fence = world.start(second).await;
    let events =
        vec![started(4), service(2, ServiceState::StopFailed), service(3, ServiceState::StopPending)];
    world.record(second, fence, 3, events).await;
    assert_eq!(
        owed(world).await,
        [format!("{second}.1 s3"), format!("{second}.1 s2"), format!("{first}.1 s1")]
    );
    let page = async |before, limit| {
        let found = world.store.pending_stops(Page { limit, before, after: None }).await.unwrap();
        found.into_iter().map(|stop| (stop.id, stop.record.name)).collect::<Vec<_>>()
    };
    let newest = page(None, 2).await;
    assert_eq!(newest.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), ["s3", "s2"]);
    let rest = page(Some(newest[1].0), 2).await;
    assert_eq!(rest.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), ["s1"]);
}

/// The one thing that overrules what was concluded.
pub async fn a_stuck_build_has_failed(world: &World) {
    let (_, build, fence) = running(world, vec![concluded(BuildStatus::Succeeded, 5)]).await;
    let failure = Failure::coded(RunCode::R133, "process 7 (dd) could not be ended; it waits in disk");
    world.record(build, fence, 3, vec![BuildEvent::Stuck { failure: failure.clone(), at: at(9) }]).await;
    let row = world.build(build).await;
    assert_eq!((row.status, row.failure, row.ended_at), (BuildStatus::Failed, Some(failure), Some(at(5))));
    assert!(row.phase != Phase::Done, "its worker waits");
}
