//! The worker: it takes builds and checks, and runs them on its own host.

mod expand;
mod exports;
mod outbox;
mod step_log;
mod environment;
mod secrets;
mod command;
mod docker;
mod template;
mod conduct;
mod record;
mod site;
mod hook;
mod perform;
mod step;
mod probe;
mod service_plan;
mod service;
mod fetch;
mod opening;
mod build;
mod check;
