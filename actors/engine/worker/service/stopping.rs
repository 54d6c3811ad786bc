//! The way to a service's end: the launcher runs the stop, this records how it went.

use std::sync::Arc;

use pikoci_model::build::{BuildStatus, ServiceState};
use pikoci_model::outcome::{Ended, Failure, RunCode};
use pikoci_model::port::EndedStop;

use super::{GiveUpStopping, ServiceActor, StopOver, StopService};
use crate::decide::walk::duration_text;
use crate::supervise::{Flow, Life, Receive};

impl Receive<StopService> for ServiceActor {
    fn receive(&mut self, _: StopService, life: &mut Life<'_, Self>) -> Flow {
        if self.is_stopping() {
            return Ok(());
        }
        let Some(launched) = &self.launched else {
            self.end_start(BuildStatus::Cancelled, None);
            // Nothing was started, so nothing has to be stopped.
            return self.conclude_stop(ServiceState::Stopped);
        };
        let log = Arc::clone(&launched.stop_log);
        self.enter(ServiceState::Stopping);
        self.end_start(BuildStatus::Succeeded, None);
        let recorder = self.recorder("stop", Some(log));
        let (item, instance) = (Arc::clone(&self.ask.site.ground.item), self.ask.instance);
        life.spawn(async move { StopOver(item.stop_service(instance).await, recorder) });
        Ok(())
    }
}

impl Receive<StopOver> for ServiceActor {
    fn receive(&mut self, message: StopOver, _: &mut Life<'_, Self>) -> Flow {
        let StopOver(end, mut recorder) = message;
        for (index, tried) in end.tries.iter().enumerate() {
            match tried {
                EndedStop::Ended(Ended::Exited(0)) => {}
                EndedStop::Ended(ended) => {
                    recorder.note(&format!("error: try {}: the command {ended}", index + 1))
                }
                EndedStop::TimedOut(limit) => {
                    recorder.note(&format!(
                        "error: try {}: ended after {}",
                        index + 1,
                        duration_text(*limit)
                    ));
                }
            }
        }
        if let Some(EndedStop::Ended(Ended::Exited(code))) = end.tries.last() {
            recorder.exited(Some(*code));
        }
        self.record.tries = u32::try_from(end.tries.len()).unwrap_or(u32::MAX);
        self.record.killed = end.killed;
        self.record.stopped_by = Some(self.ask.site.stopper().to_owned());
        if end.stopped {
            recorder.end(BuildStatus::Succeeded, None);
            return self.conclude_stop(ServiceState::Stopped);
        }
        let failure = self.stop_failure("its stop failed; it stands as pending");
        let names = self.launched.as_ref().map_or(&[][..], |launched| &launched.stop_names);
        recorder.explain(&failure, names);
        recorder.end(BuildStatus::Failed, Some(failure));
        self.conclude_stop(ServiceState::StopFailed)
    }
}

impl Receive<GiveUpStopping> for ServiceActor {
    fn receive(&mut self, _: GiveUpStopping, _: &mut Life<'_, Self>) -> Flow {
        self.stop_failure("the time for all stops is over; its stop stands as pending");
        self.conclude_stop(ServiceState::StopFailed)
    }
}

impl ServiceActor {
    fn stop_failure(&mut self, reason: &str) -> Failure {
        let text = format!("service \"{}\": {reason}", self.ask.name);
        let failure = Failure::coded(RunCode::R152, text);
        self.record.failure.get_or_insert_with(|| failure.clone());
        failure
    }
}
