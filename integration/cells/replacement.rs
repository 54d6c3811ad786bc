//! `deploy/redeploy`: one server takes another's place, and somebody answers at every moment.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use super::{
    broker::Broker,
    database::{Database, Place},
};
use crate::world::{
    api::Api,
    deadline::until,
    ports,
    processes::{Kin, alive, none_left},
    program::{MARK, binary, fresh_mark},
};

/// A machine with the two units, and a stand-in for what starts them.
struct Machine {
    home: tempfile::TempDir,
    mark: String,
    ports: [(&'static str, u16); 2],
    _place: Place,
}

impl Machine {
    fn new() -> Self {
        let (home, mark) = (tempfile::tempdir().unwrap(), fresh_mark());
        let name = format!("redeploy_{}", mark.replace('-', "_"));
        let place = Place::new(Database::Postgresql, &name);
        let ports = ["blue", "green"].map(|unit| (unit, ports::free()));
        let dir = |name: &str| {
            let path = home.path().join(name);
            fs::create_dir(&path).unwrap();
            path
        };
        let (settings, tools, _programs) = (dir("settings"), dir("tools"), dir("programs"));
        let flags = [place.flags(home.path()), Broker::Nats.flags(&name)].concat();
        let shared = flags.iter().map(|flag| {
            let (name, value) = flag.trim_start_matches('-').split_once('=').unwrap();
            format!("PIKOCI_{}='{value}'\n", name.to_uppercase().replace('-', "_"))
        });
        let more = format!(
            "PIKOCI_RUN_WORKER=false\nPIKOCI_JWT_SECRET=of-this-installation\nPIKOCI_STATE_DIR='{}'\n",
            home.path().join("state").display()
        );
        fs::write(settings.join("server.env"), shared.collect::<String>() + &more).unwrap();
        for (unit, port) in ports {
            fs::write(settings.join(format!("{unit}.env")), format!("PIKOCI_LISTEN=127.0.0.1:{port}\n"))
                .unwrap();
        }
        let stand_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("cells/systemctl.sh");
        symlink(stand_in, tools.join("systemctl")).unwrap();
        Self { home, mark, ports, _place: place }
    }

    fn redeploy(&self) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/redeploy");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(script);
        command.arg(binary()).env("PATH", format!("{}:{path}", self.path("tools").display()));
        command.env("HOUSE", self.home.path()).env("HOME", self.home.path()).env(MARK, &self.mark);
        command.env("REDEPLOY_PROGRAMS", self.path("programs"));
        command.env("REDEPLOY_SETTINGS", self.path("settings"));
        command.output().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn log(&self, unit: &str) -> String {
        fs::read_to_string(self.path(&format!("{unit}.log"))).unwrap_or_default()
    }

    /// The one server that runs.
    fn alone(&self, unit: &str) {
        until(&format!("{unit} alone"), || {
            let servers = alive(&self.mark, Kin::All);
            let mine = format!("{} server", self.path(&format!("programs/{unit}")).display());
            servers
                .iter()
                .all(|found| found.command.starts_with(&mine) || found.command.starts_with("pikoci-"))
                .then_some(())
        });
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // A test that failed left its servers.
        for (unit, _) in self.ports {
            let note = fs::read_to_string(self.path(&format!("{unit}.pid"))).unwrap_or_default();
            if thread::panicking() && !note.is_empty() {
                eprintln!("--- {unit} said ---\n{}", self.log(unit));
                let _ = Command::new("kill").args(["-KILL", note.trim()]).status();
            }
        }
    }
}

fn answers(port: u16) -> bool {
    ureq::get(&format!("http://127.0.0.1:{port}/health")).call().is_ok()
}

#[test]
fn a_server_is_replaced_without_a_gap() {
    let machine = Machine::new();
    let expect = |unit: &str| {
        let output = machine.redeploy();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{output:?}\n{}", machine.log(unit));
        assert!(said.contains(&format!("{unit} answers on")), "{said}");
        machine.alone(unit);
    };
    expect("blue");

    let (over, ports) = (Arc::new(AtomicBool::new(false)), machine.ports.map(|(_, port)| port));
    let watch = thread::spawn({
        let over = Arc::clone(&over);
        move || {
            let mut gaps = 0;
            while !over.load(Ordering::Relaxed) {
                gaps += usize::from(!ports.into_iter().any(answers));
            }
            gaps
        }
    });
    expect("green");
    expect("blue");
    over.store(true, Ordering::Relaxed);
    assert_eq!(watch.join().unwrap(), 0, "nobody answered for a while");

    assert_eq!(Api::anonymous(&format!("http://127.0.0.1:{}", ports[0])).get("/health").status, 200);
    let end = Command::new(machine.path("tools/systemctl"))
        .args(["stop", "pikoci-server@blue"])
        .env("HOUSE", machine.home.path())
        .status();
    assert!(end.unwrap().success());
    none_left(&machine.mark, Kin::All);
}
