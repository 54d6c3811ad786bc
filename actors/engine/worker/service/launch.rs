//! The way from a service's description to a start that runs: both commands are prepared before either is handed over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pikoci_model::id::{InstanceId, StepPath};
use pikoci_model::outcome::{Ended, Failure};
use pikoci_model::pipeline::ServiceType;
use pikoci_model::port::{LogSink, Process, ServiceLaunch, Spawn, StopCommand};
use pikoci_model::step::Command;

use super::{Launched, ServiceAsk, StartOver};
use crate::decide::walk::duration_text;
use crate::worker::conduct::{
    Ear, Order, Ready, Runner, ended_failure, interrupted, launch_failure, make_ready, stop_retries,
};
use crate::worker::container::then_removed;
use crate::worker::record::Recorder;
use crate::worker::service_plan::{ServicePlan, failed, plan_service};
use crate::worker::site::{Ground, Layers, Specifics, StartedService};
use crate::worker::step_log::StepLog;

/// Plans the service and hands start and stop to the launcher, in one message.
pub(super) async fn launch(
    ask: &ServiceAsk,
    declared: &ServiceType,
    recorder: &Recorder,
) -> Result<(Arc<dyn Process>, Launched), Failure> {
    let site = &ask.site;
    let plan = plan_service(site, declared, &ask.service, &ask.name, ask.instance).await?;
    let Commands { start, stop, stop_log } = Commands::of(ask, &plan, recorder).await?;
    for warning in start.warnings.iter().chain(stop.iter().flat_map(|stop| &stop.warnings)) {
        recorder.note(warning);
    }
    let start_names = start.names.clone();
    let stop_names = stop.iter().flat_map(|stop| stop.names.clone()).collect();
    let in_container = start.container.is_some();
    let limit = site.ground.settings.stop_limit;
    let stop = registered(&start, stop, &stop_log, &site.ground);
    let launch = ServiceLaunch {
        instance: ask.instance,
        name: ask.name.clone(),
        service_type: ask.service.service_type.clone(),
        by_identity: declared.builtin.is_some() || (in_container && plan.stop.is_none()),
        group: ask.group,
        start: start.spawn,
        // A client that is ended while its engine may still be creating is a start that is cut: the stop runs twice.
        foreground: plan.foreground && !in_container,
        stop: stop.map(|spawn| StopCommand { spawn, limit, retries: stop_retries() }),
        data: plan.data.clone(),
    };
    site.note_instance(StartedService {
        instance: ask.instance,
        name: ask.name.clone(),
        service_type: ask.service.service_type.clone(),
        group: ask.group,
    });
    let process = site.ground.item.start_service(launch).await.map_err(launch_failure)?;
    let foreground = plan.foreground;
    Ok((process, Launched { plan, stop_log, foreground, start_names, stop_names }))
}

/// Both commands of a service, not yet handed over.
struct Commands {
    start: Ready,
    stop: Option<Ready>,
    stop_log: Arc<StepLog>,
}

impl Commands {
    async fn of(ask: &ServiceAsk, plan: &ServicePlan, recorder: &Recorder) -> Result<Self, Failure> {
        let ground = &ask.site.ground;
        let start_sink: Arc<dyn LogSink> = Arc::clone(recorder.log()) as _;
        let start = ready(ask, &plan.specifics, &plan.start, recorder.path(), Some(&start_sink)).await?;
        let start = start.unwrap_or_else(|| nothing(ask, recorder.path(), &start_sink));
        start.must_fit(ground).await?;
        let path = StepPath::of_service(&ask.name, "stop");
        let stop_log = StepLog::new(path.clone(), &ask.site.outbox, ground.settings.output_limit);
        let sink: Arc<dyn LogSink> = Arc::clone(&stop_log) as _;
        let stop = match &plan.stop {
            Some(stop) => {
                let stop = ready(ask, &plan.specifics, stop, &path, Some(&sink)).await?;
                Some(stop.unwrap_or_else(|| nothing(ask, &path, &sink)))
            }
            None => None,
        };
        Ok(Commands { start, stop, stop_log })
    }
}

/// The stop that is registered: the type's own and behind it, in the same process, the removal of the containers that
/// start and stop make.
fn registered(start: &Ready, stop: Option<Ready>, log: &Arc<StepLog>, ground: &Ground) -> Option<Spawn> {
    let made = start.container.iter().chain(stop.iter().flat_map(|stop| &stop.container));
    let containers: Vec<InstanceId> = made.map(|container| container.instance).collect();
    if containers.is_empty() {
        return stop.map(|stop| stop.spawn);
    }
    let own = stop.map(|stop| stop.spawn).unwrap_or_else(|| Spawn {
        step: log.step().clone(),
        argv: Vec::new(),
        dir: ground.workdir.path.clone(),
        files: Vec::new(),
        sink: Some(Arc::clone(log) as _),
        ..start.spawn.clone()
    });
    Some(then_removed(own, &containers, ground))
}

async fn ready(
    ask: &ServiceAsk,
    specifics: &Specifics,
    command: &Command,
    step: &StepPath,
    sink: Option<&Arc<dyn LogSink>>,
) -> Result<Option<Ready>, Failure> {
    let layers = Layers {
        step_env: None,
        command,
        exports: &ask.exports,
        specifics,
        hook: None,
        output: None,
        cache_dir: None,
    };
    let order = Order { layers, step, attempt: 1, sink, capture: false, hide_stdout: false, limit: None };
    let labels = [
        ("pikoci.build".to_owned(), ask.site.plan.build.to_string()),
        ("pikoci.kind".to_owned(), "service".to_owned()),
    ];
    let runner = Runner { types: &ask.site.types.runner_types, host_services: true, labels: &labels };
    make_ready(&ask.site.ground, &ask.site.secrets, runner, order).await
}

/// A command without a program succeeds and does nothing; what goes with it, the other command and the ready check, is
/// as it always is.
fn nothing(ask: &ServiceAsk, step: &StepPath, sink: &Arc<dyn LogSink>) -> Ready {
    let ground = &ask.site.ground;
    let program = ground.ports.workplace.program().to_string_lossy().into_owned();
    let spawn = Spawn {
        step: step.clone(),
        attempt: 1,
        argv: vec![program, "internal".to_owned(), "nothing".to_owned()],
        env: BTreeMap::new(),
        dir: ground.workdir.path.clone(),
        files: Vec::new(),
        sink: Some(Arc::clone(sink)),
        capture: false,
        hide_stdout: false,
    };
    Ready { spawn, container: None, dir: None, warnings: Vec::new(), names: Vec::new() }
}

/// Waits until the start command has ended by itself; a start that is cut is ended by the stop.
pub(super) async fn await_start(
    process: Arc<dyn Process>,
    name: String,
    limit: Duration,
    recorder: Recorder,
    mut ear: Ear,
) -> StartOver {
    let failure = tokio::select! {
        end = process.wait() => match end.ended {
            Ended::Exited(0) => None,
            Ended::ShimLost => Some(ended_failure(&Ended::ShimLost)),
            ended => Some(failed(&name, &ended_failure(&ended).to_string())),
        },
        () = tokio::time::sleep(limit) => {
            Some(failed(&name, &format!("its start took longer than {}", duration_text(limit))))
        }
        _ = interrupted(&mut ear) => Some(failed(&name, "its start was cut off")),
    };
    StartOver(failure, recorder)
}
