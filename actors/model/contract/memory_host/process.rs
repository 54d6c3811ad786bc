//! Processes of a host in memory.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::{
    FutureExt,
    channel::oneshot,
    future::{BoxFuture, Shared},
};

use super::MemoryHost;
use crate::{
    outcome::Ended,
    port::{Captured, Process, ProcessEnd},
};

type SharedEnd = Shared<BoxFuture<'static, Option<ProcessEnd>>>;

pub(super) struct MemoryProcess {
    host: MemoryHost,
    step: String,
    command: String,
    ender: Mutex<Option<oneshot::Sender<ProcessEnd>>>,
    end: SharedEnd,
    /// Only of a process that no signal ends: resolves when it is gone all the same.
    hold: Option<Hold>,
}

struct Hold {
    let_go: Mutex<Option<oneshot::Sender<()>>>,
    gone: Shared<BoxFuture<'static, ()>>,
}

impl Hold {
    fn new() -> Self {
        let (let_go, gone) = oneshot::channel::<()>();
        Self { let_go: Mutex::new(Some(let_go)), gone: gone.map(drop).boxed().shared() }
    }
}

impl MemoryProcess {
    pub fn new(host: MemoryHost, step: String, command: String, stuck: bool) -> Self {
        let (ender, end) = oneshot::channel::<ProcessEnd>();
        let end = end.map(Result::ok).boxed().shared();
        let hold = stuck.then(Hold::new);
        Self { host, step, command, ender: Mutex::new(Some(ender)), end, hold }
    }

    pub fn runs(&self) -> bool {
        self.ender.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The first end counts.
    pub fn end(&self, end: ProcessEnd) -> bool {
        let ender = self.ender.lock().unwrap_or_else(PoisonError::into_inner).take();
        ender.is_some_and(|ender| ender.send(end).is_ok())
    }

    /// What is said of it once it has outlived KILL.
    pub fn stuck(&self) -> Option<Ended> {
        let hold = self.hold.as_ref().filter(|hold| hold.gone.peek().is_none())?;
        let held = hold.let_go.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let (command, wait_channel) = (self.command.clone(), "memory".to_owned());
        held.then_some(Ended::Stuck { pid: 4242, command, wait_channel })
    }

    /// Whatever held it in the kernel lets go.
    pub fn unstick(&self) {
        if let Some(hold) = &self.hold {
            hold.let_go.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }

    /// Waits until nothing of it is left.
    pub async fn gone(&self) {
        self.wait().await;
        if let Some(hold) = &self.hold {
            hold.gone.clone().await;
        }
    }

    pub fn step(&self) -> &str {
        &self.step
    }

    /// Killed by somebody.
    pub fn die(&self) {
        self.end(how(Ended::Signalled(9)));
    }

    /// It ends by itself, without a fault.
    pub fn finish(&self) {
        self.end(how(Ended::Exited(0)));
    }

    /// Its shim is gone.
    pub fn lose(&self) {
        self.end(how(Ended::ShimLost));
    }
}

/// An end of which nothing else is to be said.
pub(super) fn how(ended: Ended) -> ProcessEnd {
    ProcessEnd { ended, captured: Captured::default(), leaked_output: false, killed: 0 }
}

#[async_trait]
impl Process for MemoryProcess {
    async fn wait(&self) -> ProcessEnd {
        self.end.clone().await.unwrap_or_else(|| how(Ended::ShimLost))
    }

    fn terminate(&self, _: Duration) {
        let ended = self.stuck().unwrap_or(Ended::Signalled(15));
        if self.end(how(ended)) {
            self.host.tell(format!("terminated {}", self.step));
        }
    }
}
