//! The agent: what a worker is to the servers. It announces itself, renews its lease, takes offers, starts and ends
//! work, keeps outboxes until they are acknowledged, and ends its own builds when it cannot renew.
//!
//! It is kept: a new incarnation of the agent is a new incarnation of the worker, and holds nothing.

mod builds;
mod checks;
mod home;
mod lease;
mod recovery;
mod salvage;
mod slots;

use std::sync::Arc;
use std::time::Duration;

use pikoci_model::id::{Incarnation, NodeId};
use pikoci_model::message::{Accept, Decline, Goodbye, Offer, OfferedWork, Withdraw};
use pikoci_model::port::{Address, Monotonic};
use pikoci_model::worker::WorkerProfile;
use serde::Serialize;

use self::builds::Builds;
use self::checks::Checks;
use self::lease::Lease;
pub(super) use self::recovery::Recovery;
use self::slots::{Answer, Holds};
use super::build::EndBuild;
use super::site::{Ports, Settings};
use crate::decide::walk::Cut;
use crate::inbox::Received;
use crate::post::Post;
use crate::supervise::{Actor, Exit, Flow, Job, Life, Receive};

/// Between searches for a home, until a server says how often to renew.
const BEFORE_HOME: Duration = Duration::from_secs(1);
/// The home counts as silent after this many unanswered renewals.
const UNANSWERED: u32 = 2;
/// How long undelivered events are tried when everything else has ended.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// What a second request to stop leaves to the stops.
const HURRY: Duration = Duration::from_secs(5);
/// The lease until a server says another.
const LEASE: Duration = Duration::from_secs(90);

/// What an agent is made of; the same for each of its incarnations.
#[derive(Clone)]
pub(super) struct AgentSeed {
    pub profile: WorkerProfile,
    pub post: Post,
    pub ports: Ports,
    pub settings: Arc<Settings>,
    pub recovery: Recovery,
}

/// See the module.
pub(crate) struct Agent {
    profile: WorkerProfile,
    post: Post,
    ports: Ports,
    settings: Arc<Settings>,
    mode: Mode,
    home: Option<NodeId>,
    renew_every: Duration,
    unanswered: u32,
    announced: Monotonic,
    /// When the last renewal left, or, without a home, the last search for one.
    renewed: Monotonic,
    /// When what is not confirmed yet was said last.
    repeated: Monotonic,
    /// The home is lost or going: another one is looked for.
    seeking: bool,
    refusals: u32,
    refused_until: Monotonic,
    lease: Lease,
    fence: Option<Job>,
    holds: Holds,
    builds: Builds,
    checks: Checks,
    leaving: Option<Job>,
    /// Items that the host is forgetting.
    forgetting: usize,
    /// What earlier lives left behind.
    recovery: Recovery,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// Takes offers.
    Working,
    /// Takes none and ends when what runs has ended.
    Draining,
    /// Ends what runs.
    Stopping,
}

/// Take no new work; end when what runs has ended.
pub(crate) struct Drain;
/// A second request to stop.
pub(crate) struct Hurry;

struct Tick;
struct FenceNow;
struct DrainTimeIsOver;
struct LeaveNow;

/// What the admin page sees.
#[derive(Serialize)]
pub(crate) struct AgentState {
    mode: Mode,
    home: Option<NodeId>,
    builds: usize,
    checks: usize,
    held: usize,
    outboxes: usize,
}

impl Agent {
    /// A new life of the worker. The first one keeps the profile's incarnation.
    pub(super) fn new(seed: &AgentSeed, incarnation: Incarnation) -> Self {
        let AgentSeed { profile, post, ports, settings, recovery } = seed.clone();
        Agent {
            profile: WorkerProfile { incarnation, ..profile },
            post,
            ports,
            settings,
            mode: Mode::Working,
            home: None,
            renew_every: BEFORE_HOME,
            unanswered: 0,
            announced: Monotonic::ZERO,
            renewed: Monotonic::ZERO,
            repeated: Monotonic::ZERO,
            seeking: false,
            refusals: 0,
            refused_until: Monotonic::ZERO,
            lease: Lease::new(LEASE),
            fence: None,
            holds: Holds::default(),
            builds: Builds::default(),
            checks: Checks::default(),
            leaving: None,
            forgetting: 0,
            recovery,
        }
    }

    fn free_slots(&self) -> u32 {
        if !self.recovery.is_ready() {
            return 0;
        }
        free(self.profile.slots, self.builds.running() + self.holds.builds())
    }

    fn free_check_slots(&self) -> u32 {
        if !self.recovery.is_ready() {
            return 0;
        }
        free(self.profile.check_slots, self.checks.running() + self.holds.checks())
    }

    /// Nothing runs and nothing is left to say: goodbye.
    fn leave_if_empty(&mut self, life: &mut Life<'_, Self>) -> Flow {
        if self.mode == Mode::Working || !self.builds.none_runs() || !self.checks.none_runs() {
            return Ok(());
        }
        if !self.builds.is_empty() || !self.recovery.is_settled() || self.forgetting > 0 {
            if self.leaving.is_none() {
                self.leaving = Some(life.later(LAST_WORDS, LeaveNow));
            }
            return Ok(());
        }
        if let Some(home) = &self.home {
            let goodbye = Goodbye { incarnation: self.profile.incarnation };
            self.post.send(&Address::Node(home.clone()), &goodbye);
            if self.seeking || self.unanswered > UNANSWERED {
                self.post.send(&Address::AnyServer, &goodbye);
            }
        }
        Err(Exit::Stopped)
    }

    fn end_everything(&mut self, life: &mut Life<'_, Self>) -> Flow {
        self.mode = Mode::Stopping;
        self.builds.end_all(&Cut::HandedBack { worker: self.profile.name.clone() });
        self.checks.end_all();
        self.leave_if_empty(life)
    }
}

fn free(slots: u32, used: usize) -> u32 {
    slots.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX))
}

impl Actor for Agent {
    /// Messages of the servers: acknowledgements of all builds, offers, answers. What overflows is repeated by its
    /// sender.
    const MAILBOX: usize = 4096;
    type State = AgentState;

    fn started(&mut self, life: &mut Life<'_, Self>) -> Flow {
        self.announce();
        life.later(BEFORE_HOME, Tick);
        self.listen_to_journal(life);
        self.end_earlier(life);
        Ok(())
    }

    /// SIGTERM: no new work, kill what runs, stop every service, hand the builds back, leave. A second one hurries.
    fn stop(&mut self, life: &mut Life<'_, Self>) -> Flow {
        if self.mode == Mode::Stopping {
            return self.receive(Hurry, life);
        }
        self.end_everything(life)
    }

    fn state(&self) -> AgentState {
        AgentState {
            mode: self.mode,
            home: self.home.clone(),
            builds: self.builds.running(),
            checks: self.checks.running(),
            held: self.holds.builds() + self.holds.checks(),
            outboxes: self.builds.holding().len(),
        }
    }
}

impl Receive<Tick> for Agent {
    fn receive(&mut self, _: Tick, life: &mut Life<'_, Self>) -> Flow {
        let now = self.ports.clock.monotonic();
        self.holds.expire(now);
        if self.lease.is_over(now) {
            self.receive(FenceNow, life)?;
        }
        if self.is_due(now) {
            self.renew();
        }
        if now.saturating_sub(self.repeated) + self.pace() / 2 >= self.renew_every {
            self.repeated = now;
            self.checks.repeat(&self.post);
            self.report_stops();
        }
        life.later(self.pace(), Tick);
        Ok(())
    }
}

impl Receive<Received<Offer>> for Agent {
    fn receive(&mut self, received: Received<Offer>, _: &mut Life<'_, Self>) -> Flow {
        let (sender, Offer { offer, work }) = (Address::Node(received.sender), received.message);
        let used = match work {
            OfferedWork::Build(_) => (self.builds.running(), self.profile.slots),
            OfferedWork::Check(_) => (self.checks.running(), self.profile.check_slots),
        };
        let answer = match self.mode {
            Mode::Working if !self.recovery.is_ready() => {
                Answer::Decline("the worker looks after what an earlier life left")
            }
            Mode::Working if !self.lease.is_fresh(self.ports.clock.monotonic()) => {
                Answer::Decline("the worker's lease is ending")
            }
            Mode::Working => self.holds.offered(offer, work, used, self.ports.clock.monotonic()),
            Mode::Draining | Mode::Stopping => Answer::Decline("the worker takes no new work"),
        };
        match answer {
            Answer::Accept => {
                let incarnation = self.profile.incarnation;
                self.post.send(&sender, &Accept { offer, work, incarnation });
            }
            Answer::Decline(reason) => {
                self.post.send(&sender, &Decline { offer, work, reason: reason.to_owned() });
            }
        }
        Ok(())
    }
}

impl Receive<Received<Withdraw>> for Agent {
    fn receive(&mut self, received: Received<Withdraw>, _: &mut Life<'_, Self>) -> Flow {
        self.holds.release(received.message.offer);
        Ok(())
    }
}

impl Receive<Drain> for Agent {
    fn receive(&mut self, _: Drain, life: &mut Life<'_, Self>) -> Flow {
        if self.mode != Mode::Working {
            return Ok(());
        }
        self.mode = Mode::Draining;
        self.renew();
        life.later(self.settings.drain_timeout, DrainTimeIsOver);
        self.leave_if_empty(life)
    }
}

impl Receive<DrainTimeIsOver> for Agent {
    fn receive(&mut self, _: DrainTimeIsOver, life: &mut Life<'_, Self>) -> Flow {
        if self.mode == Mode::Draining { self.end_everything(life) } else { Ok(()) }
    }
}

impl Receive<Hurry> for Agent {
    fn receive(&mut self, _: Hurry, life: &mut Life<'_, Self>) -> Flow {
        life.later(HURRY, LeaveNow);
        Ok(())
    }
}

impl Receive<LeaveNow> for Agent {
    fn receive(&mut self, _: LeaveNow, _: &mut Life<'_, Self>) -> Flow {
        let (running, untold) = (self.builds.running(), self.builds.holding().len());
        tracing::error!(running, untold, "the worker ends with builds whose end was not told");
        // Not a fault that a new incarnation could mend, so it is an orderly end; the process looks at what is left.
        Err(Exit::Finished)
    }
}

/// The order to one build.
fn end_build(cut: &Cut) -> EndBuild {
    EndBuild(cut.clone())
}
