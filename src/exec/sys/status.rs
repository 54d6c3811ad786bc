//! What the kernel tells about a process.

use std::fs;
use std::time::Duration;

use nix::unistd::{SysconfVar, sysconf};

/// Field of the parent in `/proc/PID/stat`, counted as in proc(5).
pub const PARENT: usize = 4;
/// Field of the moment at which it began, in ticks since the host's start.
pub const START_TIME: usize = 22;

/// One numeric field of `/proc/PID/stat`. The name of the program, which may hold anything, is skipped.
pub fn stat_field(pid: i32, field: usize) -> Option<u64> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let after_name = text.iter().rposition(|byte| *byte == b')')? + 1;
    let rest = std::str::from_utf8(&text[after_name..]).ok()?;
    rest.split_ascii_whitespace().nth(field.checked_sub(3)?)?.parse().ok()
}

/// A time of `/proc/PID/stat`, which counts ticks since the host's start.
pub fn ticks(count: u64) -> Duration {
    let in_a_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().and_then(|ticks| u64::try_from(ticks).ok());
    Duration::from_millis(count.saturating_mul(1000) / in_a_second.unwrap_or(100).max(1))
}

/// Name and wait channel of a process that will not end, for the person who has to find out why.
pub fn explain(pid: i32) -> (String, String) {
    let read =
        |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default().trim().to_owned();
    (read("comm"), read("wchan"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_a_parent_and_a_name() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(stat_field(own, PARENT), Some(u64::from(std::os::unix::process::parent_id())));
        assert_eq!(stat_field(-1, PARENT), None);
        assert!(!explain(own).0.is_empty());
    }
}
