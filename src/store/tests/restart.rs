//! A database server that is killed and comes back.

use std::{
    net::TcpListener,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use pikoci_model::port::{
    StoreError,
    store::{AccountStore, BuildStore},
};
use pikoci_seal::HostKey;
use pikoci_store::{Database, DatabaseOptions};
use tokio::time::{sleep, timeout};

use crate::{
    disk::{insert, save},
    servers::open,
};

/// A server of this test alone.
struct Own {
    dir: tempfile::TempDir,
    name: &'static str,
    port: u16,
    again: Option<Child>,
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integration/backends")
}

impl Own {
    /// Starts it on ports that are free.
    fn start(name: &'static str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        // The script gives MariaDB the port behind the first one.
        let port = free.local_addr().unwrap().port();
        drop(free);
        let first = if name == "mariadb" { port - 1 } else { port };
        let own = Self { dir, name, port, again: None };
        assert!(own.script(first, "up").success(), "{name} does not start");
        own
    }

    fn script(&self, first: u16, act: &str) -> std::process::ExitStatus {
        let mut command = Command::new(script());
        command.env("BACKENDS_DIR", self.dir.path()).env("BACKENDS_PORT", first.to_string());
        command.args([act, self.name]).stdout(Stdio::null()).status().unwrap()
    }

    fn pid(&self) -> Pid {
        let file = self.dir.path().join(self.name).join("process");
        let text = std::fs::read_to_string(file).unwrap();
        Pid::from_raw(text.split(' ').next().unwrap().parse().unwrap())
    }

    /// Kills it, as hard as it can be without harm to others; gives how it was started.
    async fn kill(&self) -> (Vec<String>, u32, u32) {
        let pid = self.pid();
        let proc = PathBuf::from(format!("/proc/{pid}"));
        let words = std::fs::read_to_string(proc.join("cmdline")).unwrap();
        let words = words.split_terminator('\0').map(str::to_owned).collect();
        let owner = std::fs::metadata(proc.join("stat")).unwrap();
        // PostgreSQL ends its own processes at once, without a last word to the disk.
        kill(pid, if self.name == "postgresql" { Signal::SIGQUIT } else { Signal::SIGKILL }).unwrap();
        let gone = async {
            while is_alive(pid) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(20), gone).await.unwrap();
        (words, owner.uid(), owner.gid())
    }

    /// Starts it on the same data.
    fn start_again(&mut self, (words, user, group): (Vec<String>, u32, u32)) {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).uid(user).gid(group).current_dir("/");
        self.again = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    }

    fn database(&self) -> DatabaseOptions {
        let address = match self.name {
            "postgresql" => format!("postgresql://postgres@127.0.0.1:{}/postgres", self.port),
            _ => format!("mysql://root@127.0.0.1:{}/test", self.port),
        };
        match address.parse().unwrap() {
            Database::Server(options) => options,
            other => panic!("{other:?}"),
        }
    }
}

/// Whether a process runs: one that has ended may wait for somebody to take notice.
fn is_alive(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
}

impl Drop for Own {
    fn drop(&mut self) {
        match &mut self.again {
            Some(child) => {
                let pid = Pid::from_raw(child.id().cast_signed());
                kill(pid, if self.name == "postgresql" { Signal::SIGQUIT } else { Signal::SIGKILL }).ok();
                child.wait().ok();
            }
            None => drop(self.script(self.port, "down")),
        }
    }
}

async fn comes_back(name: &'static str) {
    let mut server = Own::start(name);
    if name == "mariadb" {
        let words = sqlx::raw_sql("CREATE DATABASE test");
        let address = format!("mysql://root@127.0.0.1:{}", server.port);
        let mut conn = <sqlx::MySqlConnection as sqlx::Connection>::connect(&address).await.unwrap();
        words.execute(&mut conn).await.unwrap();
    }
    let store = open(&server.database(), &HostKey::random().unwrap()).await.unwrap();
    let saved = save(&store, 0).await;
    let first = insert(&store, &saved, 1).await.unwrap();

    // Away for as long as nobody waits: it is said so, and nothing else.
    let how = server.kill().await;
    assert!(matches!(store.ping().await, Err(StoreError::Down(_))));
    assert!(matches!(insert(&store, &saved, 2).await, Err(StoreError::Down(_))));
    // Back while somebody waits: nobody notices.
    let (inserted, ()) = tokio::join!(insert(&store, &saved, 3), async { server.start_again(how) });
    let third = match inserted {
        Ok(third) => third,
        // It takes longer than a caller waits: the next one will do.
        Err(StoreError::Down(_)) => timeout(Duration::from_secs(60), async {
            loop {
                match insert(&store, &saved, 3).await {
                    Ok(third) => return third,
                    Err(error) => assert!(error.is_passing(), "{error}"),
                }
            }
        })
        .await
        .unwrap(),
        Err(other) => panic!("{other}"),
    };
    store.ping().await.unwrap();
    assert!(store.build(first).await.unwrap().is_some() && store.build(third).await.unwrap().is_some());
    store.close().await;
}

#[tokio::test]
async fn postgresql_comes_back() {
    comes_back("postgresql").await;
}

#[tokio::test]
async fn mariadb_comes_back() {
    comes_back("mariadb").await;
}
