//! A port for a service that has none of its own.
//!
//! Between the choice and the moment when the service listens, a second or more passes. A port that the kernel gives to
//! outgoing connections may be taken meanwhile by any program, so one below that range is chosen, by chance.

use std::{io, net::TcpListener};

/// Below it are ports that programs use by habit.
const LOWEST: u16 = 10_000;
/// Where the kernel begins to give ports away when it does not say.
const USUAL: u16 = 32_768;
/// So many are tried before the kernel is asked for one of its own.
const TRIES: usize = 64;

/// A port on which nobody listens now.
pub(super) fn free() -> io::Result<u16> {
    let range = usize::from(first_given_away().max(LOWEST + 1) - LOWEST);
    let random = uuid::Uuid::new_v4().as_u128();
    let mut tried = (0..TRIES).filter_map(|turn| {
        // Steps of a prime length, so that two who begin side by side do not go on side by side.
        let place = (random.wrapping_add(turn as u128 * 7_919) % range as u128) as u16;
        listen(LOWEST + place).ok()
    });
    tried.next().map_or_else(|| listen(0), Ok)
}

fn listen(port: u16) -> io::Result<u16> {
    // Whoever listens on all addresses listens here, too.
    let all = TcpListener::bind(("0.0.0.0", port))?;
    Ok(all.local_addr()?.port())
}

fn first_given_away() -> u16 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    range.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(USUAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_is_none_that_outgoing_connections_take() {
        for _ in 0..32 {
            let port = free().unwrap();
            assert!((LOWEST..first_given_away().max(LOWEST + 1)).contains(&port), "{port}");
            TcpListener::bind(("127.0.0.1", port)).unwrap();
        }
    }
}
