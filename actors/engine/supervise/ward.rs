//! A ward: one incarnation of an [`Actor`], as actix runs it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use actix::{ActorContext as _, Context, MessageResult};
use serde::Serialize;

use super::boundary;
use super::exit::{Exit, Flow, Obituary};
use super::guard::Guard;
use super::handle::{Child, Door, Handle};
use super::life::Life;
use super::roster::Roster;

/// Something alive: state that changes only in the synchronous code of its handlers.
pub trait Actor: Sized + Unpin + 'static {
    /// Messages that may wait. Each implementation says beside it why this many.
    const MAILBOX: usize;
    /// What tests and the admin page see of it.
    type State: Serialize;

    /// Runs once, after the factory and before the first message.
    ///
    /// # Errors
    /// The exit of an actor that cannot begin.
    fn started(&mut self, life: &mut Life<'_, Self>) -> Flow {
        let _ = life;
        Ok(())
    }

    /// Asked to stop. An actor with work to end in order begins it here, returns `Ok` and ends itself later.
    ///
    /// # Errors
    /// [`Exit::Stopped`] where nothing has to be ended first.
    fn stop(&mut self, life: &mut Life<'_, Self>) -> Flow {
        let _ = life;
        Err(Exit::Stopped)
    }

    /// Small, serialisable, free of secrets.
    fn state(&self) -> Self::State;
}

/// A message that the actor understands. There is no reply: an answer is another message.
pub trait Receive<M: Send + 'static>: Actor {
    /// # Errors
    /// The exit, when this message ends the actor.
    fn receive(&mut self, message: M, life: &mut Life<'_, Self>) -> Flow;
}

/// Starts a short-lived actor on this thread. It is not restarted: `parent` gets its [`Obituary`] in every case,
/// also when the factory panics. Must run inside an actix arbiter.
pub fn start<A: Actor>(
    roster: &Roster,
    name: impl Into<Arc<str>>,
    parent: Door<Obituary>,
    factory: impl FnOnce() -> A + Send + 'static,
) -> Child<A> {
    let name: Arc<str> = name.into();
    let handle = Handle::new(Arc::clone(&name));
    let generation = next_generation();
    let guard = Guard::new(move |exit| {
        parent.force(Obituary { name: name.to_string(), generation, exit, restarts: 0 });
    });
    let (child, roster) = (Child::new(handle.clone()), roster.clone());
    Birth { handle, generation, roster, factory: Box::new(factory), guard, retired: Arc::default() }.here();
    child
}

/// Generations are unique in the process, so a stale notice can be told from a new one.
pub(super) fn next_generation() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub(super) type Factory<A> = Box<dyn FnOnce() -> A + Send>;

/// An incarnation that is about to begin; unlike the actor it may cross to another thread.
pub(super) struct Birth<A: Actor> {
    pub(super) handle: Handle<A>,
    pub(super) generation: u64,
    pub(super) roster: Roster,
    pub(super) factory: Factory<A>,
    pub(super) guard: Guard,
    pub(super) retired: Arc<AtomicBool>,
}

impl<A: Actor> Birth<A> {
    /// Begins on this thread.
    pub(super) fn here(self) {
        <Ward<A> as actix::Actor>::create(move |ctx| self.settle(ctx));
    }

    /// Begins on another thread.
    pub(super) fn on(self, arbiter: &actix::ArbiterHandle) {
        <Ward<A> as actix::Actor>::start_in_arbiter(arbiter, move |ctx| self.settle(ctx));
    }

    fn settle(self, ctx: &mut Context<Ward<A>>) -> Ward<A> {
        use actix::AsyncContext as _;
        let Birth { handle, generation, roster, factory, guard, retired } = self;
        handle.seat(ctx.address(), generation);
        roster.born(handle.name(), generation, ctx.address());
        Ward { handle, generation, roster, factory: Some(factory), actor: None, guard, retired }
    }
}

/// The actix actor around an [`Actor`]: the boundary, the guard and the exit live here, once for all.
pub struct Ward<A: Actor> {
    handle: Handle<A>,
    generation: u64,
    roster: Roster,
    factory: Option<Factory<A>>,
    actor: Option<A>,
    guard: Guard,
    retired: Arc<AtomicBool>,
}

impl<A: Actor> Ward<A> {
    /// Runs `act` inside the boundary and obeys its flow.
    pub(super) fn enter(
        &mut self,
        ctx: &mut Context<Self>,
        act: impl FnOnce(&mut A, &mut Life<'_, A>) -> Flow,
    ) {
        if self.retired.load(Ordering::Relaxed) {
            return self.end(Exit::Hung, ctx);
        }
        let Some(actor) = self.actor.as_mut() else { return };
        let mut life = Life::new(ctx, &self.handle, &self.roster);
        let flow = boundary::catch(self.handle.name(), || act(actor, &mut life));
        self.obey(flow, ctx);
    }

    pub(super) fn obey(&mut self, flow: Result<Flow, boundary::Panic>, ctx: &mut Context<Self>) {
        match flow {
            Ok(Ok(())) => {}
            Ok(Err(exit)) => self.end(exit, ctx),
            Err(panic) => self.end(Exit::Panicked(panic.0), ctx),
        }
    }

    /// The state is dropped inside the boundary too: a panic in a `Drop` must not unwind into actix.
    fn end(&mut self, exit: Exit, ctx: &mut Context<Self>) {
        let actor = self.actor.take();
        let dropped = boundary::catch(self.handle.name(), move || drop(actor));
        let exit = match dropped {
            Err(panic) if !exit.is_fault() => Exit::Panicked(panic.0),
            _ => exit,
        };
        self.depart(exit);
        ctx.stop();
    }

    fn depart(&mut self, exit: Exit) {
        self.handle.vacate(self.generation);
        self.roster.died(self.generation, &exit);
        if exit.is_fault() {
            tracing::warn!(actor = %self.handle.name(), generation = self.generation, "actor ended: {exit}");
        }
        self.guard.close(exit);
    }
}

impl<A: Actor> Drop for Ward<A> {
    fn drop(&mut self) {
        if self.handle.vacate(self.generation) {
            self.roster.died(self.generation, &Exit::Dropped);
        }
    }
}

impl<A: Actor> actix::Actor for Ward<A> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let Some(factory) = self.factory.take() else { return };
        match boundary::catch(self.handle.name(), factory) {
            Ok(actor) => {
                self.actor = Some(actor);
                self.enter(ctx, A::started);
            }
            Err(panic) => self.end(Exit::Panicked(panic.0), ctx),
        }
    }
}

/// A message of the engine on its way through actix, with its place in the mailbox.
pub struct Told<M> {
    pub(super) message: M,
    pub(super) place: Option<Place>,
}

/// A place in a bounded mailbox, free again when dropped.
///
/// actix's own bound holds for one clone of an address only (tried: a fresh clone is never refused), so the places
/// are counted here.
pub struct Place(Arc<AtomicUsize>);

impl Place {
    /// Takes a place unless `bound` of them are taken.
    pub(super) fn take(taken: &Arc<AtomicUsize>, bound: usize) -> Option<Self> {
        let below = |count: usize| (count < bound).then_some(count + 1);
        taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, below).ok()?;
        Some(Place(Arc::clone(taken)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<M: Send + 'static> actix::Message for Told<M> {
    type Result = ();
}

impl<A: Receive<M>, M: Send + 'static> actix::Handler<Told<M>> for Ward<A> {
    type Result = ();

    fn handle(&mut self, told: Told<M>, ctx: &mut Context<Self>) {
        let Told { message, place } = told;
        drop(place);
        self.enter(ctx, |actor, life| actor.receive(message, life));
    }
}

/// Asks an actor to stop.
pub struct Halt;

impl actix::Message for Halt {
    type Result = ();
}

impl<A: Actor> actix::Handler<Halt> for Ward<A> {
    type Result = ();

    fn handle(&mut self, _: Halt, ctx: &mut Context<Self>) {
        self.enter(ctx, A::stop);
    }
}

/// Asks for the visible state; the answer is also the sign of life.
pub struct Observe;

impl actix::Message for Observe {
    type Result = Option<serde_json::Value>;
}

impl<A: Actor> actix::Handler<Observe> for Ward<A> {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, ctx: &mut Context<Self>) -> Self::Result {
        let mut seen = None;
        self.enter(ctx, |actor, _| {
            seen = serde_json::to_value(actor.state()).ok();
            Ok(())
        });
        MessageResult(seen)
    }
}
