//! What outlives the worker: stops that are owed are run, by whoever comes next.

mod by_hand;
mod deaths;
mod house;
