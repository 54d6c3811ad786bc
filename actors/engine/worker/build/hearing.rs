//! What a build hears, from its own futures, its children and the agent.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use pikoci_model::build::{BuildEvent, Phase};
use pikoci_model::outcome::Failure;

use super::{
    BuildActor, ClosingOver, EndBuild, JobHookOver, JobTimeIsOver, OpeningOver, ShimLost, Stage,
    StatusStored, StopTimeIsOver,
};
use crate::decide::walk::Cut;
use crate::supervise::{Flow, Life, Obituary, Receive};
use crate::worker::conduct::Interrupt;
use crate::worker::opening::Opened;
use crate::worker::perform::Outcome;
use crate::worker::service::{News, ServiceNews};
use crate::worker::step::StepOver;

impl Receive<OpeningOver> for BuildActor {
    fn receive(&mut self, message: OpeningOver, life: &mut Life<'_, Self>) -> Flow {
        match message.0 {
            Err(failure) => self.walk.cut(Cut::of_failure(failure)),
            Ok(Opened { site, trouble }) => {
                if let Some(failure) = trouble {
                    self.walk.cut(Cut::of_failure(failure));
                }
                let item = Arc::clone(&site.ground.item);
                life.spawn(async move {
                    item.lost().await;
                    ShimLost
                });
                self.site = Some(site);
            }
        }
        self.enter(Stage::Walking, Phase::Running);
        if let Some(limit) = self.ask.plan.job.timeout.filter(|limit| !limit.is_zero()) {
            self.timer = Some(life.later(limit, JobTimeIsOver));
        }
        self.go_on(life)
    }
}

impl Receive<StepOver> for BuildActor {
    fn receive(&mut self, message: StepOver, life: &mut Life<'_, Self>) -> Flow {
        if self.step.as_ref().is_none_or(|(path, _)| *path != message.path) {
            return Ok(());
        }
        self.step = None;
        self.exports.extend(message.exports);
        if let Outcome::Failed(failure) | Outcome::Cut(Interrupt::Fail(failure)) = message.outcome {
            self.walk.cut(Cut::of_failure(failure));
        }
        self.go_on(life)
    }
}

impl Receive<ServiceNews> for BuildActor {
    fn receive(&mut self, message: ServiceNews, life: &mut Life<'_, Self>) -> Flow {
        self.services.note(message.instance, &message.news);
        match message.news {
            News::Stopped if self.stage == Stage::Stopping => return self.stop_next(life),
            News::Stopped => return Ok(()),
            News::Failed(failure) if self.stage == Stage::Walking => {
                return self.cut(Cut::of_failure(failure), life);
            }
            News::Started { exports } => {
                if !exports.is_empty() {
                    self.push(BuildEvent::Exported { variables: exports.clone() });
                    self.exports.extend(exports);
                }
                if let (Some(site), false) = (self.site.clone(), self.walk.is_cut()) {
                    self.services.start_next(&self.ask.plan.job, &site, &self.exports, life);
                }
            }
            News::Ready | News::Cut | News::Failed(_) => {}
        }
        self.settle(life)
    }
}

impl Receive<EndBuild> for BuildActor {
    fn receive(&mut self, message: EndBuild, life: &mut Life<'_, Self>) -> Flow {
        self.cut(message.0, life)
    }
}

impl Receive<JobTimeIsOver> for BuildActor {
    fn receive(&mut self, _: JobTimeIsOver, life: &mut Life<'_, Self>) -> Flow {
        let limit = self.ask.plan.job.timeout.unwrap_or_default();
        self.cut(Cut::TimedOut(limit), life)
    }
}

impl Receive<StopTimeIsOver> for BuildActor {
    fn receive(&mut self, _: StopTimeIsOver, _: &mut Life<'_, Self>) -> Flow {
        self.services.give_up_stopping();
        Ok(())
    }
}

impl Receive<ShimLost> for BuildActor {
    fn receive(&mut self, _: ShimLost, life: &mut Life<'_, Self>) -> Flow {
        tracing::warn!(build = %self.ask.plan.build, "R132: the build's shim was lost");
        if let Some(site) = &self.site {
            site.lost.store(true, Ordering::Relaxed);
        }
        self.cut(Cut::Lost, life)
    }
}

/// The store has the status, or does not answer: the hooks may follow.
impl Receive<StatusStored> for BuildActor {
    fn receive(&mut self, _: StatusStored, life: &mut Life<'_, Self>) -> Flow {
        if self.stage != Stage::Fixing {
            return Ok(());
        }
        if self.hooks.is_empty() {
            return self.close(life);
        }
        self.enter(Stage::Hooks, Phase::Hooks);
        self.ear.send_replace(None);
        self.next_hook(life)
    }
}

impl Receive<JobHookOver> for BuildActor {
    fn receive(&mut self, message: JobHookOver, life: &mut Life<'_, Self>) -> Flow {
        if let Some(place) = &mut self.hook_place {
            place.exports.extend(message.0);
        }
        self.next_hook(life)
    }
}

impl Receive<ClosingOver> for BuildActor {
    fn receive(&mut self, _: ClosingOver, _: &mut Life<'_, Self>) -> Flow {
        self.end()
    }
}

/// A child is gone. Those that ended in order have said so before; one that did not fails the build.
impl Receive<Obituary> for BuildActor {
    fn receive(&mut self, message: Obituary, life: &mut Life<'_, Self>) -> Flow {
        if !message.exit.is_fault() {
            return Ok(());
        }
        let failure = Failure::plain(format!("`{}` {}", message.name, message.exit));
        if self.step.as_ref().is_some_and(|(_, child)| **child.name() == *message.name) {
            self.step = None;
        }
        let stopping = self.stage == Stage::Stopping;
        self.services.orphan(&message.name);
        if stopping {
            return self.stop_next(life);
        }
        self.cut(Cut::Failed(failure), life)
    }
}
