//! Servers and workers of one installation, as processes on this machine.

use std::{
    fs,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    Bench, Fallible,
    client::Client,
    server::{Home, Server},
};

/// Workers that are not there after this time never come.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks; nothing is measured meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// What carries words between server and workers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Broker {
    Nats,
    Rabbit,
    Kafka,
}

/// Where state is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgresql,
}

impl Broker {
    pub fn name(self) -> &'static str {
        match self {
            Self::Nats => "NATS",
            Self::Rabbit => "RabbitMQ",
            Self::Kafka => "Kafka",
        }
    }

    fn arguments(self) -> Fallible<[String; 4]> {
        let (system, flag, place) = match self {
            Self::Nats => ("nats", "--nats-server-url", address("NATS")?),
            Self::Rabbit => ("rabbit", "--rabbit-server-url", address("RABBITMQ")?),
            Self::Kafka => ("kafka", "--kafka-brokers", address("KAFKA")?),
        };
        Ok(["--pubsub-system".into(), system.into(), flag.into(), place])
    }
}

/// Where a backend is.
pub fn address(of: &str) -> Fallible<String> {
    let name = format!("PIKOCI_TEST_{of}");
    std::env::var(&name).map_err(|_| {
        format!("{name} is not set: `integration/backends up` and `eval \"$(integration/backends env)\"`")
            .into()
    })
}

/// A directory, a database and a name at the broker, for servers and workers that belong together.
pub struct Installation<'a> {
    bench: &'a Bench,
    home: Home,
    /// What all its names at the broker begin with.
    pub prefix: String,
    broker: Vec<String>,
    database: Vec<String>,
}

/// A running worker. Killed when dropped.
pub struct Worker(Child);

impl<'a> Installation<'a> {
    pub fn new(bench: &'a Bench, broker: Broker, database: Database, pipeline: &str) -> Fallible<Self> {
        let home = Home::new(bench, pipeline)?;
        fs::write(home.path().join("secret"), "what all of this installation know")?;
        let name = home.path().file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let prefix: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let mut words = broker.arguments()?.to_vec();
        words.extend(["--queue-prefix".to_owned(), prefix.clone()]);
        let database = match database {
            Database::Sqlite => ["--db-system", "sqlite", "--db-name", "data.db"].map(str::to_owned).to_vec(),
            Database::Postgresql => postgresql(&prefix)?,
        };
        Ok(Self { bench, home, prefix, broker: words, database })
    }

    /// Starts a server without a worker inside.
    pub fn server(&self) -> Fallible<Server> {
        let mut words = vec!["--run-worker=false", "--jwt-secret-file", "secret"];
        words.extend(self.broker.iter().chain(&self.database).map(String::as_str));
        self.home.start_with(self.bench, &words)
    }

    /// A token for workers.
    pub fn token(&self) -> Fallible<String> {
        let mut command = Command::new(&self.bench.program);
        command.args(["worker-token", "--jwt-secret-file", "secret"]).current_dir(self.home.path());
        Ok(String::from_utf8(command.stderr(Stdio::inherit()).output()?.stdout)?.trim().to_owned())
    }

    /// Starts workers with so many slots each, and waits until a server knows all of them.
    pub fn workers(&self, client: &Client, count: usize, slots: usize) -> Fallible<Vec<Worker>> {
        fs::write(self.home.path().join("token"), self.token()?)?;
        let started = (0..count).map(|number| self.worker(number, slots)).collect::<Fallible<Vec<_>>>()?;
        wait_for_workers(client, count)?;
        Ok(started)
    }

    fn worker(&self, number: usize, slots: usize) -> Fallible<Worker> {
        let name = format!("w{number}");
        fs::create_dir_all(self.home.path().join(&name))?;
        let mut command = self.home.command(self.bench, "worker", &name)?;
        command.args(["--worker-token-file", "token", "--name", &name]).args(&self.broker);
        command.args(["--concurrency", &slots.to_string()]).stdout(Stdio::null());
        Ok(Worker(command.spawn()?))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It has nothing to do any more, and nobody asks how it ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until so many workers are there.
pub fn wait_for_workers(client: &Client, count: usize) -> Fallible<()> {
    let began = Instant::now();
    loop {
        let known = client.workers()?;
        if known >= count {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("{known} of {count} workers came").into());
        }
        std::thread::sleep(LOOK);
    }
}

/// A new database at the server.
fn postgresql(name: &str) -> Fallible<Vec<String>> {
    let url = address("POSTGRESQL")?;
    let create = Command::new("psql")
        .args(["--quiet", "--dbname", &url, "--command", &format!("CREATE DATABASE {name}")])
        .status()
        .map_err(|error| format!("psql: {error}"))?;
    if !create.success() {
        return Err(format!("psql cannot create a database at {url}").into());
    }
    let place = url.split_once("://").map_or(url.as_str(), |(_, place)| place);
    let (who, place) = place.split_once('@').unwrap_or(("postgres", place));
    let (user, password) = who.split_once(':').unwrap_or((who, ""));
    let (host, port) =
        place.split('/').next().and_then(|place| place.split_once(':')).unwrap_or((place, "5432"));
    let mut words = vec![("--db-system", "postgresql"), ("--db-name", name), ("--db-host", host)];
    words.extend([("--db-port", port), ("--db-user", user)]);
    if !password.is_empty() {
        words.push(("--db-password", password));
    }
    Ok(words.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value.to_owned()]).collect())
}
