//! The way from a service's description to a start that runs: both commands are prepared before either is handed over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pikoci_model::id::StepPath;
use pikoci_model::outcome::{Ended, Failure};
use pikoci_model::pipeline::ServiceType;
use pikoci_model::port::{LogSink, Process, ServiceLaunch, Spawn, StopCommand};
use pikoci_model::step::Command;

use super::{Launched, ServiceAsk, StartOver};
use crate::decide::walk::duration_text;
use crate::worker::conduct::{
    Ear, Order, Ready, Runner, ended_failure, interrupted, launch_failure, make_ready, stop_retries,
};
use crate::worker::record::Recorder;
use crate::worker::service_plan::{failed, plan_service};
use crate::worker::site::{Layers, Specifics, StartedService};
use crate::worker::step_log::StepLog;

/// Plans the service and hands start and stop to the launcher, in one message.
pub(super) async fn launch(
    ask: &ServiceAsk,
    declared: &ServiceType,
    recorder: &Recorder,
) -> Result<(Arc<dyn Process>, Launched), Failure> {
    let site = &ask.site;
    let plan = plan_service(site, declared, &ask.service, &ask.name, ask.instance).await?;
    let start_sink: Arc<dyn LogSink> = Arc::clone(recorder.log()) as _;
    let start = ready(ask, &plan.specifics, &plan.start, recorder.path(), Some(&start_sink)).await?;
    let start = start.unwrap_or_else(|| nothing(ask, recorder.path(), &start_sink));
    let stop_path = StepPath::of_service(&ask.name, "stop");
    let stop_log = StepLog::new(stop_path.clone(), &site.outbox, site.ground.settings.output_limit);
    let stop_sink: Arc<dyn LogSink> = Arc::clone(&stop_log) as _;
    let stop = match &plan.stop {
        Some(stop) => {
            let stop = ready(ask, &plan.specifics, stop, &stop_path, Some(&stop_sink)).await?;
            Some(stop.unwrap_or_else(|| nothing(ask, &stop_path, &stop_sink)))
        }
        None => None,
    };
    for warning in start.warnings.iter().chain(stop.iter().flat_map(|stop| &stop.warnings)) {
        recorder.note(warning);
    }
    let limit = site.ground.settings.stop_limit;
    let launch = ServiceLaunch {
        instance: ask.instance,
        name: ask.name.clone(),
        service_type: ask.service.service_type.clone(),
        by_identity: declared.builtin.is_some(),
        group: ask.group,
        start: start.spawn,
        foreground: plan.foreground,
        stop: stop.map(|stop| StopCommand { spawn: stop.spawn, limit, retries: stop_retries() }),
        data: plan.data.clone(),
    };
    site.note_instance(StartedService {
        instance: ask.instance,
        name: ask.name.clone(),
        service_type: ask.service.service_type.clone(),
    });
    let process = site.ground.item.start_service(launch).await.map_err(launch_failure)?;
    let foreground = plan.foreground;
    Ok((process, Launched { plan, stop_log, foreground }))
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
    let runner = Runner { types: &ask.site.types.runner_types, host_services: true, labels: &[] };
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
    Ready { spawn, container: None, warnings: Vec::new(), names: Vec::new() }
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
