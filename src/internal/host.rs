//! `host-check NAME PROGRAM…`: whether a service can run as a process of this worker.
//!
//! It must not be asked for what only containers can do, and its programs must be there. Prints
//! the directory of each program that is found, so that the script can call it.

use std::env;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Outcome, environment};

/// Parameters that mean something to containers only, and the value at which they mean nothing.
const CONTAINER_ONLY: [(&str, &str); 4] =
    [("image", ""), ("env", ""), ("data_tmpfs", "false"), ("pull_policy", "")];

/// Each program may name alternatives: `mariadbd|mysqld`. Prints one full path a line, in order.
pub(super) fn run(args: &[String]) -> Outcome {
    let [name, programs @ ..] = args else {
        return Err("usage: internal host-check NAME PROGRAM…".to_owned());
    };
    for (param, neutral) in CONTAINER_ONLY {
        let variable = format!("param_{param}");
        if environment::get(&variable).is_some_and(|value| value != neutral) {
            return Err(format!(
                "service {name}: `{param}` is for containers; remove it or set runtime = \"docker\""
            ));
        }
    }
    let paths = programs.iter().map(|program| find(name, program)).collect::<Result<Vec<_>, _>>()?;
    let lines: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    super::answer(&lines.join("\n"))
}

fn find(name: &str, alternatives: &str) -> Result<PathBuf, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let directories: Vec<PathBuf> = env::split_paths(&path).chain(server_directories()).collect();
    alternatives
        .split('|')
        .flat_map(|program| directories.iter().map(move |directory| directory.join(program)))
        .find(|candidate| is_program(candidate))
        .ok_or_else(|| {
            format!(
                "service {name}: no `{}` on this worker; install it or use docker",
                alternatives.replace('|', "` or `")
            )
        })
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Where distributions keep server programs that are not on everyone's `PATH`; the newest
/// PostgreSQL first.
fn server_directories() -> Vec<PathBuf> {
    let mut postgresql: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    postgresql.sort_unstable_by(|a, b| b.cmp(a));
    let fixed = ["/usr/lib/rabbitmq/bin", "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"];
    postgresql.into_iter().map(|(_, path)| path).chain(fixed.map(PathBuf::from)).collect()
}
