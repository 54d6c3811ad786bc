//! The launcher: work items, their processes and services.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::{FutureExt, channel::oneshot, future::join_all};

use super::{
    MemoryHost,
    mask::MemoryMask,
    process::{MemoryProcess, how},
    program::Run,
    slot::Slot,
};
use crate::{
    id::{InstanceId, StepPath},
    outcome::Ended,
    port::{
        EndedStop, Item, LaunchError, Launcher, LeaseEnd, Mask, Process, ProcessEnd, ServiceEnd,
        ServiceLaunch, Spawn, WorkItem,
    },
    text::SecretValue,
};

#[async_trait]
impl Launcher for MemoryHost {
    async fn open(&self, item: Item) -> Result<Arc<dyn WorkItem>, LaunchError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if item.name.is_empty() || !item.name.bytes().all(fits) {
            return Err(LaunchError::Refused(format!("work item `{}` is no name of a directory", item.name)));
        }
        self.tell(format!("open {}", item.name));
        let slot = item.build.as_ref().map(|build| Slot::take(self, &build.job));
        let number = slot.as_ref().map_or(0, Slot::number);
        let item = MemoryItem {
            host: self.clone(),
            item,
            number,
            state: Mutex::new(ItemState { slot, ..ItemState::default() }),
        };
        let item = Arc::new(item);
        self.state().items.push(Arc::downgrade(&item));
        Ok(item)
    }

    fn lease(&self, end: LeaseEnd) {
        self.state().lease = Some(end);
    }
}

pub(super) struct MemoryItem {
    host: MemoryHost,
    item: Item,
    number: u32,
    state: Mutex<ItemState>,
}

#[derive(Default)]
struct ItemState {
    closed: bool,
    emptied: bool,
    lost: bool,
    /// Who wants to know when it is lost.
    waiting: Vec<oneshot::Sender<()>>,
    slot: Option<Slot>,
    mask: Arc<MemoryMask>,
    /// Where each step's log goes on.
    logs: BTreeMap<StepPath, Arc<Mutex<Place>>>,
    running: Vec<Arc<MemoryProcess>>,
    services: BTreeMap<InstanceId, Arc<MemoryService>>,
}

/// Bytes and lines of a step's log so far.
#[derive(Default)]
pub(super) struct Place {
    pub bytes: u64,
    pub lines: u64,
}

struct MemoryService {
    launch: ServiceLaunch,
    process: Arc<MemoryProcess>,
    /// Held while the stop runs: a second call waits for the first.
    end: futures::lock::Mutex<Option<ServiceEnd>>,
}

impl MemoryItem {
    fn state(&self) -> MutexGuard<'_, ItemState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn name(&self) -> &str {
        &self.item.name
    }

    /// Its shim is gone, and with it every process.
    pub fn lose(&self) {
        let (running, waiting) = {
            let mut state = self.state();
            state.lost = true;
            (state.running.clone(), std::mem::take(&mut state.waiting))
        };
        running.iter().for_each(|process| process.lose());
        for waiting in waiting {
            // A receiver that is gone does not wait any more.
            let _ = waiting.send(());
        }
    }

    /// Ends what runs of a step.
    pub fn kill(&self, step: &str) {
        let running = self.state().running.clone();
        running.iter().filter(|process| process.step() == step).for_each(|process| process.die());
    }

    /// What runs of a step ends by itself.
    pub fn finish(&self, step: &str) {
        let running = self.state().running.clone();
        running.iter().filter(|process| process.step() == step).for_each(|process| process.finish());
    }

    /// What no signal ended, ends.
    pub fn unstick(&self) {
        let running = self.state().running.clone();
        running.iter().for_each(|process| process.unstick());
    }

    fn must_be_open(&self) -> Result<(), LaunchError> {
        let (closed, lost) = {
            let state = self.state();
            (state.closed, state.lost)
        };
        if lost {
            return Err(LaunchError::ShimLost);
        }
        if closed { Err(LaunchError::Refused("the work item is closed".to_owned())) } else { Ok(()) }
    }

    /// Runs a program. Everything but `hang` and `stuck` has ended when this returns.
    fn run(&self, spawn: Spawn) -> Arc<MemoryProcess> {
        let command = spawn.argv.join(" ");
        self.host.tell(format!("run {}#{}: {command}", spawn.step, spawn.attempt));
        let (mask, place) = {
            let mut state = self.state();
            (Arc::clone(&state.mask), Arc::clone(state.logs.entry(spawn.step.clone()).or_default()))
        };
        let stuck = command == "stuck";
        let process = MemoryProcess::new(self.host.clone(), spawn.step.to_string(), command, stuck);
        let process = Arc::new(process);
        let mut run = Run::new(&self.host, &self.item, spawn, &mask, &place);
        if let Some(ended) = run.execute() {
            process.end(ProcessEnd { captured: run.captured, ..how(ended) });
        }
        self.state().running.push(Arc::clone(&process));
        process
    }

    async fn stop(&self, service: &MemoryService) -> ServiceEnd {
        let mut known = service.end.lock().await;
        if let Some(end) = &*known {
            return end.clone();
        }
        let MemoryService { launch, process, .. } = service;
        let cut = !launch.foreground && process.runs();
        if cut {
            process.terminate(Duration::ZERO);
        }
        let mut tries = self.try_stop(launch);
        if cut {
            // What the start still caused when it was cut is found by a second stop.
            tries.extend(self.try_stop(launch));
        }
        process.terminate(Duration::ZERO);
        let asked = cut || launch.foreground;
        let stopped = launch.stop.is_none() || tries.last() == Some(&EndedStop::Ended(Ended::Exited(0)));
        let process = if asked { Some(process.wait().await.ended) } else { None };
        self.host.tell(format!("stopped {}", launch.name));
        known.insert(ServiceEnd { tries, process, killed: 0, stopped }).clone()
    }

    /// The stop command, as often as it takes and is allowed.
    fn try_stop(&self, launch: &ServiceLaunch) -> Vec<EndedStop> {
        let Some(stop) = &launch.stop else { return Vec::new() };
        let mut tries = Vec::new();
        for _ in 0..=stop.retries.len() {
            let process = self.run(stop.spawn.clone());
            // A stop that hangs is killed at its limit; nothing else happens meanwhile in memory.
            let ended = process.wait().now_or_never().map(|end| end.ended);
            process.terminate(Duration::ZERO);
            let done = ended == Some(Ended::Exited(0));
            tries.push(ended.map_or(EndedStop::TimedOut(stop.limit), EndedStop::Ended));
            if done {
                break;
            }
        }
        tries
    }

    /// Nothing of it is left; said once.
    fn empty(&self) {
        let slot = self.state().slot.take();
        let first = !std::mem::replace(&mut self.state().emptied, true);
        drop(slot);
        if first {
            self.host.tell(format!("close {}", self.item.name));
        }
    }

    /// Services whose stop is owed, the last group first.
    fn owed(&self) -> Vec<Arc<MemoryService>> {
        let services = self.state().services.values().cloned().collect::<Vec<_>>();
        let mut owed: Vec<_> = services
            .into_iter()
            .filter(|service| service.end.try_lock().is_none_or(|end| end.is_none()))
            .collect();
        owed.sort_by_key(|service| std::cmp::Reverse(service.launch.group));
        owed
    }
}

#[async_trait]
impl WorkItem for MemoryItem {
    fn slot(&self) -> u32 {
        self.number
    }

    fn mask(&self, values: &[SecretValue]) {
        self.state().mask.add(values);
    }

    fn masker(&self) -> Arc<dyn Mask> {
        Arc::clone(&self.state().mask) as _
    }

    async fn spawn(&self, spawn: Spawn) -> Result<Arc<dyn Process>, LaunchError> {
        self.must_be_open()?;
        Ok(self.run(spawn))
    }

    async fn start_service(&self, launch: ServiceLaunch) -> Result<Arc<dyn Process>, LaunchError> {
        self.must_be_open()?;
        if launch.stop.is_none() && !launch.foreground {
            return Err(LaunchError::Refused(format!("service \"{}\" has no stop command", launch.name)));
        }
        self.host.tell(format!("register {}", launch.name));
        let process = self.run(launch.start.clone());
        let (instance, end) = (launch.instance, futures::lock::Mutex::default());
        let service = Arc::new(MemoryService { launch, process: Arc::clone(&process), end });
        self.state().services.insert(instance, service);
        Ok(process)
    }

    async fn stop_service(&self, instance: InstanceId) -> ServiceEnd {
        let found = self.state().services.get(&instance).cloned();
        match found {
            Some(service) => self.stop(&service).await,
            None => ServiceEnd { tries: Vec::new(), process: None, killed: 0, stopped: true },
        }
    }

    async fn close(&self) -> Result<(), Vec<Ended>> {
        if std::mem::replace(&mut self.state().closed, true) {
            let running = self.state().running.clone();
            join_all(running.iter().map(|process| process.gone())).await;
            self.empty();
            return Ok(());
        }
        let owed = self.owed();
        for group in owed.chunk_by(|one, next| one.launch.group == next.launch.group) {
            join_all(group.iter().map(|service| self.stop(service))).await;
        }
        let running = self.state().running.clone();
        running.iter().for_each(|process| process.terminate(Duration::ZERO));
        let stuck: Vec<_> = running.iter().filter_map(|process| process.stuck()).collect();
        if !stuck.is_empty() {
            return Err(stuck);
        }
        self.empty();
        Ok(())
    }

    async fn settle(&self) {
        self.host.settled(&self.item.name);
    }

    async fn lost(&self) {
        let wait = {
            let mut state = self.state();
            if state.lost {
                return;
            }
            let (wake, wait) = oneshot::channel();
            state.waiting.push(wake);
            wait
        };
        // The sender goes with the item, and then nobody waits.
        let _ = wait.await;
    }
}

/// Like a lost worker: what runs is ended, then every stop that is owed runs.
impl Drop for MemoryItem {
    fn drop(&mut self) {
        if self.state().closed {
            return;
        }
        let running = self.state().running.clone();
        running.iter().for_each(|process| process.terminate(Duration::ZERO));
        for service in self.owed() {
            self.try_stop(&service.launch);
            self.host.tell(format!("stopped by loss {}", service.launch.name));
        }
    }
}
