//! The suites that every launcher and every workplace must pass.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use pikoci_exec::NurseryLauncher;
use pikoci_exec::journal::StateDirectory;
use pikoci_exec::workplace::{HostWorkplace, WorkplaceOptions};
use pikoci_model::contract::launcher::{Act, LauncherWorld, launcher_suite};
use pikoci_model::contract::workplace_suite;
use pikoci_model::port::Launcher;

use crate::fixture::{Holders, directory, launcher_with, lines, settings_in, within};

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

struct World {
    launcher: NurseryLauncher,
    place: tempfile::TempDir,
    heard: Mutex<Holders>,
}

impl World {
    fn new() -> Self {
        let place = directory();
        let heard = Mutex::new(Holders::new(place.path(), "heard"));
        let launcher = launcher_with(settings_in(&place.path().join("state")));
        Self { launcher, place, heard }
    }
}

#[async_trait::async_trait]
impl LauncherWorld for World {
    fn launcher(&self) -> &dyn Launcher {
        &self.launcher
    }

    fn directory(&self) -> PathBuf {
        self.place.path().to_owned()
    }

    fn argv(&self, act: Act<'_>) -> Vec<String> {
        let shell = |script: &str, argument: &str| {
            vec!["sh".into(), "-c".into(), script.into(), "sh".into(), argument.into()]
        };
        match act {
            Act::Exit(code) => shell("exit $1", &code.to_string()),
            Act::Say(words) => shell("echo \"$1\"", words),
            Act::Complain(words) => shell("echo \"$1\" >&2", words),
            Act::Show(name) => shell("eval \"echo \\\"$1=\\$$1\\\"\"", name),
            Act::Read(path) => vec!["cat".into(), path.into()],
            Act::Mark(word) => shell("echo \"$1\" >> marks; echo \"$1\" > heard", word),
            Act::Hang => vec!["sleep".into(), "1000".into()],
            Act::Missing => vec!["no-such-program-here".into()],
        }
    }

    fn env(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("PATH".to_owned(), PATH.to_owned())])
    }

    fn marks(&self) -> Vec<String> {
        lines(&self.place.path().join("marks"))
    }

    async fn marked(&self, word: &str) {
        tokio::task::block_in_place(|| self.heard.lock().unwrap().wait_for_text(word));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_launcher_passes_the_suite() {
    within(launcher_suite(|| Box::new(World::new()))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workplace_passes_the_suite() {
    let place = directory();
    let number = AtomicU32::new(0);
    let make = || {
        let root = place.path().join(number.fetch_add(1, Ordering::Relaxed).to_string());
        let options = WorkplaceOptions {
            state: Arc::new(StateDirectory::open(&root.join("state")).unwrap()),
            service_root: root.join("services"),
            root: root.join("work"),
            outbox_limit: 64 << 20,
            keep_workdir: false,
            inherited: BTreeMap::from([("PATH".to_owned(), PATH.to_owned())]),
            secret_environment: BTreeMap::new(),
            program: "/bin/true".into(),
            engine_socket: "/no/such/socket".into(),
        };
        Arc::new(HostWorkplace::new(options).unwrap())
    };
    within(workplace_suite(make)).await;
}
