//! Who keeps the actors alive, and who learns of their death.
//!
//! actix gives mailboxes and scheduling; it gives no supervision worth the name: a panicking handler takes its
//! actor with it in silence, its `Supervisor` restarts the same struct on every stop, and a panic while unwinding
//! aborts the process. Everything alive in PikoCI is therefore a [`Actor`] inside a [`Ward`](ward), and:
//!
//! - every handler and every spawned future runs inside a [`boundary`](boundary): a panic becomes [`Exit::Panicked`];
//! - the end of an actor is a value, [`Exit`], returned by a handler, never a hidden stop;
//! - a death guard exists before the factory runs, so no death goes unreported;
//! - the long-lived are kept by a [supervisor](keeper): a factory rebuilds them, with backoff, within a
//!   [`Budget`], and beyond it the parent is told ([`Obituary`]) and decides;
//! - the short-lived are started once ([`start`]); their parent gets the [`Obituary`] and ends their work in order;
//! - a [`Handle`] outlives the incarnations of its actor, and every incarnation has its own generation number;
//! - mailboxes are bounded; what does not fit comes back to the sender;
//! - the [`Roster`] shows who lives, in which state, and counts panics, errors, kills and restarts.
//!
//! Architecture invariant: messages go one way. Nobody awaits another actor's reply inside a handler; an answer is
//! another message, and async work comes back as a message to the actor that began it ([`Life::spawn`]).

mod boundary;
mod budget;
mod exit;
mod guard;
mod handle;
mod keeper;
mod life;
mod roster;
mod ward;

pub use boundary::{Panic, running, shielded};
pub use budget::Budget;
pub use exit::{Exit, Flow, Obituary};
pub use handle::{Child, Door, Handle, Undelivered};
pub use keeper::{Housing, Spec, supervise};
pub use life::{Job, Life};
pub use roster::{Count, Counts, Entry, Roster};
pub use ward::{Actor, Receive, start};
