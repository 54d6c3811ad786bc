//! From the last step to the last event: services stop, the status is fixed, hooks run, the site is closed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pikoci_model::build::{BuildEvent, Phase};

use super::{
    BuildActor, BuildOver, ClosingOver, JobHookOver, Last, Stage, StatusStored, StopTimeIsOver, close_site,
};
use crate::decide::walk::{Conclusion, hook_units};
use crate::supervise::{Exit, Flow, Life};
use crate::worker::hook::HookPlace;
use crate::worker::site::{HookFacts, Specifics};

/// Hooks wait this long for the status to be stored.
const FIXED_WITHIN: Duration = Duration::from_secs(10);

impl BuildActor {
    pub(super) fn begin_stopping(&mut self, life: &mut Life<'_, Self>) -> Flow {
        if let Some(timer) = self.timer.take() {
            life.cancel(timer);
        }
        self.enter(Stage::Stopping, Phase::Stopping);
        if !self.services.is_empty() {
            self.timer = Some(life.later(self.ask.settings.stop_budget, StopTimeIsOver));
        }
        self.stop_next(life)
    }

    pub(super) fn stop_next(&mut self, life: &mut Life<'_, Self>) -> Flow {
        let Some(site) = self.site.clone() else { return self.conclude(life) };
        if self.services.stop_next_group(&site, life) { Ok(()) } else { self.conclude(life) }
    }

    pub(super) fn conclude(&mut self, life: &mut Life<'_, Self>) -> Flow {
        if let Some(timer) = self.timer.take() {
            life.cancel(timer);
        }
        self.hooks.clear();
        match self.walk.conclusion(&self.ask.plan.job) {
            Conclusion::Lost => self.last = Last::Lost,
            Conclusion::HandedBack => self.last = Last::HandedBack,
            Conclusion::Void => self.last = Last::Void,
            Conclusion::Ended { status, failure, hooks, hook_status, reason, limited_hooks } => {
                self.last = Last::Finished;
                let at = self.ask.ports.clock.now();
                self.push(BuildEvent::Concluded { status, failure, at });
                self.ask.lifeline.concluded.store(true, Ordering::Relaxed);
                self.hooks = hook_units(&self.ask.plan.job.hooks, &hooks).into();
                let limit = limited_hooks.then_some(self.ask.settings.hook_timeout);
                let facts = HookFacts { status: Some(hook_status), reason };
                self.hook_place = self.site.clone().map(|site| HookPlace {
                    site,
                    step: None,
                    specifics: Specifics::default(),
                    exports: self.exports.clone(),
                    facts,
                    limit,
                });
            }
        }
        if self.last != Last::Finished
            || self.hooks.is_empty() && self.ask.plan.job.hooks.on_cancel.is_empty()
        {
            return self.close(life);
        }
        self.stage = Stage::Fixing;
        let outbox = Arc::clone(&self.ask.outbox);
        let through = outbox.pushed();
        life.spawn(async move {
            // Whoever asks for the end until then is still in time; without a server the build ends all the same.
            let _ = tokio::time::timeout(FIXED_WITHIN, outbox.acknowledged(through)).await;
            StatusStored
        });
        Ok(())
    }

    pub(super) fn next_hook(&mut self, life: &mut Life<'_, Self>) -> Flow {
        let (Some(unit), Some(place)) = (self.hooks.pop_front(), self.hook_place.clone()) else {
            return self.close(life);
        };
        let ear = self.ear.subscribe();
        life.spawn(async move { JobHookOver(place.run(unit, ear).await) });
        Ok(())
    }

    pub(super) fn close(&mut self, life: &mut Life<'_, Self>) -> Flow {
        self.stage = Stage::Closing;
        let Some(site) = self.site.clone() else { return self.end() };
        life.spawn(async move {
            close_site(&site).await;
            ClosingOver
        });
        Ok(())
    }

    pub(super) fn end(&mut self) -> Flow {
        let (build, fence) = (self.ask.plan.build, self.ask.plan.fence);
        self.parent.force(BuildOver { build, fence, last: self.last });
        Err(Exit::Finished)
    }
}
