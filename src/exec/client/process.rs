//! A running process as the engine sees it: its end is known when its fate and its output are.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use pikoci_model::outcome::Ended;
use pikoci_model::port::{Process, ProcessEnd};
use tokio::sync::watch;

use super::connection::Connection;
use super::fault::{self, Asked};
use crate::output::{Lifeline, ReadingEnd};
use crate::protocol::{Exit, Order, SpawnFault, StuckProcess, UnitId};

/// What the command is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Step,
    Service,
}

/// One unit of an item, from the request to its end.
pub struct Running {
    pub unit: UnitId,
    kind: Kind,
    asked: Asked,
    lifeline: Arc<Lifeline>,
    fate: Mutex<Fate>,
    end: watch::Sender<Option<ProcessEnd>>,
}

#[derive(Default)]
struct Fate {
    ended: Option<Ended>,
    killed: u32,
    /// The engine asked for its end, so what it leaves has to be gone too.
    terminated: bool,
    /// Nothing more will be told of it that its end depends on.
    over: bool,
    read: Option<ReadingEnd>,
}

impl Running {
    pub fn new(unit: UnitId, kind: Kind, asked: Asked, lifeline: Arc<Lifeline>) -> Self {
        let (end, _) = watch::channel(None);
        Self { unit, kind, asked, lifeline, fate: Mutex::default(), end }
    }

    fn change(&self, change: impl FnOnce(&mut Fate)) {
        let mut fate = self.fate.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut fate);
        let (true, Some(ended)) = (fate.over, fate.ended.clone()) else { return };
        self.lifeline.leader_ended();
        if let Some(read) = fate.read.take() {
            let (captured, leaked_output, killed) = (read.captured, read.leaked, fate.killed);
            self.end.send_replace(Some(ProcessEnd { ended, captured, leaked_output, killed }));
        }
    }

    pub fn not_started(&self, fault: &SpawnFault) {
        let ended = self.asked.not_started(fault);
        self.change(|fate| {
            fate.ended = Some(ended);
            fate.over = true;
        });
        self.lifeline.all_gone();
    }

    pub fn exited(&self, exit: Exit, alone: bool) {
        self.change(|fate| {
            let leaves_stay = self.kind == Kind::Service || exit.is_success() && !fate.terminated;
            fate.ended.get_or_insert(fault::ended(exit));
            fate.over |= alone || leaves_stay;
        });
        if alone {
            self.lifeline.all_gone();
        }
    }

    pub fn gone(&self, killed: u32) {
        self.change(|fate| {
            fate.killed = killed;
            fate.over = true;
        });
        self.lifeline.all_gone();
    }

    /// Its output is let go too: nobody knows when its pipes will close.
    pub fn stuck(&self, process: &StuckProcess) {
        self.change(|fate| {
            fate.ended = Some(fault::stuck(process));
            fate.over = true;
        });
        self.lifeline.let_go();
    }

    pub fn lost(&self) {
        self.change(|fate| {
            fate.ended.get_or_insert(Ended::ShimLost);
            fate.over = true;
        });
    }

    pub fn read(&self, read: ReadingEnd) {
        self.change(|fate| fate.read = Some(read));
    }

    /// Nobody waits for its output any more.
    pub fn let_go(&self) {
        self.lifeline.let_go();
    }

    /// How its leader ended, and how many were killed besides it so far.
    pub fn so_far(&self) -> (Option<Ended>, u32) {
        let fate = self.fate.lock().unwrap_or_else(PoisonError::into_inner);
        (fate.ended.clone(), fate.killed)
    }
}

/// The engine's handle on a unit.
pub struct ProcessHandle {
    pub running: Arc<Running>,
    pub connection: Arc<Connection>,
}

#[async_trait]
impl Process for ProcessHandle {
    async fn wait(&self) -> ProcessEnd {
        let mut end = self.running.end.subscribe();
        match end.wait_for(Option::is_some).await.ok().and_then(|end| end.clone()) {
            Some(end) => end,
            // The sender lives as long as this handle; without it nothing is known any more.
            None => ProcessEnd {
                ended: Ended::ShimLost,
                captured: pikoci_model::port::Captured::default(),
                leaked_output: false,
                killed: 0,
            },
        }
    }

    fn terminate(&self, grace: Duration) {
        self.running.change(|fate| fate.terminated = true);
        let _ = self.connection.send(Order::End { unit: self.running.unit, grace }, Vec::new());
    }
}
