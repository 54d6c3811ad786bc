//! The engine's handle on an item.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use pikoci_model::id::InstanceId;
use pikoci_model::outcome::Ended;
use pikoci_model::port::{LaunchError, Mask, Process, ServiceEnd, ServiceLaunch, Spawn, WorkItem};
use pikoci_model::text::SecretValue;

use super::compose;
use super::item::{ItemCore, Progress, system};
use super::process::{Kind, ProcessHandle};
use super::service::{ServiceRun, StopLog};
use crate::protocol::Order;

/// Grace of a foreground service and of a start that is cut.
pub(super) const SERVICE_GRACE: Duration = Duration::from_secs(10);

/// Dropped without `close`, it hangs up: the shim then does what it does when its worker is lost.
pub struct ItemHandle(pub Arc<ItemCore>);

impl Drop for ItemHandle {
    fn drop(&mut self) {
        self.0.connection.hang_up();
    }
}

impl ItemHandle {
    fn process(&self, running: Arc<super::process::Running>) -> Arc<dyn Process> {
        Arc::new(ProcessHandle { running, connection: Arc::clone(&self.0.connection) })
    }

    fn stop_log(&self, launch: &ServiceLaunch) -> Option<StopLog> {
        let spawn = &launch.stop.as_ref()?.spawn;
        let (sink, masking) = (spawn.sink.clone()?, Arc::clone(&self.0.masking));
        Some(StopLog { log: self.0.log_of(&spawn.step), sink, masking, attempt: spawn.attempt })
    }
}

#[async_trait]
impl WorkItem for ItemHandle {
    fn slot(&self) -> u32 {
        self.0.journal.as_ref().map_or(0, |journal| journal.directory.slot())
    }

    fn mask(&self, values: &[SecretValue]) {
        if self.0.masking.add(values.iter().map(SecretValue::reveal)) > 0 {
            self.0.owes_warning.store(true, Ordering::Relaxed);
        }
    }

    fn masker(&self) -> Arc<dyn Mask> {
        Arc::clone(&self.0.masking) as _
    }

    async fn spawn(&self, spawn: Spawn) -> Result<Arc<dyn Process>, LaunchError> {
        let command = compose::command(&spawn, self.0.launcher.surroundings)?;
        let (running, descriptors) = self.0.prepare(&spawn, Kind::Step).map_err(system)?;
        let unit = running.unit;
        self.0.send(unit, Order::Run { unit, command }, descriptors)?;
        Ok(self.process(running))
    }

    /// The intent is on disk before the start is asked for.
    async fn start_service(&self, launch: ServiceLaunch) -> Result<Arc<dyn Process>, LaunchError> {
        if launch.stop.is_none() && !launch.foreground {
            return Err(LaunchError::Refused(format!("service \"{}\" has no stop command", launch.name)));
        }
        let (item, instance) = (&self.0, launch.instance);
        let output_file = item.journal.as_ref().map(|journal| journal.directory.stop_log(instance));
        let plan = Box::new(item.plan(&launch, output_file.clone())?);
        let intent = match &item.journal {
            Some(journal) => Some(journal.write(&launch, &plan).await?),
            None => None,
        };
        let (running, mut descriptors) = item.prepare(&launch.start, Kind::Service).map_err(|error| {
            item.journal.iter().for_each(|journal| journal.take_back(instance));
            system(error)
        })?;
        descriptors.extend(intent);
        let (unit, stop_log) = (running.unit, self.stop_log(&launch));
        item.register(
            instance,
            Arc::new(ServiceRun::new(launch, output_file, Arc::clone(&running), stop_log)),
        );
        item.send(unit, Order::Serve { unit, service: plan }, descriptors)?;
        Ok(self.process(running))
    }

    async fn stop_service(&self, instance: InstanceId) -> ServiceEnd {
        let Some(service) = self.0.service(instance) else {
            return ServiceEnd { tries: Vec::new(), process: None, killed: 0, stopped: true };
        };
        if service.ask() {
            let order = Order::Stop { unit: service.unit, grace: SERVICE_GRACE };
            let _ = self.0.connection.send(order, Vec::new());
        }
        // If the shim is lost, the end comes from its rescue.
        let mut end = service.end();
        let ended = end.wait_for(Option::is_some).await.ok().and_then(|end| end.clone());
        ended.unwrap_or(ServiceEnd { tries: Vec::new(), process: None, killed: 0, stopped: false })
    }

    async fn close(&self) -> Result<(), Vec<Ended>> {
        self.0.closing.store(true, Ordering::Relaxed);
        let _ = self.0.connection.send(Order::Finish, Vec::new());
        let told = self.0.stuck_told.load(Ordering::Relaxed);
        let is_over =
            |progress: &Progress| progress.empty || progress.rescued || !told && !progress.stuck.is_empty();
        let mut progress = self.0.progress.subscribe();
        let progress = progress.wait_for(is_over).await.map(|progress| progress.clone()).unwrap_or_default();
        if !progress.empty && !progress.rescued {
            self.0.stuck_told.store(true, Ordering::Relaxed);
            return Err(progress.stuck);
        }
        Ok(())
    }

    async fn settle(&self) {
        let Some(journal) = self.0.journal.clone() else { return };
        let name = journal.directory.name().to_owned();
        let owes = tokio::task::spawn_blocking(move || journal.settle()).await;
        if owes.unwrap_or(true) {
            // Without anybody who runs such stops later, the next life of the worker finds them.
            let _ = self.0.launcher.owing.send(name);
        }
    }

    async fn lost(&self) {
        let mut progress = self.0.progress.subscribe();
        if progress.wait_for(|progress| progress.lost).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
