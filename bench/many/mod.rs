//! Many machines: servers and workers that meet at a broker, with the databases and brokers of `integration/backends`.

pub mod crowd;
mod installation;
pub mod servers;
pub mod transports;
pub mod workers;

/// Whether the databases and brokers are said to be there.
pub fn are_backends_there() -> bool {
    std::env::var_os("PIKOCI_TEST_NATS").is_some()
}
