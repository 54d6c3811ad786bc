//! A build: its state, which changes are legal, its steps and its service instances.
//!
//! **Invariant:** [`BuildStatus::may_become`] and [`Phase::may_become`] are the only places that say which change is legal.

mod cause;
mod event;
mod row;
mod service;
mod status;
mod step;
mod stop_report;
mod waiting;

pub use cause::Cause;
pub use event::BuildEvent;
pub use row::{Build, BuildVersion, Claim};
pub use service::{ServiceRecord, ServiceState};
pub use status::{BuildStatus, Phase};
pub use step::StepRecord;
pub use stop_report::StopReport;
pub use waiting::Waiting;
