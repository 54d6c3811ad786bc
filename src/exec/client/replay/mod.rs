//! Running the stops that earlier lives owe: at a worker's start, when a build of this life left one that failed, or by
//! hand. There is one way to do it: a shim that takes the item's lock and adopts what stands ([`super::adoption`]).

mod by_hand;
mod keeper;
mod once;

pub use by_hand::replay_now;
pub use keeper::{HostJournal, Keep};
