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
    /// No signal ends it.
    stuck: bool,
    ender: Mutex<Option<oneshot::Sender<ProcessEnd>>>,
    end: SharedEnd,
}

impl MemoryProcess {
    pub fn new(host: MemoryHost, step: String, command: String, stuck: bool) -> Self {
        let (ender, end) = oneshot::channel::<ProcessEnd>();
        let end = end.map(Result::ok).boxed().shared();
        Self { host, step, command, stuck, ender: Mutex::new(Some(ender)), end }
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
        let (command, wait_channel) = (self.command.clone(), "memory".to_owned());
        (self.stuck && self.runs()).then_some(Ended::Stuck { pid: 4242, command, wait_channel })
    }

    /// Whatever held it in the kernel lets go.
    pub fn unstick(&self) {
        if self.stuck {
            self.end(how(Ended::Signalled(9)));
        }
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
        if !self.stuck && self.end(how(Ended::Signalled(15))) {
            self.host.tell(format!("terminated {}", self.step));
        }
    }
}
