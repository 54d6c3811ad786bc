//! Ports: everything the engine touches, as traits. Each has an adapter in `src/` and a behaving in-memory
//! implementation in `contract`; both pass the same suite.

mod bus;
mod clock;
mod compiler;
mod control;
mod journal;
mod launcher;
mod signals;
mod spill;
pub mod store;
mod waits;
mod workplace;

pub use bus::{Address, Arrival, Bus, BusError, Peer};
pub use clock::{Clock, Monotonic};
pub use compiler::{Compilation, CompileRequest, Compiler};
pub use control::{CheckRequested, Control, Refusal, SavePipeline, Saved, Trigger};
pub use journal::{Journal, LeftBehind};
pub use launcher::{
    Captured, EndedStop, HandedFile, Item, ItemBuild, LaunchError, Launcher, LeaseEnd, LogSink, Mask,
    Process, ProcessEnd, ServiceEnd, ServiceLaunch, Spawn, StopCommand, WorkItem,
};
pub use signals::{Signals, Topic};
pub use spill::Spill;
pub use store::{Store, StoreError};
pub use waits::Waits;
pub use workplace::{Workdir, Workplace, WorkplaceError};
