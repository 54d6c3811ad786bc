//! Ports for servers that a test starts at a place that it must know before.

use std::{
    fs,
    net::TcpListener,
    sync::atomic::{AtomicUsize, Ordering},
};

/// Below these are those that everybody knows.
const FIRST: u16 = 10_000;

/// A port that nobody listens at, given once; below those that the kernel takes for outgoing connections, of which one
/// may begin at any moment.
pub fn free() -> u16 {
    static GIVEN: AtomicUsize = AtomicUsize::new(0);
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let outgoing: u16 = range.split_whitespace().next().unwrap().parse().unwrap();
    assert!(outgoing > FIRST, "no port is left below {outgoing}");
    let span = usize::from(outgoing - FIRST);
    // Other test programs run beside this one.
    let begin = std::process::id() as usize * 101;
    let mut candidates = (0..span).map(|_| {
        let number = begin + GIVEN.fetch_add(1, Ordering::Relaxed);
        FIRST + u16::try_from(number % span).unwrap()
    });
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    candidates.find(is_free).unwrap()
}
