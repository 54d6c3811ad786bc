//! A nursery forked by `main`: what it and its shims take along of the worker, and what not.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use pikoci_exec::NurseryLauncher;
use pikoci_exec::nursery::{NurseryHandle, harden_worker, hide_arguments};

use crate::entry::FORKING;
use crate::fixture::{
    Holders, children_of, command, directory, is_root, open, run, service, settings, within,
};

const SECRET: &str = "a-secret-of-the-worker";

/// A command that reads what it can of the processes above it; root can read the worker's.
const SNOOP: &str = "process=$PPID; while test $process -gt 1; do \
    read name < /proc/$process/comm; case $name in pikoci-*) ;; *) test $(id -u) != 0 || break;; esac; \
    cat /proc/$process/environ /proc/$process/cmdline; ls /proc/$process/fd; \
    process=$(sed -n 's/^PPid:\\t//p' /proc/$process/status); done 2>/dev/null | tr '\\0' '\\n'";

/// Started with a directory and a secret as arguments; ends when it is killed.
pub fn play_forking_worker(nursery: NurseryHandle) {
    let place = std::env::args().nth(2).unwrap();
    hide_arguments(&[SECRET]);
    harden_worker().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let launcher = NurseryLauncher::new(nursery, settings());
        let item = open(&launcher).await;
        let place = Path::new(&place);
        let (alive, go) = (place.join("alive"), place.join("go"));
        let stop = format!(
            "exec 9>{}; echo stop >&9; until test -e {}; do sleep 0.02; done",
            alive.display(),
            go.display()
        );
        within(item.start_service(service("true", &stop, 0)).await.unwrap().wait()).await;
        let left = format!(
            "exec 9>{}; echo $PPID >&9; {{ env; {SNOOP}; echo snooped; }} >&9; sleep 1000",
            alive.display()
        );
        run(&item, command(&["sh", "-c", &left], None)).await;
    });
}

#[test]
fn the_worker_s_secrets_and_descriptors_stay_with_it() {
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let mut worker = Command::new(std::env::current_exe().unwrap())
        .arg(std::str::from_utf8(FORKING).unwrap())
        .args([place.path().as_os_str(), SECRET.as_ref()])
        .env("SECRET_KEY", SECRET)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    holders.wait_for_text("snooped\n");
    assert!(!holders.heard().contains(SECRET));
    let id = i32::try_from(worker.id()).unwrap();
    let seen = fs::read(format!("/proc/{id}/cmdline")).unwrap();
    assert!(!String::from_utf8_lossy(&seen).contains(SECRET));
    let (nursery, name) = children_of(id).first().unwrap().clone();
    assert_eq!(name, "pikoci-nursery");
    if is_root() {
        let environment = fs::read(format!("/proc/{nursery}/environ")).unwrap();
        assert!(environment.iter().all(|byte| *byte == 0));
        assert_eq!(fs::read_link(format!("/proc/{nursery}/cwd")).unwrap(), Path::new("/"));
    } else {
        assert!(fs::read(format!("/proc/{nursery}/environ")).is_err());
        assert!(fs::read(format!("/proc/{id}/environ")).is_err());
    }
    worker.kill().unwrap();
    // The stop has begun and waits: whoever reads the worker's output sees its end all the same.
    holders.wait_for_text("stop\n");
    let mut output = String::new();
    worker.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    worker.wait().unwrap();
    fs::write(place.path().join("go"), "").unwrap();
    holders.wait_until_gone();
}
