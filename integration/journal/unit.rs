//! The unit file for systemd: what it must say so that the stops run.

use std::{collections::BTreeMap, fs, path::Path};

#[test]
fn the_unit_leaves_the_helpers_alone_and_replays() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/systemd/pikoci-server.service");
    let text = fs::read_to_string(path).unwrap();
    let (mut section, mut settings) = (String::new(), BTreeMap::new());
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.clone_into(&mut section);
            continue;
        }
        let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("`{line}` is no setting"));
        settings.insert(format!("{section}.{name}"), value.to_owned());
    }
    for (name, value) in [
        ("Unit.StartLimitIntervalSec", "0"),
        ("Service.KillMode", "process"),
        ("Service.Delegate", "yes"),
        ("Service.OOMPolicy", "continue"),
        ("Service.Restart", "always"),
        ("Service.RestartSec", "1"),
        ("Service.ExecStopPost", "/usr/local/bin/pikoci worker journal replay --wait"),
        ("Install.WantedBy", "multi-user.target"),
    ] {
        assert_eq!(settings.get(name).map(String::as_str), Some(value), "{name}");
    }
    // A step's grace and the time for all stops of a build, in seconds.
    let patience: u32 = settings["Service.TimeoutStopSec"].parse().unwrap();
    assert!(patience > 10 + 300);
}
