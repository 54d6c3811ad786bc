//! The register of pipelines: each that this server leads has its checker and its scheduler, kept here, and is woken
//! here; what concerns another one is told to the server that leads it.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use pikoci_model::id::{JobId, PipelineId};
use pikoci_model::message::{News, Nudge};
use pikoci_model::port::{Address, StoreError};

use super::checker::{Checker, Look};
use super::scheduler::{Scheduler, Wake};
use super::world::World;
use crate::decide::leadership::Matter;
use crate::inbox::Received;
use crate::supervise::{Actor, Child, Exit, Flow, Life, Obituary, Receive, Spec, supervise};

/// Pipelines that another server created or deleted are found this often.
const TICK: Duration = Duration::from_secs(10);
/// A checker or scheduler that was given up is tried again after this.
const RETRY: Duration = Duration::from_secs(30);

/// See the module.
pub(crate) struct Pipelines {
    world: World,
    living: BTreeMap<PipelineId, Household>,
    /// Saved since the last list was asked for: not to be taken for deleted.
    saved: HashSet<PipelineId>,
}

struct Household {
    checker: Child<Checker>,
    scheduler: Child<Scheduler>,
}

/// A pipeline was saved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Saved(pub(crate) PipelineId);

/// A pipeline was deleted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deleted(pub(crate) PipelineId);

/// A check was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CheckAsked(pub(crate) PipelineId);

/// Versions came by a put or by hand, or a build was inserted that scheduling has to look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VersionsCame(pub(crate) PipelineId);

/// A build's status was fixed as one that passes.
#[derive(Debug, Clone)]
pub(crate) struct Passed {
    pub(crate) pipeline: PipelineId,
    pub(crate) job: String,
}

/// A build has left the queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Started {
    pub(crate) pipeline: PipelineId,
    pub(crate) job: JobId,
}

/// A server came or went: pipelines change hands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeadersChanged;

/// The dispatcher has begun anew.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BoardIsEmpty;

struct Tick;

struct Retry(PipelineId);

struct Listed(Result<Vec<PipelineId>, StoreError>);

impl Pipelines {
    pub(crate) fn new(world: World) -> Self {
        Self { world, living: BTreeMap::new(), saved: HashSet::new() }
    }

    fn list(&mut self, life: &mut Life<'_, Self>) {
        self.saved.clear();
        let world = self.world.clone();
        life.spawn(async move {
            let listed = world.store().pipelines(None).await;
            Listed(listed.map(|rows| rows.into_iter().map(|row| row.id).collect()))
        });
    }

    fn open(&mut self, id: PipelineId, life: &Life<'_, Self>) -> &Household {
        self.living.entry(id).or_insert_with(|| {
            let (roster, world) = (life.roster(), self.world.clone());
            let checker = supervise(roster, Spec::new(format!("checker {id}")), life.door(), move || {
                Checker::new(world.clone(), id)
            });
            let world = self.world.clone();
            let scheduler = supervise(roster, Spec::new(format!("scheduler {id}")), life.door(), move || {
                Scheduler::new(world.clone(), id)
            });
            Household { checker, scheduler }
        })
    }

    /// Tells what happened to whoever looks after the pipeline.
    fn tell(&mut self, id: PipelineId, news: News, life: &Life<'_, Self>) {
        let leader = self.world.members().leader(Matter::Pipeline(id)).clone();
        if leader == *self.world.post().node() {
            self.hear(id, news, life);
        } else {
            self.world.post().send(&Address::Node(leader), &Nudge { pipeline: id, news });
        }
    }

    /// Wakes whom the news concerns.
    fn hear(&mut self, id: PipelineId, news: News, life: &Life<'_, Self>) {
        let house = self.open(id, life);
        let wake = match news {
            News::Changed => Some(Wake::Anyway),
            News::Passed { job } => Some(Wake::Passed(job)),
            News::Started { job } => Some(Wake::Started(job)),
            News::CheckAsked => {
                let _ = house.checker.tell(Look);
                None
            }
            News::Checked { new } => {
                let _ = house.checker.tell(Look);
                Some(if new { Wake::Anyway } else { Wake::CheckedInVain })
            }
        };
        if let Some(wake) = wake {
            // A full mailbox holds a wake-up already; an actor that is being rebuilt looks when it is there.
            let _ = house.scheduler.tell(wake);
        }
    }
}

impl Actor for Pipelines {
    /// Wake-ups of all pipelines; what does not fit is found by the ticks.
    const MAILBOX: usize = 8192;
    type State = usize;

    fn started(&mut self, life: &mut Life<'_, Self>) -> Flow {
        self.list(life);
        life.later(TICK, Tick);
        Ok(())
    }

    fn stop(&mut self, _: &mut Life<'_, Self>) -> Flow {
        Err(Exit::Stopped)
    }

    fn state(&self) -> usize {
        self.living.len()
    }
}

impl Receive<Saved> for Pipelines {
    fn receive(&mut self, Saved(id): Saved, life: &mut Life<'_, Self>) -> Flow {
        self.saved.insert(id);
        self.tell(id, News::CheckAsked, life);
        self.tell(id, News::Changed, life);
        Ok(())
    }
}

impl Receive<Deleted> for Pipelines {
    fn receive(&mut self, Deleted(id): Deleted, _: &mut Life<'_, Self>) -> Flow {
        self.saved.remove(&id);
        self.living.remove(&id);
        Ok(())
    }
}

impl Receive<CheckAsked> for Pipelines {
    fn receive(&mut self, CheckAsked(id): CheckAsked, life: &mut Life<'_, Self>) -> Flow {
        self.tell(id, News::CheckAsked, life);
        Ok(())
    }
}

impl Receive<Received<Nudge>> for Pipelines {
    fn receive(&mut self, nudge: Received<Nudge>, life: &mut Life<'_, Self>) -> Flow {
        // Whoever sent it takes this server for the leader. Should it err, this looks once too often.
        let Nudge { pipeline, news } = nudge.message;
        self.saved.insert(pipeline);
        self.hear(pipeline, news, life);
        Ok(())
    }
}

impl Receive<LeadersChanged> for Pipelines {
    fn receive(&mut self, _: LeadersChanged, life: &mut Life<'_, Self>) -> Flow {
        self.list(life);
        Ok(())
    }
}

/// A new dispatcher knows of no check that is due: those that wait are said again.
impl Receive<BoardIsEmpty> for Pipelines {
    fn receive(&mut self, _: BoardIsEmpty, _: &mut Life<'_, Self>) -> Flow {
        for house in self.living.values() {
            // A checker that is just being made looks anyway.
            let _ = house.checker.tell(Look);
        }
        Ok(())
    }
}

impl Receive<VersionsCame> for Pipelines {
    fn receive(&mut self, VersionsCame(id): VersionsCame, life: &mut Life<'_, Self>) -> Flow {
        self.tell(id, News::Changed, life);
        Ok(())
    }
}

impl Receive<Passed> for Pipelines {
    fn receive(&mut self, Passed { pipeline, job }: Passed, life: &mut Life<'_, Self>) -> Flow {
        self.tell(pipeline, News::Passed { job }, life);
        Ok(())
    }
}

impl Receive<Started> for Pipelines {
    fn receive(&mut self, Started { pipeline, job }: Started, life: &mut Life<'_, Self>) -> Flow {
        self.tell(pipeline, News::Started { job }, life);
        Ok(())
    }
}

/// A check has ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checked {
    pub(crate) pipeline: PipelineId,
    pub(crate) new: bool,
}

impl Receive<Checked> for Pipelines {
    fn receive(&mut self, Checked { pipeline, new }: Checked, life: &mut Life<'_, Self>) -> Flow {
        self.tell(pipeline, News::Checked { new }, life);
        Ok(())
    }
}

impl Receive<Tick> for Pipelines {
    fn receive(&mut self, _: Tick, life: &mut Life<'_, Self>) -> Flow {
        life.later(TICK, Tick);
        self.list(life);
        Ok(())
    }
}

impl Receive<Listed> for Pipelines {
    fn receive(&mut self, Listed(listed): Listed, life: &mut Life<'_, Self>) -> Flow {
        match listed {
            Ok(ids) => {
                let mut found: HashSet<PipelineId> =
                    ids.into_iter().chain(self.saved.iter().copied()).collect();
                {
                    let members = self.world.members();
                    let me = self.world.post().node();
                    found.retain(|id| members.leader(Matter::Pipeline(*id)) == me);
                }
                self.living.retain(|id, _| found.contains(id));
                for id in found {
                    self.open(id, life);
                }
                self.world.now_leads(self.living.len());
            }
            Err(error) => tracing::warn!("pipelines cannot be listed: {error}"),
        }
        Ok(())
    }
}

impl Receive<Obituary> for Pipelines {
    fn receive(&mut self, obituary: Obituary, life: &mut Life<'_, Self>) -> Flow {
        if !obituary.exit.is_fault() {
            return Ok(());
        }
        let dead = |name: &str| *name == *obituary.name;
        let found = self
            .living
            .iter()
            .find(|(_, house)| dead(house.checker.name()) || dead(house.scheduler.name()))
            .map(|(id, _)| *id);
        if let Some(id) = found {
            tracing::error!(actor = %obituary.name, "given up: {}; tried again in {RETRY:?}", obituary.exit);
            life.later(RETRY, Retry(id));
        }
        Ok(())
    }
}

impl Receive<Retry> for Pipelines {
    fn receive(&mut self, Retry(id): Retry, life: &mut Life<'_, Self>) -> Flow {
        if self.living.remove(&id).is_some() {
            self.open(id, life);
        }
        Ok(())
    }
}
