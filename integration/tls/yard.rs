//! A back end that speaks TLS only, one that does not speak it, and our server that shall reach them.

use std::{
    process::Command,
    sync::atomic::{AtomicU16, Ordering},
};

use tempfile::TempDir;

use crate::world::{
    deadline::until,
    program::{Start, fresh_mark, run},
};

/// How far the ports without TLS are from those with it.
const PLAIN: u16 = 6;
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/backends");

/// One of `integration/backends` with TLS, and another one without.
pub struct Encrypted {
    pub port: u16,
    pub plain: u16,
    pub ca: String,
    pub foreign: String,
    name: String,
    base: u16,
    home: TempDir,
}

/// What a server says that is started.
pub enum Said<'a> {
    Ready,
    /// Each of these words, and exit code 1.
    Refused(&'a [&'a str]),
}

impl Encrypted {
    pub fn start(name: &str) -> Self {
        static TAKEN: AtomicU16 = AtomicU16::new(0);
        let process = u16::try_from(std::process::id() % 800).unwrap();
        let base = 18_000 + process * 10 + TAKEN.fetch_add(10, Ordering::Relaxed) * 40 % 8000;
        let home = tempfile::tempdir().unwrap();
        // Servers that refuse root must reach their data.
        Command::new("chmod").arg("755").arg(home.path()).status().unwrap();
        let none = String::new;
        let mut yard =
            Self { port: 0, plain: 0, ca: none(), foreign: none(), name: name.to_owned(), base, home };
        for tls in [true, false] {
            yard.script(tls, &["up", name]);
        }
        let env = yard.script(true, &["env"]);
        let variable = |name: &str| {
            let (_, rest) = env.split_once(&format!("{name}=")).unwrap();
            rest.split_whitespace().next().unwrap().to_owned()
        };
        let address = variable(&format!("PIKOCI_TLS_{}", name.to_uppercase()));
        yard.port = address.rsplit_once(':').unwrap().1.split('/').next().unwrap().parse().unwrap();
        yard.plain = yard.port + PLAIN;
        (yard.ca, yard.foreign) = (variable("PIKOCI_TLS_CA"), variable("PIKOCI_TLS_FOREIGN"));
        yard
    }

    fn script(&self, tls: bool, args: &[&str]) -> String {
        let output = self.command(tls).args(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn command(&self, tls: bool) -> Command {
        let mut script = Command::new(SCRIPT);
        let base = if tls { self.base } else { self.base + PLAIN };
        script.env("BACKENDS_TLS", if tls { "1" } else { "" }).env("BACKENDS_PORT", base.to_string());
        script.env("BACKENDS_DIR", self.home.path().join(if tls { "encrypted" } else { "plain" }));
        script
    }

    /// Flags that name this database.
    pub fn database(&self, more: &[&str]) -> Vec<String> {
        let name = if self.name == "mariadb" { "mysql" } else { "postgres" };
        let mut flags = vec![
            format!("--db-system={}", self.name),
            "--db-host=localhost".to_owned(),
            format!("--db-port={}", self.port),
            "--db-user=pikoci".to_owned(),
            "--db-password=open-sesame".to_owned(),
            format!("--db-name={name}"),
        ];
        flags.extend(more.iter().map(|more| (*more).to_owned()));
        flags
    }

    pub fn try_database(&self, flags: &[String], expected: Said<'_>) {
        match expected {
            Said::Ready => {
                let mut start = Start::new(self.home.path()).args(&["--admin-password=correct horse"]);
                start.args.extend(flags.iter().cloned());
                let server = start.server();
                server.signal("TERM");
                let (status, log) = server.wait();
                assert!(status.success(), "{flags:?}: {log}");
            }
            Said::Refused(words) => {
                let mut args = vec!["server", "--listen=127.0.0.1:0"];
                args.extend(flags.iter().map(String::as_str));
                let output = run(self.home.path(), &args);
                let error = String::from_utf8(output.stderr).unwrap();
                assert_eq!(output.status.code(), Some(1), "{flags:?}: {error}");
                for word in words {
                    assert!(error.contains(word), "{flags:?}: \"{word}\" is not in: {error}");
                }
            }
        }
    }

    /// Starts a server, waits until `/health` says all these words of the broker; its log has them too.
    pub fn try_broker(&self, flags: &[String], words: &[&str]) {
        let prefix = format!("--queue-prefix=tls-{}", fresh_mark());
        let mut start = Start::new(self.home.path()).args(&["--admin-password=correct horse", &prefix]);
        start.args.extend(flags.iter().cloned());
        let mut server = start.server();
        "correct horse".clone_into(&mut server.password);
        let api = server.api();
        until(&format!("{words:?} in the state of the broker with {flags:?}"), || {
            let health = api.get("/health").body;
            let said = health["data"]["transport"].as_str()?.to_owned();
            words.iter().all(|word| said.contains(word)).then_some(())
        });
        if words != ["ok"] {
            until("the same in the log", || {
                words.iter().all(|word| server.log().contains(word)).then_some(())
            });
        }
        server.signal("TERM");
        let (status, log) = server.wait();
        assert!(status.success(), "{flags:?}: {log}");
    }
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        // One that did not come up has nothing to be taken down.
        for tls in [true, false] {
            self.command(tls).args(["down", &self.name]).output().ok();
        }
    }
}
