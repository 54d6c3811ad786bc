//! The vocabulary of PikoCI and its contracts.
//!
//! Everything here is plain data, pure functions on that data, messages with stable wire names, and *ports*: the
//! traits through which the engine touches the world. The crate has no SQL, no HCL, no HTTP, no process, no async
//! runtime and no wall clock.
//!
//! | where | what |
//! |---|---|
//! | [`id`], [`text`], [`pipeline`], [`step`], [`gets`], [`version`], [`watermark`], [`plan`], [`build`], [`progress`], [`check`], [`log`], [`outcome`], [`diagnostic`] | the nouns |
//! | [`message`] | what travels between a server and its workers |
//! | [`port`] | store, bus, launcher, workplace, clock, compiler, control, signals |
//! | `contract` (feature `contract`) | the suites every implementation of a port must pass |
//!
//! **Invariant:** only [`build`] says which change of a build's state is legal; [`progress`] applies what is reported.

pub mod build;
pub mod check;
#[cfg(feature = "contract")]
pub mod contract;
pub mod diagnostic;
pub mod gets;
pub mod id;
pub mod log;
pub mod message;
pub mod outcome;
pub mod pipeline;
pub mod plan;
pub mod port;
pub mod progress;
pub mod scheduling;
pub mod step;
pub mod text;
pub mod version;
pub mod watermark;
pub mod worker;
