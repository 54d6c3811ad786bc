//! The keeper of one long-lived actor: it rebuilds it from its factory and knows when to give up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix::{ActorContext as _, ActorFutureExt as _, Arbiter, AsyncContext as _, Context};

use super::budget::{Budget, Faults, Verdict};
use super::exit::{Exit, Obituary};
use super::guard::Guard;
use super::handle::{Child, Door, Handle};
use super::roster::{Count, Roster};
use super::ward::{Actor, Birth, Halt, Observe, next_generation};

/// On which thread a kept actor lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Housing {
    /// With its keeper: messages to neighbours cost under a microsecond. It cannot be watched by a heartbeat, since
    /// whatever blocks it blocks the keeper as well.
    Shared,
    /// On a thread of its own, which is abandoned when the actor gives no sign of life for `heartbeat`.
    Own {
        /// Longest time between a question and the sign of life.
        heartbeat: Duration,
    },
}

/// How an actor is kept.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Its name in the roster and in its obituary.
    pub name: Arc<str>,
    /// How often it may be rebuilt.
    pub budget: Budget,
    /// Where it lives.
    pub housing: Housing,
}

impl Spec {
    /// Kept on the keeper's thread with the usual budget.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Spec { name: name.into(), budget: Budget::default(), housing: Housing::Shared }
    }
}

/// Starts and keeps an actor. A fault has it rebuilt by `factory`, which must load its state anew: nothing of the
/// dead incarnation is carried over. An orderly end, a stop, or a used-up budget sends the [`Obituary`] to `parent`.
/// Must run inside an actix arbiter.
pub fn supervise<A: Actor>(
    roster: &Roster,
    spec: Spec,
    parent: Door<Obituary>,
    factory: impl Fn() -> A + Send + Sync + 'static,
) -> Child<A> {
    let handle = Handle::new(Arc::clone(&spec.name));
    let keeper = Keeper {
        handle: handle.clone(),
        roster: roster.clone(),
        spec,
        parent,
        factory: Arc::new(factory),
        faults: Faults::default(),
        restarts: 0,
        stopping: false,
        current: None,
    };
    let addr = actix::Actor::start(keeper);
    handle.keep(addr.recipient());
    Child::new(handle)
}

struct Keeper<A: Actor> {
    handle: Handle<A>,
    roster: Roster,
    spec: Spec,
    parent: Door<Obituary>,
    factory: Arc<dyn Fn() -> A + Send + Sync>,
    faults: Faults,
    restarts: u32,
    stopping: bool,
    current: Option<Incarnation>,
}

struct Incarnation {
    generation: u64,
    retired: Arc<AtomicBool>,
    thread: Option<Arbiter>,
}

impl Drop for Incarnation {
    fn drop(&mut self) {
        if let Some(thread) = &self.thread {
            thread.stop();
        }
    }
}

/// The guard's notice. Forced past the mailbox's bound: a keeper has one ward, so at most one is on its way.
struct Died {
    generation: u64,
    exit: Exit,
}

impl actix::Message for Died {
    type Result = ();
}

impl<A: Actor> Keeper<A> {
    fn build(&mut self, ctx: &mut Context<Self>) {
        let generation = next_generation();
        let retired = Arc::new(AtomicBool::new(false));
        let me = ctx.address();
        let guard = Guard::new(move |exit| me.do_send(Died { generation, exit }));
        let factory = Arc::clone(&self.factory);
        let birth = Birth {
            handle: self.handle.clone(),
            generation,
            roster: self.roster.clone(),
            factory: Box::new(move || factory()),
            guard,
            retired: Arc::clone(&retired),
        };
        let thread = match self.spec.housing {
            Housing::Shared => {
                birth.here();
                None
            }
            Housing::Own { heartbeat } => {
                let thread = Arbiter::new();
                birth.on(&thread.handle());
                self.listen(generation, heartbeat, ctx);
                Some(thread)
            }
        };
        self.current = Some(Incarnation { generation, retired, thread });
    }

    /// Asks for a sign of life, and asks again as long as one comes.
    fn listen(&self, generation: u64, heartbeat: Duration, ctx: &mut Context<Self>) {
        let Some(addr) = self.handle.addr() else {
            // Not seated yet: the thread has not run the ward's first step.
            ctx.run_later(heartbeat, move |keeper, ctx| keeper.beat(generation, heartbeat, ctx));
            return;
        };
        let sign = async move { tokio::time::timeout(heartbeat, addr.send(Observe)).await.is_ok() };
        ctx.spawn(actix::fut::wrap_future::<_, Self>(sign).map(move |alive, keeper, ctx| {
            if alive {
                ctx.run_later(heartbeat, move |keeper, ctx| keeper.beat(generation, heartbeat, ctx));
            } else {
                keeper.give_up_on(generation, ctx);
            }
        }));
    }

    fn beat(&mut self, generation: u64, heartbeat: Duration, ctx: &mut Context<Self>) {
        if !self.holds(generation) {
            return;
        }
        if self.handle.generation() == Some(generation) {
            self.listen(generation, heartbeat, ctx);
        } else {
            self.give_up_on(generation, ctx);
        }
    }

    /// A blocked thread cannot be killed: it is left behind, and if it ever wakes it finds itself retired.
    fn give_up_on(&mut self, generation: u64, ctx: &mut Context<Self>) {
        if !self.holds(generation) {
            return;
        }
        if let Some(incarnation) = &self.current {
            incarnation.retired.store(true, Ordering::Relaxed);
        }
        self.handle.vacate(generation);
        self.roster.died(generation, &Exit::Hung);
        tracing::error!(actor = %self.spec.name, generation, "actor gave no sign of life and is replaced");
        self.after(generation, Exit::Hung, ctx);
    }

    fn holds(&self, generation: u64) -> bool {
        self.current.as_ref().is_some_and(|current| current.generation == generation)
    }

    fn after(&mut self, generation: u64, exit: Exit, ctx: &mut Context<Self>) {
        self.current = None;
        if self.stopping || !exit.is_fault() {
            return self.bury(generation, exit, ctx);
        }
        match self.faults.record(&self.spec.budget, Instant::now()) {
            Verdict::GiveUp => {
                self.roster.count(Count::Escalation);
                tracing::error!(actor = %self.spec.name, restarts = self.restarts, "restart budget used up: {exit}");
                self.bury(generation, exit, ctx);
            }
            Verdict::Rebuild { after } => {
                ctx.run_later(after, |keeper, ctx| keeper.rebuild(ctx));
            }
        }
    }

    fn rebuild(&mut self, ctx: &mut Context<Self>) {
        if !self.stopping {
            self.restarts += 1;
            self.roster.count(Count::Restart);
            self.build(ctx);
        }
    }

    fn bury(&mut self, generation: u64, exit: Exit, ctx: &mut Context<Self>) {
        let name = self.spec.name.to_string();
        self.parent.force(Obituary { name, generation, exit, restarts: self.restarts });
        ctx.stop();
    }
}

impl<A: Actor> actix::Actor for Keeper<A> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.build(ctx);
    }
}

impl<A: Actor> actix::Handler<Died> for Keeper<A> {
    type Result = ();

    fn handle(&mut self, died: Died, ctx: &mut Context<Self>) {
        if self.holds(died.generation) {
            self.after(died.generation, died.exit, ctx);
        }
    }
}

impl<A: Actor> actix::Handler<Halt> for Keeper<A> {
    type Result = ();

    fn handle(&mut self, _: Halt, ctx: &mut Context<Self>) {
        self.stopping = true;
        match (&self.current, self.handle.addr()) {
            (Some(_), Some(addr)) => addr.do_send(Halt),
            (Some(_), None) => {}
            (None, _) => self.bury(0, Exit::Stopped, ctx),
        }
    }
}
