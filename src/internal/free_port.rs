//! `free-port`: prints a TCP port that nobody on this machine listens on.

use std::net::{Ipv4Addr, TcpListener};

use super::Outcome;

/// The port is free now; whoever uses it must be ready to find it taken.
pub(super) fn run(_: &[String]) -> Outcome {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|e| format!("no free port: {e}"))?;
    let port = listener.local_addr().map_err(|e| format!("no free port: {e}"))?.port();
    super::answer(&port.to_string())
}
