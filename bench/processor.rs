//! What processes used of the processors: unlike elapsed time, it is nearly the same on a busy machine.

use std::fs;

/// Time on a processor, with that of children that were waited for.
pub fn seconds(pids: &[u32]) -> f64 {
    let stat = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    let ticks: u64 = pids.iter().filter_map(stat).map(|stat| ticks(&stat)).sum();
    // SAFETY: asks for a number.
    let second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    ticks as f64 / second.max(1) as f64
}

/// utime, stime, cutime and cstime, which follow the name in parentheses after eleven others.
fn ticks(stat: &str) -> u64 {
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    fields.skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum()
}

/// How many processes wanted a processor during the last minute, as the system says.
pub fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "17 (a) b) S 1 2 3 4 5 6 7 8 9 10 100 20 3 4 0 0";
        assert_eq!(ticks(stat), 127);
    }
}
