//! What the scheduler and the dispatcher read and write.

mod apply;
mod places;
mod port;
mod state;
