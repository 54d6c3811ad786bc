//! What outlives worker, nursery and shims: for each build an item directory with its lock, and in it one intent for
//! each service whose start may have been tried. An intent holds everything that its stop needs, so that whoever comes
//! after can run it.
//!
//! | below the state directory | what |
//! |---|---|
//! | `host.key` | seals the intents; made once, never replaced |
//! | `items/<item>/item` | the manifest: which build, which job, which work directory |
//! | `items/<item>/lock` | locked by the item's shim as long as it lives; its content is the completion mark |
//! | `items/<item>/<instance>.intent` | one for each service instance |
//! | `items/<item>/<instance>.stop.log` | what its stop printed, up to a bound |
//! | `slots/<job>/<n>` | the build slots of a job |
//! | `audit.log` | which intents a person had forgotten, and why |
//!
//! **Invariants.** An intent is on disk before its service's start is asked for. Striking one overwrites bytes that were
//! written when it was made, so that a full disk hinders nobody. A record that cannot be read is kept and shown, never
//! dropped. Nothing here follows a link.

mod audit;
mod directory;
mod durability;
mod error;
mod files;
mod host;
mod intent;
mod item;
mod lock;
mod process_life;
mod slots;
mod strike;
#[cfg(test)]
pub(crate) mod tests;
mod view;

pub use audit::Forgotten;
pub use directory::{NewItem, StateDirectory};
pub use error::JournalError;
pub use host::HostLife;
pub use intent::{Intent, IntentHeader, IntentRecord};
pub use item::{ItemDirectory, Manifest};
pub use lock::{ItemLock, LockState, mark_complete, mark_running, take as take_lock};
pub use process_life::ProcessLife;
pub(crate) use process_life::open_process;
pub use slots::Slot;
pub(crate) use strike::moment;
pub use strike::{Strike, StrikeState, Striker, note_run, note_started, read_strike, strike};
pub use view::{ItemView, ServiceView, StopState};
