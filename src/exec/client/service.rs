//! A service instance on the worker's side: how its stop goes on, and the output of the stop.

use std::path::PathBuf;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use bytes::{Bytes, BytesMut};
use pikoci_model::log::Stream;
use pikoci_model::port::{EndedStop, LogSink, ServiceEnd, ServiceLaunch};
use tokio::sync::watch;

use super::fault::Asked;
use super::process::Running;
use crate::output::{Masking, Scanner, StepLog};
use crate::protocol::{StopOutcome, UnitId};

/// Where the output of a stop goes.
#[derive(Clone)]
pub struct StopLog {
    pub log: Arc<StepLog>,
    pub sink: Arc<dyn LogSink>,
    pub masking: Arc<Masking>,
    pub attempt: u32,
}

/// One service instance.
pub struct ServiceRun {
    pub unit: UnitId,
    /// The file that keeps the stop's output; removed when the log has it and the stop succeeded.
    pub output_file: Option<PathBuf>,
    /// Kept so that the stop can be run elsewhere if the shim is lost.
    pub launch: ServiceLaunch,
    pub running: Arc<Running>,
    log: Option<StopLog>,
    state: Mutex<State>,
    end: watch::Sender<Option<ServiceEnd>>,
}

#[derive(Default)]
struct State {
    tries: Vec<EndedStop>,
    asked: bool,
    /// The start still ran when the stop was asked for.
    cut: bool,
    output: Option<Sender<Output>>,
    /// Nothing more happens to it; the end may still have to wait for the log.
    over: bool,
}

enum Output {
    Bytes(Bytes),
    /// Nothing follows; the end is told when everything before it has been handed on.
    End(ServiceEnd),
}

impl ServiceRun {
    pub fn new(
        launch: ServiceLaunch,
        output_file: Option<PathBuf>,
        running: Arc<Running>,
        log: Option<StopLog>,
    ) -> Self {
        let (end, _) = watch::channel(None);
        Self { unit: running.unit, output_file, launch, running, log, state: Mutex::default(), end }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the stop is asked for; false if it was before.
    pub fn ask(&self) -> bool {
        let start_runs = self.running.so_far().0.is_none();
        let mut state = self.state();
        state.cut |= start_runs && !state.asked;
        !std::mem::replace(&mut state.asked, true)
    }

    pub fn end(&self) -> watch::Receiver<Option<ServiceEnd>> {
        self.end.subscribe()
    }

    pub fn tried(&self, outcome: &StopOutcome) {
        let Some(stop) = &self.launch.stop else { return };
        self.state().tries.push(Asked::of(&stop.spawn).ended_stop(outcome));
    }

    /// Output of the stop. It is masked and handed on by a thread of its own, because the log may block.
    pub fn output(self: &Arc<Self>, bytes: Bytes) {
        let Some(log) = &self.log else { return };
        let mut state = self.state();
        if state.output.is_none() {
            let (sender, receiver) = mpsc::channel();
            let (service, log) = (Arc::clone(self), log.clone());
            let spawned = thread::Builder::new()
                .name("stop output".into())
                .spawn(move || service.pass_on(&log, &receiver));
            match spawned {
                Ok(_) => state.output = Some(sender),
                Err(error) => return tracing::warn!(%error, "output of a stop is lost"),
            }
        }
        if let Some(output) = &state.output {
            let _ = output.send(Output::Bytes(bytes));
        }
    }

    fn pass_on(&self, log: &StopLog, receiver: &mpsc::Receiver<Output>) {
        let (mut scanner, mut buffer) = (Scanner::default(), BytesMut::new());
        let mut hand_on = |bytes: &[u8], at_end: bool| {
            buffer.extend_from_slice(bytes);
            let masked = log.masking.current().scan(&mut scanner, &mut buffer, at_end);
            log.log.append(&log.sink, log.attempt, Stream::Out, masked);
        };
        for output in receiver {
            match output {
                Output::Bytes(bytes) => hand_on(&bytes, false),
                Output::End(end) => {
                    hand_on(&[], true);
                    self.end.send_replace(Some(end));
                    return;
                }
            }
        }
    }

    pub fn is_over(&self) -> bool {
        self.state().over
    }

    /// The shim has never had it: nothing of it is there. False if its end is known already.
    pub fn never_stood(&self) -> bool {
        if std::mem::replace(&mut self.state().over, true) {
            return false;
        }
        self.end.send_replace(Some(ServiceEnd {
            tries: Vec::new(),
            process: None,
            killed: 0,
            stopped: true,
        }));
        true
    }

    fn stopped_late(&self, success: bool, tries: Vec<EndedStop>) {
        self.end.send_if_modified(|end| {
            let late = end.as_mut().filter(|end| success && !end.stopped);
            late.map(|end| {
                end.stopped = true;
                end.tries.extend(tries);
            })
            .is_some()
        });
    }

    /// The service is over. It may be once more: when what could not be ended, and was not waited for, has ended.
    pub fn stopped(&self, success: bool) {
        let mut state = self.state();
        if std::mem::replace(&mut state.over, true) {
            return self.stopped_late(success, std::mem::take(&mut state.tries));
        }
        let (ended, killed) = self.running.so_far();
        if let Some(file) = self.output_file.as_ref().filter(|_| success) {
            let _ = std::fs::remove_file(file);
        }
        let end = ServiceEnd {
            tries: std::mem::take(&mut state.tries),
            process: ended.filter(|_| state.cut || self.launch.foreground),
            killed,
            stopped: success,
        };
        let told = state.output.take().map(|output| output.send(Output::End(end.clone())));
        if !matches!(told, Some(Ok(()))) {
            self.end.send_replace(Some(end));
        }
    }
}
