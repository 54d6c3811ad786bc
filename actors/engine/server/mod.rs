//! The server: it finds versions, decides which builds should exist, gives them to workers, and keeps what they report.
//!
//! ```text
//! inbox ──▶ dispatcher   queued builds and due checks × ready workers
//!       ──▶ trackers     one tracker for each running build: the only writer of its row and its log
//!       ──▶ pipelines    for each pipeline that this server leads a checker and a scheduler
//!       ──▶ results      what checks found
//!       ──▶ janitor      workers that do not answer
//!       ──▶ peers        the other servers: who lives, what rang
//! ```
//!
//! Every actor is level-triggered: a message or a timer wakes it, it looks at the store, it acts, and the write is
//! conditional. Nothing an actor holds is the truth; each can be killed at any moment and is built anew.
//!
//! Several servers on one store and one transport share the work: workers each have a home, which offers to them and
//! judges them; a pipeline is checked and scheduled by the living server that all agree on; whichever server claims or
//! adopts a build tracks it. Agreement saves work only: every write that matters is conditional.
//!
//! Start it with [`Server::start`]; people ask through [`ServerHandle::control`]. To stop: [`ServerHandle::drain`], end
//! the process's own worker, [`ServerHandle::stop`].

mod board;
mod check_board;
mod checker;
mod claim;
mod control;
mod delete;
mod dispatcher;
mod gathering;
mod janitor;
mod meter;
mod peers;
mod pipelines;
mod reception;
mod reclaim;
mod record;
mod results;
mod save;
mod scheduler;
mod service_meter;
mod signals;
mod start;
mod stops;
mod tracker;
mod trackers;
mod world;

pub use meter::{ServerMeter, ServerMetrics};
pub use service_meter::{STOP_BOUNDS, ServiceCounts};
pub use signals::Bells;
pub use start::{Server, ServerHandle};
pub use world::{ServerDeps, Settings};
