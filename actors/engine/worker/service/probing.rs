//! The ready check of a service: from the end of its group's starts to its answer.

use std::sync::Arc;

use pikoci_model::build::{BuildStatus, ServiceState};

use super::{BeginProbing, News, ProbingOver, ServiceActor};
use crate::supervise::{Flow, Life, Receive};
use crate::worker::probe::{Probe, Probed};

impl Receive<BeginProbing> for ServiceActor {
    fn receive(&mut self, _: BeginProbing, life: &mut Life<'_, Self>) -> Flow {
        if self.is_stopping() || self.ear.borrow().is_some() {
            self.tell(News::Cut);
            return Ok(());
        }
        let (Some(check), Some(launched)) = (self.ready_check(), &self.launched) else {
            self.enter(ServiceState::Ready);
            self.tell(News::Ready);
            return Ok(());
        };
        let probe = Probe {
            site: Arc::clone(&self.ask.site),
            name: self.ask.name.clone(),
            check,
            specifics: launched.plan.specifics.clone(),
            exports: self.ask.exports.clone(),
        };
        self.enter(ServiceState::Probing);
        let (mut recorder, ear) = (self.recorder("ready", None), self.ear.subscribe());
        life.spawn(async move { ProbingOver(probe.run(&mut recorder, ear).await, recorder) });
        Ok(())
    }
}

impl Receive<ProbingOver> for ServiceActor {
    fn receive(&mut self, message: ProbingOver, _: &mut Life<'_, Self>) -> Flow {
        let ProbingOver(probed, recorder) = message;
        match probed {
            Probed::Ready => {
                recorder.end(BuildStatus::Succeeded, None);
                self.enter(ServiceState::Ready);
                self.tell(News::Ready);
            }
            Probed::Failed(failure) => {
                recorder.end(BuildStatus::Failed, Some(failure.clone()));
                self.fail(failure);
            }
            // Its own process died, which was told already, or something else of the build failed.
            Probed::Cut => {
                let own = self.record.failure.clone();
                recorder.end(own.as_ref().map_or(BuildStatus::Cancelled, |_| BuildStatus::Failed), own);
                self.tell(News::Cut);
            }
        }
        Ok(())
    }
}
