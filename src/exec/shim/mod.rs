//! The shim: one small process above everything a work item runs. It starts what the worker asks for, and when the
//! worker is gone it ends the steps, runs the registered stops in reverse order, and kills what is left.

mod cleaning;
mod deadline;
mod ending;
mod goodbye;
mod lifecycle;
mod orders;
mod reports;
mod serve;
mod services;
mod stop_output;
mod unit;

pub use serve::become_shim;
