//! How actors are addressed: by a handle that outlives their incarnations.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use actix::prelude::SendError;
use actix::{Addr, Recipient};

use super::ward::{Actor, Halt, Place, Receive, Told, Ward};

/// Names one actor over all its incarnations. Cloning is cheap; a handle does not keep its actor alive.
pub struct Handle<A: Actor> {
    slot: Arc<Slot<A>>,
}

struct Slot<A: Actor> {
    name: Arc<str>,
    keeper: OnceLock<Recipient<Halt>>,
    taken: Arc<AtomicUsize>,
    seat: RwLock<Seat<A>>,
}

struct Seat<A: Actor> {
    generation: u64,
    addr: Option<Addr<Ward<A>>>,
}

/// A message that did not go in; it comes back to the sender.
#[derive(thiserror::Error)]
pub enum Undelivered<M> {
    /// The mailbox is at its bound: the receiver is behind.
    #[error("the mailbox is full")]
    Full(M),
    /// The actor is dead or just being rebuilt.
    #[error("the actor is down")]
    Down(M),
}

impl<M> fmt::Debug for Undelivered<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Undelivered::Full(_) => "Full(..)",
            Undelivered::Down(_) => "Down(..)",
        })
    }
}

impl<A: Actor> Handle<A> {
    pub(super) fn new(name: Arc<str>) -> Self {
        let seat = RwLock::new(Seat { generation: 0, addr: None });
        Handle { slot: Arc::new(Slot { name, keeper: OnceLock::new(), taken: Arc::default(), seat }) }
    }

    /// The name given at the start.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.slot.name
    }

    /// The incarnation that is alive, if one is.
    #[must_use]
    pub fn generation(&self) -> Option<u64> {
        let seat = self.slot.seat.read().unwrap_or_else(PoisonError::into_inner);
        seat.addr.is_some().then_some(seat.generation)
    }

    /// Puts `message` into the mailbox.
    ///
    /// # Errors
    /// Gives the message back when the mailbox is full or nobody is alive.
    pub fn tell<M: Send + 'static>(&self, message: M) -> Result<(), Undelivered<M>>
    where
        A: Receive<M>,
    {
        let Some(addr) = self.addr() else { return Err(Undelivered::Down(message)) };
        let Some(place) = Place::take(&self.slot.taken, A::MAILBOX) else {
            return Err(Undelivered::Full(message));
        };
        addr.try_send(Told { message, place: Some(place) }).map_err(|error| match error {
            SendError::Full(told) => Undelivered::Full(told.message),
            SendError::Closed(told) => Undelivered::Down(told.message),
        })
    }

    /// A door for one kind of message that hides the actor's type.
    #[must_use]
    pub fn door<M: Send + 'static>(&self) -> Door<M>
    where
        A: Receive<M>,
    {
        Door { behind: Arc::new(self.clone()) }
    }

    /// Asks the actor to stop in order; its obituary tells when it is gone. Asking twice does no harm.
    pub fn stop(&self) {
        match self.slot.keeper.get() {
            Some(keeper) => keeper.do_send(Halt),
            None => {
                if let Some(addr) = self.addr() {
                    addr.do_send(Halt);
                }
            }
        }
    }

    pub(super) fn addr(&self) -> Option<Addr<Ward<A>>> {
        self.slot.seat.read().unwrap_or_else(PoisonError::into_inner).addr.clone()
    }

    pub(super) fn keep(&self, keeper: Recipient<Halt>) {
        // A handle gets one keeper, at its birth; a second would be a defect of this module and changes nothing.
        let _ = self.slot.keeper.set(keeper);
    }

    pub(super) fn seat(&self, addr: Addr<Ward<A>>, generation: u64) {
        let mut seat = self.slot.seat.write().unwrap_or_else(PoisonError::into_inner);
        if generation >= seat.generation {
            *seat = Seat { generation, addr: Some(addr) };
        }
    }

    /// Frees the seat if `generation` still holds it; says whether it did.
    pub(super) fn vacate(&self, generation: u64) -> bool {
        let mut seat = self.slot.seat.write().unwrap_or_else(PoisonError::into_inner);
        seat.generation == generation && seat.addr.take().is_some()
    }
}

impl<A: Actor> Clone for Handle<A> {
    fn clone(&self) -> Self {
        Handle { slot: Arc::clone(&self.slot) }
    }
}

impl<A: Actor> fmt::Debug for Handle<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("name", &self.name()).field("generation", &self.generation()).finish()
    }
}

/// The handle that a parent holds: dropping it asks the child to stop, so no child outlives its parent's state.
pub struct Child<A: Actor>(Handle<A>);

impl<A: Actor> Child<A> {
    pub(super) fn new(handle: Handle<A>) -> Self {
        Child(handle)
    }

    /// A handle that does not stop the child when dropped.
    #[must_use]
    pub fn handle(&self) -> Handle<A> {
        self.0.clone()
    }
}

impl<A: Actor> Deref for Child<A> {
    type Target = Handle<A>;

    fn deref(&self) -> &Handle<A> {
        &self.0
    }
}

impl<A: Actor> Drop for Child<A> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl<A: Actor> fmt::Debug for Child<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

trait Behind<M>: Send + Sync {
    fn tell(&self, message: M) -> Result<(), Undelivered<M>>;
    fn force(&self, message: M);
}

impl<A: Receive<M>, M: Send + 'static> Behind<M> for Handle<A> {
    fn tell(&self, message: M) -> Result<(), Undelivered<M>> {
        Handle::tell(self, message)
    }

    fn force(&self, message: M) {
        if let Some(addr) = self.addr() {
            addr.do_send(Told { message, place: None });
        }
    }
}

/// A way in for messages of one kind; who stands behind it is not visible.
pub struct Door<M> {
    behind: Arc<dyn Behind<M>>,
}

impl<M: Send + 'static> Door<M> {
    /// Puts `message` into the mailbox behind the door.
    ///
    /// # Errors
    /// Gives the message back when the mailbox is full or nobody is alive.
    pub fn tell(&self, message: M) -> Result<(), Undelivered<M>> {
        self.behind.tell(message)
    }

    /// Past the bound: for notices whose number is bounded by what the receiver itself started, and that must not
    /// be lost to a full mailbox (obituaries, ends of work).
    pub fn force(&self, message: M) {
        self.behind.force(message);
    }

    /// A door into a closure, for receivers that are not actors. The closure must not block or panic.
    #[must_use]
    pub fn into_fn(receive: impl Fn(M) + Send + Sync + 'static) -> Self {
        Door { behind: Arc::new(Closure(receive)) }
    }
}

struct Closure<F>(F);

impl<M: Send + 'static, F: Fn(M) + Send + Sync> Behind<M> for Closure<F> {
    fn tell(&self, message: M) -> Result<(), Undelivered<M>> {
        (self.0)(message);
        Ok(())
    }

    fn force(&self, message: M) {
        (self.0)(message);
    }
}

impl<M> Clone for Door<M> {
    fn clone(&self) -> Self {
        Door { behind: Arc::clone(&self.behind) }
    }
}

impl<M> fmt::Debug for Door<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Door")
    }
}
