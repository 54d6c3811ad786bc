//! `pikoci doctor`: whether this host owes anything, and whether it can keep what is promised.

use std::{
    fs,
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use clap::{Arg, ArgAction, ArgMatches, Command};
use nix::{
    sys::resource::{Resource, getrlimit},
    unistd::{AccessFlags, access},
};
use pikoci_exec::journal::ItemView;
use serde::Serialize;

use super::{Exit, console, worker};
use crate::{config::Host, wire};

/// How long an engine may take to answer.
const ENGINE_PATIENCE: Duration = Duration::from_secs(2);
/// Below these, a few builds at once come to an end for want of files or processes.
const FEW_FILES: u64 = 1024;
const FEW_PROCESSES: u64 = 512;
/// The units that the repository's `deploy/systemd` describes.
const UNITS: [&str; 2] = ["pikoci-server.service", "pikoci-worker.service"];

/// The command.
pub fn command() -> Command {
    Command::new("doctor")
        .about("Say what is wrong on this host; exit code 0 when no stop is pending")
        .arg(worker::state_dir())
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON"))
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    about: &'static str,
    verdict: Verdict,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Fine,
    /// Something is weaker than it could be.
    Weak,
    /// A stop is pending, or nobody can know.
    Pending,
}

fn found(about: &'static str, verdict: Verdict, text: impl Into<String>) -> Finding {
    Finding { about, verdict, text: text.into() }
}

/// Runs it.
pub fn run(matches: &ArgMatches) -> Exit {
    let host = Host::read();
    let given = matches.get_one::<String>("state-dir").map(String::as_str);
    let mut findings = journal(&host.state_directory_or(given));
    findings.push(control_groups());
    findings.push(engine(&host.engine_socket()));
    findings.extend(limits());
    findings.extend(supervision());
    let said = if matches.get_flag("json") {
        console::line(serde_json::to_string_pretty(&findings).unwrap_or_default())
    } else {
        console::line(findings.iter().map(line).collect::<Vec<_>>().join("\n"))
    };
    let pending = findings.iter().any(|finding| finding.verdict == Verdict::Pending);
    if pending { Exit::Failed } else { said }
}

fn line(finding: &Finding) -> String {
    let mark = match finding.verdict {
        Verdict::Fine => "ok     ",
        Verdict::Weak => "warning",
        Verdict::Pending => "PENDING",
    };
    format!("{mark}  {:<15} {}", finding.about, finding.text)
}

fn journal(directory: &Path) -> Vec<Finding> {
    let about = "journal";
    if !directory.exists() {
        let text = format!("none at {}: nothing was ever started from there", directory.display());
        return vec![found(about, Verdict::Fine, text)];
    }
    let state = match wire::journal(directory) {
        Ok(state) => state,
        Err(error) => return vec![found(about, Verdict::Pending, format!("cannot be used: {error}"))],
    };
    let views = match state.view() {
        Ok(views) => views,
        Err(error) => return vec![found(about, Verdict::Pending, format!("cannot be read: {error}"))],
    };
    let place = match state.warning() {
        Some(warning) => found(about, Verdict::Weak, warning),
        None => found(about, Verdict::Fine, format!("durable, at {}", state.path().display())),
    };
    [place].into_iter().chain(stops(&views)).collect()
}

fn stops(views: &[ItemView]) -> Vec<Finding> {
    let about = "stops";
    let held = views.iter().filter(|view| view.held).count();
    let mut pending = Vec::new();
    for view in views.iter().filter(|view| view.is_pending()) {
        let job = view.manifest.as_ref().map_or_else(String::new, |m| format!("{} #{}: ", m.job, m.number));
        let owed = view.services.iter().filter(|service| service.state.is_owed());
        pending.extend(
            owed.map(|service| found(about, Verdict::Pending, format!("{job}{}", worker::line(service)))),
        );
    }
    if pending.is_empty() {
        return vec![found(about, Verdict::Fine, format!("nothing pending; {held} builds running here"))];
    }
    pending
}

/// Without groups the reapers alone keep processes together; with them even a killed reaper loses nobody.
fn control_groups() -> Finding {
    let about = "control groups";
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let Some(path) = own.lines().find_map(|line| line.strip_prefix("0::")) else {
        return found(about, Verdict::Fine, "no version 2: reapers keep processes together");
    };
    let directory = Path::new("/sys/fs/cgroup").join(path.trim_start_matches('/'));
    if directory.join("cgroup.procs").exists() && access(&directory, AccessFlags::W_OK).is_ok() {
        return found(about, Verdict::Fine, format!("version 2, writable at {}", directory.display()));
    }
    found(about, Verdict::Fine, "version 2 cannot be used here: reapers keep processes together")
}

fn engine(socket: &Path) -> Finding {
    let about = "containers";
    let answer = || -> std::io::Result<bool> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(ENGINE_PATIENCE))?;
        stream.set_write_timeout(Some(ENGINE_PATIENCE))?;
        stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        Ok(answer.ends_with(b" 200"))
    };
    match answer() {
        Ok(true) => found(about, Verdict::Fine, format!("an engine answers at {}", socket.display())),
        Ok(false) => {
            found(about, Verdict::Weak, format!("{} does not answer like an engine", socket.display()))
        }
        Err(_) => {
            found(about, Verdict::Fine, format!("no engine at {}: docker tasks cannot run", socket.display()))
        }
    }
}

fn limits() -> Vec<Finding> {
    let about = "limits";
    let limit = |resource| getrlimit(resource).map_or(u64::MAX, |(soft, _)| soft);
    let of = |name: &str, has: u64, few: u64| {
        let shown = if has == u64::MAX { "unlimited".to_owned() } else { has.to_string() };
        let verdict = if has < few { Verdict::Weak } else { Verdict::Fine };
        let right = if has < few { format!(", expected {few} or more") } else { String::new() };
        found(about, verdict, format!("{name}: {shown}{right}"))
    };
    vec![
        of("open files", limit(Resource::RLIMIT_NOFILE), FEW_FILES),
        of("processes", limit(Resource::RLIMIT_NPROC), FEW_PROCESSES),
    ]
}

fn supervision() -> Vec<Finding> {
    if !Path::new("/run/systemd/system").exists() {
        let text = "no systemd: when worker and helpers are all killed, stops run at the next start";
        return vec![found("supervisor", Verdict::Fine, text)];
    }
    let warnings = UNITS.iter().filter_map(|unit| wire::unit_warning(unit));
    let warnings: Vec<_> = warnings.map(|text| found("supervisor", Verdict::Weak, text)).collect();
    if warnings.is_empty() {
        vec![found("supervisor", Verdict::Fine, "systemd leaves the helpers alone")]
    } else {
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_no_worker_was_nothing_is_pending_and_nothing_is_made() {
        let place = tempfile::tempdir().unwrap();
        let nowhere = place.path().join("state");
        assert_eq!(journal(&nowhere)[0].verdict, Verdict::Fine);
        assert!(!nowhere.exists());
    }

    #[test]
    fn an_empty_journal_owes_nothing_and_one_of_others_is_a_fault() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        assert!(journal(place.path()).iter().all(|finding| finding.verdict != Verdict::Pending));
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(journal(place.path())[0].verdict, Verdict::Pending);
    }
}
