//! The register of trackers: it finds the one that an event is for, or makes it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use pikoci_model::build::Build;
use pikoci_model::id::{BuildId, Fence, NodeId};
use pikoci_model::message::{Events, GoBuild};

use super::tracker::{CancelAsked, Glance, Tracker};
use super::world::World;
use crate::inbox::Received;
use crate::supervise::{Actor, Child, Exit, Flow, Life, Obituary, Receive, Spec, Undelivered, supervise};

/// See the module.
pub(crate) struct Trackers {
    world: World,
    /// By build and fence.
    living: BTreeMap<(BuildId, i64), Child<Tracker>>,
    stopping: bool,
}

/// A build was claimed and its go sent.
#[derive(Debug, Clone)]
pub(crate) struct Begin {
    pub(crate) row: Build,
    pub(crate) go: Arc<GoBuild>,
    pub(crate) node: NodeId,
}

/// These builds rang on another server: somebody may have asked there for their end.
#[derive(Debug, Clone)]
pub(crate) struct RangElsewhere(pub(crate) Vec<BuildId>);

/// This server is the home of the worker that holds a claim: its events come here from now on.
#[derive(Debug, Clone)]
pub(crate) struct Adopt {
    pub(crate) build: BuildId,
    pub(crate) fence: Fence,
    pub(crate) node: NodeId,
}

impl Trackers {
    pub(crate) fn new(world: World) -> Self {
        Self { world, living: BTreeMap::new(), stopping: false }
    }

    /// The tracker of a claim, made if there is none: a server that hears of a claim adopts it.
    fn of(
        &mut self,
        build: BuildId,
        fence: Fence,
        node: &NodeId,
        begin: Option<Begin>,
        life: &Life<'_, Self>,
    ) -> &Child<Tracker> {
        self.living.entry((build, fence.0)).or_insert_with(|| {
            let name = format!("tracker {build} {fence}");
            let (world, node) = (self.world.clone(), node.clone());
            if begin.is_none() {
                world.count_adopted();
            }
            // Only the first incarnation knows the row and the go; a later one loads the row anew.
            let begin = Mutex::new(begin);
            supervise(life.roster(), Spec::new(name), life.door(), move || {
                let begin = begin.lock().unwrap_or_else(PoisonError::into_inner).take();
                Tracker::new(world.clone(), build, fence, node.clone(), begin)
            })
        })
    }
}

impl Actor for Trackers {
    /// Every message of events passes here on its way; the workers' windows bound how many are out.
    const MAILBOX: usize = 16384;
    type State = usize;

    fn stop(&mut self, _: &mut Life<'_, Self>) -> Flow {
        self.stopping = true;
        self.living.values().for_each(|tracker| tracker.stop());
        if self.living.is_empty() { Err(Exit::Stopped) } else { Ok(()) }
    }

    fn state(&self) -> usize {
        self.living.len()
    }
}

impl Receive<Begin> for Trackers {
    fn receive(&mut self, begin: Begin, life: &mut Life<'_, Self>) -> Flow {
        let (build, node) = (begin.row.id, begin.node.clone());
        if let Some(fence) = begin.row.claim.as_ref().map(|claim| claim.fence) {
            self.of(build, fence, &node, Some(begin), life);
        }
        Ok(())
    }
}

impl Receive<Adopt> for Trackers {
    fn receive(&mut self, Adopt { build, fence, node }: Adopt, life: &mut Life<'_, Self>) -> Flow {
        self.of(build, fence, &node, None, life);
        Ok(())
    }
}

impl Receive<Received<Events>> for Trackers {
    fn receive(&mut self, received: Received<Events>, life: &mut Life<'_, Self>) -> Flow {
        if self.stopping {
            return Ok(());
        }
        let (build, fence, node) = (received.message.build, received.message.fence, received.sender.clone());
        let tracker = self.of(build, fence, &node, None, life);
        if let Err(Undelivered::Full(_)) = tracker.tell(received) {
            tracing::warn!(%build, "the tracker is behind; the worker will send its events again");
        }
        Ok(())
    }
}

impl Receive<CancelAsked> for Trackers {
    fn receive(&mut self, asked: CancelAsked, life: &mut Life<'_, Self>) -> Flow {
        let known = self.living.contains_key(&(asked.build, asked.fence.0));
        if known || self.world.board().worker(&asked.node).is_some() {
            let node = asked.node.clone();
            // Lost only if it is full or being rebuilt; then it finds the request in the row.
            let _ = self.of(asked.build, asked.fence, &node, None, life).tell(asked);
        }
        Ok(())
    }
}

impl Receive<RangElsewhere> for Trackers {
    fn receive(&mut self, RangElsewhere(builds): RangElsewhere, _: &mut Life<'_, Self>) -> Flow {
        for build in builds {
            let of_build = self.living.range((build, i64::MIN)..=(build, i64::MAX));
            // One that is full or being rebuilt reads its row soon.
            of_build.for_each(|(_, tracker)| drop(tracker.tell(Glance)));
        }
        Ok(())
    }
}

impl Receive<Obituary> for Trackers {
    fn receive(&mut self, obituary: Obituary, _: &mut Life<'_, Self>) -> Flow {
        if obituary.exit.is_fault() {
            tracing::error!(actor = %obituary.name, "given up: {}; the next event makes another", obituary.exit);
        }
        self.living.retain(|_, tracker| **tracker.name() != *obituary.name);
        if self.stopping && self.living.is_empty() { Err(Exit::Stopped) } else { Ok(()) }
    }
}
