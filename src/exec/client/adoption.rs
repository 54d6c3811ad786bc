//! Giving a new shim the services that stood when their own was lost, to be stopped.

use std::os::fd::OwnedFd;

use super::connection::Connection;
use crate::protocol::{Order, ServicePlan, UnitId};

/// A service without its shim.
pub struct Adopted {
    pub unit: UnitId,
    /// Without a start.
    pub plan: Box<ServicePlan>,
    /// Its intent file, open for writing.
    pub intent: Option<OwnedFd>,
}

/// Has them stopped, group by group, and the item ended. If the shim is gone, whoever hears it will know.
pub fn adopt(connection: &Connection, services: Vec<Adopted>) {
    for Adopted { unit, plan, intent } in services {
        let _ = connection.send(Order::Serve { unit, service: plan }, intent.into_iter().collect());
    }
    let _ = connection.send(Order::Finish, Vec::new());
}
