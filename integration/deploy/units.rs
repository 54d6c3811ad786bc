//! The units for systemd: what they must say so that the stops run, and so that a server is replaced without a gap.

use std::{collections::BTreeMap, fs};

use super::{directory, read};

/// `Section.Name` → the last value.
fn settings(unit: &str) -> BTreeMap<String, String> {
    let (mut section, mut settings) = (String::new(), BTreeMap::new());
    let text = read(&format!("systemd/{unit}"));
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.clone_into(&mut section);
            continue;
        }
        let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("{unit}: `{line}` is no setting"));
        settings.insert(format!("{section}.{name}"), value.to_owned());
    }
    settings
}

fn expect(unit: &str, expected: &[(&str, &str)]) {
    let settings = settings(unit);
    for (name, value) in expected {
        assert_eq!(settings.get(*name).map(String::as_str), Some(*value), "{unit}: {name}");
    }
}

#[test]
fn where_builds_run_the_helpers_are_left_alone_and_the_journal_is_replayed() {
    for (unit, command) in [("pikoci-server.service", "server"), ("pikoci-worker.service", "worker")] {
        expect(
            unit,
            &[
                ("Unit.StartLimitIntervalSec", "0"),
                ("Service.ExecStart", &format!("/usr/local/bin/pikoci {command}")),
                ("Service.KillMode", "process"),
                ("Service.Delegate", "yes"),
                ("Service.OOMPolicy", "continue"),
                ("Service.Restart", "always"),
                ("Service.RestartSec", "1"),
                ("Service.ExecStopPost", "/usr/local/bin/pikoci worker journal replay --wait"),
                ("Install.WantedBy", "multi-user.target"),
            ],
        );
        // A step's grace and the time for all stops of a build, in seconds.
        let patience: u32 = settings(unit)["Service.TimeoutStopSec"].parse().unwrap();
        assert!(patience > 10 + 300, "{unit}");
    }
}

#[test]
fn a_server_that_others_replace_is_stopped_by_a_drain() {
    expect(
        "pikoci-server@.service",
        &[
            ("Unit.StartLimitIntervalSec", "0"),
            ("Service.KillSignal", "SIGQUIT"),
            ("Service.Restart", "always"),
            ("Service.ExecStart", "/usr/local/lib/pikoci/%i server"),
        ],
    );
    // The default of --drain-timeout is ten minutes.
    let patience: u32 = settings("pikoci-server@.service")["Service.TimeoutStopSec"].parse().unwrap();
    assert!(patience > 600);
}

#[test]
fn no_unit_is_forgotten() {
    let mut units: Vec<String> = fs::read_dir(directory().join("systemd"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    units.sort();
    assert_eq!(units, ["pikoci-server.service", "pikoci-server@.service", "pikoci-worker.service"]);
}
