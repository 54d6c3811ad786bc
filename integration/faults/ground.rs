//! What a yard stands on: directories, scripts, control groups, and how its server is started.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use tempfile::TempDir;

use crate::{
    Fallible,
    course::{self, Play},
    engine::Engine,
    events::Ledger,
    fault::{Act, Twist},
    host::{Host, ORDINARY},
    kin::Mark,
    phase::Phase,
    pipeline,
    server::Start,
};

const SCRIPTS: [(&str, &str); 8] = [
    ("say.sh", include_str!("scripts/say.sh")),
    ("hello.sh", include_str!("scripts/hello.sh")),
    ("start.sh", include_str!("scripts/start.sh")),
    ("daemon.sh", include_str!("scripts/daemon.sh")),
    ("ready.sh", include_str!("scripts/ready.sh")),
    ("task.sh", include_str!("scripts/task.sh")),
    ("orphan.sh", include_str!("scripts/orphan.sh")),
    ("stop.sh", include_str!("scripts/stop.sh")),
];

pub fn mark(host: &Host, dir: &Path) -> Fallible<Mark> {
    let base = dir.file_name().unwrap_or_default().to_string_lossy();
    let name = format!("pikoci-faults-{}-{base}", std::process::id());
    let group = host.groups.as_ref().map(|mount| mount.join(&name));
    if let Some(group) = &group {
        fs::create_dir(group).map_err(|error| format!("{}: {error}", group.display()))?;
    }
    Ok(Mark { name, group })
}

pub fn user(host: &Host, play: &Play) -> Option<u32> {
    static OWN: AtomicU32 = AtomicU32::new(ORDINARY + 1);
    let ordinary = course::is_ordinary(play) && host.is_root;
    let own = play.cell.fault.twist == Twist::OwnUser;
    ordinary.then(|| if own { OWN.fetch_add(1, Ordering::Relaxed) } else { ORDINARY })
}

pub fn start(host: &Host, dir: &TempDir, mark: Mark, user: Option<u32>, play: &Play) -> Start {
    let lease = format!("{}ms", play.lease.as_millis());
    let mut flags: Vec<String> = ["--lease", &lease, "--renew-interval", "1s"].map(str::to_owned).into();
    if play.cell.fault.twist == Twist::Chaos {
        flags.extend(["--chaos-seed".to_owned(), play.seed.to_string()]);
    }
    Start {
        program: host.program.clone(),
        home: dir.path().to_owned(),
        name: "first".to_owned(),
        flags,
        mark,
        groups: Vec::new(),
        user,
        engine: host.engine.as_ref().map(Engine::host),
        boot: None,
        state_of: None,
        cable: (play.cell.fault.twist == Twist::Cut).then(|| dir.path().join("cut")),
        syncs_fail: (play.cell.fault.act == Act::NoSync).then(Arc::default),
    }
}

/// Scripts, pipeline and ledger.
pub fn lay_out(dir: &Path, play: &Play, user: Option<u32>, mark: Mark) -> Fallible<Ledger> {
    let text = |error: std::io::Error| format!("{}: {error}", dir.display());
    let scripts = dir.join("scripts");
    fs::create_dir(&scripts).map_err(text)?;
    fs::create_dir(scripts.join("gate")).map_err(text)?;
    // Without pipes a script meets no gate, and its words go to a file.
    let beside = dir.join("beside");
    fs::create_dir(&beside).map_err(text)?;
    give(&beside, user)?;
    for (name, content) in SCRIPTS {
        fs::write(scripts.join(name), content).map_err(text)?;
        fs::write(beside.join(name), content).map_err(text)?;
    }
    let hold = match play.cell.phase {
        Phase::Started => Some("hold-started"),
        Phase::MidStart => Some("hold-process"),
        _ => None,
    };
    if let Some(hold) = hold {
        fs::write(scripts.join(hold), "").map_err(text)?;
    }
    for name in ["faults.hcl", "beside.hcl"] {
        fs::write(dir.join(name), pipeline::text(play.cell, &play.kinds)).map_err(text)?;
    }
    give(dir, user)?;
    Ledger::open(&scripts.join("events"), mark)
}

pub fn give(dir: &Path, user: Option<u32>) -> Fallible<()> {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).map_err(|error| error.to_string())?;
    std::os::unix::fs::chown(dir, user, user).map_err(|error| error.to_string())
}

pub fn remove_groups(group: &Path) {
    entries(group).iter().filter(|entry| entry.is_dir()).for_each(|below| remove_groups(below));
    let _ = fs::remove_dir(group);
}

pub fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.path()).collect()
}
