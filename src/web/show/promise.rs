//! What is said about the services of a run: how many were started and stopped, and what may be alive.

use pikoci_model::build::{Build, ServiceState};

use super::lanes::Parts;
use crate::{
    page::{Promise, Unstopped},
    standing::Standing,
};

/// What is said about the services.
pub(super) fn promise(build: &Build, parts: &Parts) -> Promise {
    let started = parts.services.iter().filter(|service| service.state != ServiceState::Registered);
    let stopped = parts.services.iter().filter(|service| service.state == ServiceState::Stopped);
    let killed = parts.services.iter().filter(|service| service.killed > 0);
    let killed = killed.map(|service| match service.killed {
        1 => format!("{} needed SIGKILL", service.name),
        n => format!("{n} processes of {} needed SIGKILL", service.name),
    });
    Promise {
        done: parts.is_over,
        of_lost_run: parts.run < build.run,
        started: u32::try_from(started.count()).unwrap_or(u32::MAX),
        stopped: u32::try_from(stopped.count()).unwrap_or(u32::MAX),
        killed: killed.collect(),
        alive: parts.left.iter().map(|left| unstopped(left, parts.run)).collect(),
    }
}

fn unstopped(left: &Standing, shown: u32) -> Unstopped {
    let failure = left.record.failure.as_ref().map(ToString::to_string);
    let usual = if left.is_pending() { "" } else { "its stop failed" };
    Unstopped {
        service: left.record.name.clone(),
        worker: left.place(),
        pending: left.is_pending(),
        run: (left.run != shown).then_some(left.run),
        reason: failure.unwrap_or_else(|| usual.to_owned()),
    }
}
