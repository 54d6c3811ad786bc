//! Panics injected on purpose into what the worker asks of its launcher: they strike the actor that asks.
//!
//! It keeps every promise of the port. Each work item panics once; whoever salvages it may ask again.

use std::{
    collections::BTreeSet,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use pikoci_model::{
    id::{InstanceId, StepPath},
    outcome::Ended,
    port::{
        Item, LaunchError, Launcher, LeaseEnd, Mask, Process, ProcessEnd, ServiceEnd, ServiceLaunch, Spawn,
        WorkItem,
    },
    text::SecretValue,
};

/// Which call panics.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PanicIn {
    /// Starting a command of these steps.
    Spawn(Steps),
    /// Waiting for the end of a command of these steps.
    Wait(Steps),
    /// Starting a service, before anything was done.
    Service,
    /// The same, when it is started.
    ServiceStarted,
    /// Stopping a service, when it has just been asked for.
    Stop,
    /// The same, when it is stopped.
    Stopped,
}

/// Whole step paths, or their last components.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Steps(BTreeSet<String>);

impl Steps {
    fn contain(&self, step: &StepPath) -> bool {
        let last = step.0.rsplit('.').next().unwrap_or_default();
        self.0.contains(&step.0) || self.0.contains(last)
    }
}

impl FromStr for PanicIn {
    type Err = String;

    /// `spawn:2,4`, `wait:start`, `service`, `service-started`, `stop`, `stopped`.
    fn from_str(call: &str) -> Result<Self, String> {
        let steps = |list: &str| Steps(list.split(',').map(str::to_owned).collect());
        match call.split_once(':') {
            Some(("spawn", list)) => Ok(Self::Spawn(steps(list))),
            Some(("wait", list)) => Ok(Self::Wait(steps(list))),
            _ => match call {
                "service" => Ok(Self::Service),
                "service-started" => Ok(Self::ServiceStarted),
                "stop" => Ok(Self::Stop),
                "stopped" => Ok(Self::Stopped),
                _ => Err(format!(
                    "no call `{call}`: spawn:STEPS, wait:STEPS, service, service-started, stop or stopped"
                )),
            },
        }
    }
}

/// The launcher, as it was or with the fault in it.
pub fn inject(launcher: Arc<dyn Launcher>, fault: Option<PanicIn>) -> Arc<dyn Launcher> {
    match fault {
        None => launcher,
        Some(fault) => {
            tracing::warn!(?fault, "panics are injected into the launcher");
            Arc::new(PanickingLauncher { launcher, fault: Arc::new(fault) })
        }
    }
}

struct PanickingLauncher {
    launcher: Arc<dyn Launcher>,
    fault: Arc<PanicIn>,
}

#[async_trait]
impl Launcher for PanickingLauncher {
    async fn open(&self, item: Item) -> Result<Arc<dyn WorkItem>, LaunchError> {
        let of_build = item.build.is_some();
        let item = self.launcher.open(item).await?;
        if !of_build {
            return Ok(item);
        }
        Ok(Arc::new(PanickingItem { item, fault: Arc::clone(&self.fault), struck: Arc::default() }))
    }

    fn lease(&self, end: LeaseEnd) {
        self.launcher.lease(end);
    }
}

struct PanickingItem {
    item: Arc<dyn WorkItem>,
    fault: Arc<PanicIn>,
    struck: Arc<AtomicBool>,
}

impl PanickingItem {
    fn strike_if(&self, is_meant: bool) {
        strike_if(&self.struck, is_meant);
    }
}

fn strike_if(struck: &AtomicBool, is_meant: bool) {
    let fatal = is_meant && !struck.swap(true, Ordering::SeqCst);
    assert!(!fatal, "a fault injected on purpose");
}

#[async_trait]
impl WorkItem for PanickingItem {
    fn slot(&self) -> u32 {
        self.item.slot()
    }

    fn mask(&self, values: &[SecretValue]) {
        self.item.mask(values);
    }

    fn masker(&self) -> Arc<dyn Mask> {
        self.item.masker()
    }

    async fn spawn(&self, spawn: Spawn) -> Result<Arc<dyn Process>, LaunchError> {
        let step = spawn.step.clone();
        self.strike_if(matches!(&*self.fault, PanicIn::Spawn(steps) if steps.contain(&step)));
        Ok(self.watched(&step, self.item.spawn(spawn).await?))
    }

    async fn start_service(&self, launch: ServiceLaunch) -> Result<Arc<dyn Process>, LaunchError> {
        self.strike_if(*self.fault == PanicIn::Service);
        let step = launch.start.step.clone();
        let process = self.item.start_service(launch).await?;
        self.strike_if(*self.fault == PanicIn::ServiceStarted);
        Ok(self.watched(&step, process))
    }

    async fn stop_service(&self, instance: InstanceId) -> ServiceEnd {
        let mut stop = self.item.stop_service(instance);
        if *self.fault == PanicIn::Stop {
            // The first look at it sends the request.
            let ended = futures::poll!(&mut stop);
            self.strike_if(true);
            if let std::task::Poll::Ready(end) = ended {
                return end;
            }
        }
        let end = stop.await;
        self.strike_if(*self.fault == PanicIn::Stopped);
        end
    }

    async fn close(&self) -> Result<(), Vec<Ended>> {
        self.item.close().await
    }

    async fn settle(&self) {
        self.item.settle().await;
    }

    async fn lost(&self) {
        self.item.lost().await;
    }
}

impl PanickingItem {
    fn watched(&self, step: &StepPath, process: Arc<dyn Process>) -> Arc<dyn Process> {
        if matches!(&*self.fault, PanicIn::Wait(steps) if steps.contain(step)) {
            Arc::new(PanickingProcess { process, struck: Arc::clone(&self.struck) })
        } else {
            process
        }
    }
}

struct PanickingProcess {
    process: Arc<dyn Process>,
    struck: Arc<AtomicBool>,
}

#[async_trait]
impl Process for PanickingProcess {
    async fn wait(&self) -> ProcessEnd {
        strike_if(&self.struck, true);
        self.process.wait().await
    }

    fn terminate(&self, grace: Duration) {
        self.process.terminate(grace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_named_with_its_steps() {
        let fault: PanicIn = "wait:2,start".parse().unwrap();
        let PanicIn::Wait(steps) = fault else { panic!("{fault:?}") };
        assert!(steps.contain(&StepPath("2".to_owned())));
        assert!(steps.contain(&StepPath("svc.db.start".to_owned())));
        assert!(!steps.contain(&StepPath("svc.db.stop".to_owned())));
        assert!("nothing".parse::<PanicIn>().is_err());
        assert!("spawn".parse::<PanicIn>().is_err());
    }
}
