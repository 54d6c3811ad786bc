//! Giving a new shim the services that stood when their own was lost, to be stopped.

use std::os::fd::OwnedFd;

use super::connection::Connection;
use crate::journal::read_strike;
use crate::protocol::{Order, ServicePlan, UnitId};

/// A service without its shim.
pub struct Adopted {
    pub unit: UnitId,
    /// Without a start.
    pub plan: Box<ServicePlan>,
    /// Its intent file, open for writing.
    pub intent: Option<OwnedFd>,
}

impl Adopted {
    /// Whether nobody else has stopped it meanwhile.
    pub fn is_owed(&self) -> bool {
        let struck = self.intent.as_ref().and_then(|intent| read_strike(intent).ok());
        struck.is_none_or(|strike| strike.is_owed())
    }
}

/// Has them stopped, group by group, and the item ended. If the shim is gone, whoever hears it will know.
pub fn adopt(connection: &Connection, services: Vec<Adopted>) {
    for Adopted { unit, plan, intent } in services {
        let _ = connection.send(Order::Serve { unit, service: plan }, intent.into_iter().collect());
    }
    let _ = connection.send(Order::Finish, Vec::new());
}
