//! What a handler may do beside changing its own state.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt as _, AsyncContext as _, Context, SpawnHandle};

use super::boundary::shielded;
use super::exit::{Exit, Obituary};
use super::handle::{Child, Door, Handle};
use super::roster::Roster;
use super::ward::{Actor, Receive, Ward, start};

/// The surroundings of a running handler.
pub struct Life<'a, A: Actor> {
    ctx: &'a mut Context<Ward<A>>,
    handle: &'a Handle<A>,
    roster: &'a Roster,
}

/// A future or timer that an actor began and may cancel. It ends with its actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job(SpawnHandle);

impl<'a, A: Actor> Life<'a, A> {
    pub(super) fn new(ctx: &'a mut Context<Ward<A>>, handle: &'a Handle<A>, roster: &'a Roster) -> Self {
        Life { ctx, handle, roster }
    }

    /// This actor's own handle.
    #[must_use]
    pub fn me(&self) -> Handle<A> {
        self.handle.clone()
    }

    /// The name given at the start.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        self.handle.name()
    }

    /// Where this process's actors are registered.
    #[must_use]
    pub fn roster(&self) -> &Roster {
        self.roster
    }

    /// A door to this actor for messages of one kind.
    #[must_use]
    pub fn door<M: Send + 'static>(&self) -> Door<M>
    where
        A: Receive<M>,
    {
        self.handle.door()
    }

    /// Starts a short-lived child; its [`Obituary`] comes to this actor.
    pub fn start<B: Actor>(
        &self,
        name: impl Into<Arc<str>>,
        factory: impl FnOnce() -> B + Send + 'static,
    ) -> Child<B>
    where
        A: Receive<Obituary>,
    {
        start(self.roster, name, self.door(), factory)
    }

    /// Runs `future` beside the mailbox; what it yields comes back as a message, straight into
    /// [`Receive::receive`] without a further hop. A panic in it ends this actor with [`Exit::Panicked`].
    pub fn spawn<M: Send + 'static>(&mut self, future: impl Future<Output = M> + 'static) -> Job
    where
        A: Receive<M>,
    {
        let future = shielded(Arc::clone(self.handle.name()), future);
        let act = actix::fut::wrap_future::<_, Ward<A>>(future).map(|outcome, ward, ctx| match outcome {
            Ok(message) => ward.enter(ctx, |actor, life| actor.receive(message, life)),
            Err(panic) => ward.obey(Ok(Err(Exit::Panicked(panic.0))), ctx),
        });
        Job(self.ctx.spawn(act))
    }

    /// Gives `message` to this actor after `delay`.
    pub fn later<M: Send + 'static>(&mut self, delay: Duration, message: M) -> Job
    where
        A: Receive<M>,
    {
        Job(self.ctx.run_later(delay, move |ward, ctx| {
            ward.enter(ctx, |actor, life| actor.receive(message, life));
        }))
    }

    /// Drops what [`spawn`](Self::spawn) or [`later`](Self::later) began; a finished job is ignored.
    pub fn cancel(&mut self, job: Job) {
        self.ctx.cancel_future(job.0);
    }
}
