//! Who a process is: its number alone says nothing, because numbers are used again.

use std::fs;

use serde::{Deserialize, Serialize};

/// Field of the parent in `/proc/PID/stat`, counted as in proc(5).
pub const PARENT: usize = 4;
const START_TIME: usize = 22;

/// A process of one boot: number and the moment it started, in clock ticks since the boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    pub pid: i32,
    pub start_time: u64,
}

impl Identity {
    /// Who has this number now.
    pub fn of(pid: i32) -> Option<Self> {
        Some(Self { pid, start_time: stat_field(pid, START_TIME)? })
    }
}

/// One numeric field of `/proc/PID/stat`. The name of the program, which may hold anything, is skipped.
pub fn stat_field(pid: i32, field: usize) -> Option<u64> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let after_name = text.iter().rposition(|byte| *byte == b')')? + 1;
    let rest = std::str::from_utf8(&text[after_name..]).ok()?;
    rest.split_ascii_whitespace().nth(field.checked_sub(3)?)?.parse().ok()
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
    fn a_process_has_a_parent_and_a_moment_of_birth() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(Identity::of(own).unwrap().start_time > 0);
        assert_eq!(stat_field(own, PARENT), Some(u64::from(std::os::unix::process::parent_id())));
        assert!(Identity::of(-1).is_none());
    }
}
