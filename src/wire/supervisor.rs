//! Who started this process, and whether they leave its helpers alone when it ends.

use std::{fs, process::Command};

/// What is wrong with the settings of the supervisor that runs this process; none if there is none, or it is set right.
///
/// A supervisor that kills the whole control group with the worker kills the shims as well, and the stops with them.
pub fn supervision_warning() -> Option<String> {
    unit_warning(&own_unit(&fs::read_to_string("/proc/self/cgroup").ok()?)?)
}

/// The same of a unit by its name; none if systemd does not know it.
pub fn unit_warning(unit: &str) -> Option<String> {
    let asked = ["show", "--property=LoadState,KillMode", unit];
    let output = Command::new("systemctl").args(asked).output().ok()?;
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    let value = |name: &str| answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    (value("LoadState")? == "loaded").then(|| wrong_mode(unit, value("KillMode").unwrap_or_default()))?
}

/// The service that systemd runs this process as. Only systemd sets INVOCATION_ID, and only children of it have it, so
/// a shell in a session's scope is none.
fn own_unit(groups: &str) -> Option<String> {
    let path = groups.lines().find_map(|line| {
        line.strip_prefix("0::").or_else(|| line.split_once(":name=systemd:").map(|(_, path)| path))
    })?;
    let unit = path.split('/').find(|part| part.ends_with(".service") && !part.starts_with("user@"))?;
    std::env::var_os("INVOCATION_ID")?;
    Some(unit.to_owned())
}

fn wrong_mode(unit: &str, mode: &str) -> Option<String> {
    if mode.is_empty() || mode == "process" {
        return None;
    }
    Some(format!(
        "{unit} has KillMode={mode}: when the worker dies, systemd kills what would stop its services; expected KillMode=process"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_kill_mode_than_process_is_warned_of() {
        assert!(
            wrong_mode("pikoci-server.service", "control-group")
                .is_some_and(|text| text.contains("expected KillMode=process"))
        );
        assert_eq!(wrong_mode("pikoci-server.service", "process"), None);
        assert_eq!(wrong_mode("pikoci-server.service", ""), None);
    }
}
