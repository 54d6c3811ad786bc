//! `pikoci worker`: every setting, once.

use std::{collections::BTreeMap, path::PathBuf};

use clap::{Arg, ArgMatches, Command};
use pikoci_seal::mail::WorkerToken;
use serde::Deserialize;

use super::{
    BrokerConfig, BuildingConfig, ConfigError, Host, LogConfig, PubsubSystem,
    broker::BROKER_SETTINGS,
    building::BUILDING_SETTINGS,
    layers,
    log::LOG_SETTINGS,
    read_secret,
    setting::{Form, Setting, arguments, given, list},
};

const SETTINGS: [Setting; 5] = [
    (
        "pikoci-url",
        Some('u'),
        Form::Value,
        "",
        "Address of the server, for people: a worker needs the broker alone",
    ),
    (
        "worker-token",
        None,
        Form::Value,
        "",
        "What the server, or `pikoci worker-token`, gave for this worker",
    ),
    ("worker-token-file", None, Form::Value, "", "File that holds it"),
    ("name", None, Form::Value, "", "Name of this worker [random]"),
    ("queues", None, Form::List, "jobs,checks", "What is taken: jobs, checks or both"),
];

/// The settings of `pikoci worker`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct WorkerConfig {
    #[serde(skip)]
    pub broker: BrokerConfig,
    #[serde(skip)]
    pub building: BuildingConfig,
    #[serde(skip)]
    pub log: LogConfig,
    pub pikoci_url: Option<String>,
    pub worker_token: Option<String>,
    pub worker_token_file: Option<PathBuf>,
    pub name: Option<String>,
    #[serde(deserialize_with = "list")]
    pub queues: Vec<String>,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            broker: BrokerConfig::default(),
            building: BuildingConfig::default(),
            log: LogConfig::default(),
            pikoci_url: None,
            worker_token: None,
            worker_token_file: None,
            name: None,
            queues: vec!["jobs".to_owned(), "checks".to_owned()],
        }
    }
}

/// What the command line says.
pub struct WorkerFlags {
    given: BTreeMap<String, String>,
    file: Option<PathBuf>,
    /// Seed of the fault-injecting transport, for tests.
    pub chaos: Option<u64>,
    /// Another version than this program's, for tests.
    pub version: Option<String>,
}

impl WorkerFlags {
    /// The command with its flags.
    pub fn command() -> Command {
        let command = Command::new("worker").about("Run a worker, which needs a broker and a token").arg(
            Arg::new(layers::FILE_SETTING)
                .long(layers::FILE_SETTING)
                .short('c')
                .value_name("FILE")
                .help("TOML, YAML or JSON file of these settings (also CONFIG or PIKOCI_CONFIG)"),
        );
        let chaos = Arg::new("chaos-seed").long("chaos-seed").hide(true);
        let command = command.arg(chaos.value_parser(clap::value_parser!(u64)));
        let command = command.arg(Arg::new("pretend-version").long("pretend-version").hide(true));
        Self::lists().into_iter().fold(command, arguments)
    }

    fn lists() -> [&'static [Setting]; 4] {
        [&SETTINGS, &BUILDING_SETTINGS, &BROKER_SETTINGS, &LOG_SETTINGS]
    }

    /// Reads what was given.
    pub fn from_matches(matches: &ArgMatches) -> Self {
        Self {
            given: Self::lists().into_iter().flat_map(|settings| given(matches, settings)).collect(),
            file: matches.get_one::<String>(layers::FILE_SETTING).map(PathBuf::from),
            chaos: matches.get_one::<u64>("chaos-seed").copied(),
            version: matches.get_one::<String>("pretend-version").cloned(),
        }
    }
}

impl WorkerConfig {
    /// All names of settings.
    pub fn settings() -> Vec<String> {
        WorkerFlags::lists().into_iter().flatten().map(|(name, ..)| (*name).to_owned()).collect()
    }

    /// Puts the layers together and checks what one setting asks of another.
    ///
    /// # Errors
    /// What is wrong and what would be right.
    pub fn read(flags: &WorkerFlags, host: &Host) -> Result<Self, ConfigError> {
        let file = layers::file_of_settings(flags.file.as_deref(), host);
        let layers = layers::merge(&Self::settings(), file.as_deref(), host, flags.given.clone())?;
        let config =
            Self { broker: layers.read()?, building: layers.read()?, log: layers.read()?, ..layers.read()? };
        config.broker.check()?;
        config.building.check()?;
        config.log.check()?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |text: &str| Err(ConfigError::new(text));
        if self.broker.pubsub_system == PubsubSystem::Mem {
            return wrong("--pubsub-system is needed: nats, rabbit or kafka (mem is inside a server)");
        }
        if self.worker_token.is_none() && self.worker_token_file.is_none() {
            return wrong("--worker-token or --worker-token-file is needed (the server prints one at start)");
        }
        if self.queues.is_empty() || self.queues.iter().any(|queue| queue != "jobs" && queue != "checks") {
            return wrong("--queues: jobs, checks or both are expected");
        }
        Ok(())
    }

    /// The token.
    ///
    /// # Errors
    /// Its file cannot be read, or it is none.
    pub fn token(&self) -> Result<WorkerToken, ConfigError> {
        let file = self.worker_token_file.as_deref();
        let token = read_secret("worker-token", self.worker_token.clone(), file)?.unwrap_or_default();
        WorkerToken::read(&token).map_err(|error| ConfigError::new(format!("the worker token {error}")))
    }

    /// Whether it takes work of this queue.
    pub fn takes(&self, queue: &str) -> bool {
        self.queues.iter().any(|taken| taken == queue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<WorkerConfig, ConfigError> {
        let matches = WorkerFlags::command().no_binary_name(true).get_matches_from(args);
        let variables = [("NATS_SERVER_URL", "nats://broker"), ("WORKER_TOKEN", "a.b.c")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        WorkerConfig::read(&WorkerFlags::from_matches(&matches), &Host { variables })
    }

    #[test]
    fn a_broker_and_a_token_are_enough() {
        let config = read(&["--pubsub-system", "nats", "--queues", "checks", "--tags", "a,b"]).unwrap();
        assert!(config.takes("checks") && !config.takes("jobs") && config.building.tags == ["a", "b"]);
        let (_, broker) = config.broker.broker().unwrap().unwrap();
        assert_eq!((broker.address.as_str(), broker.prefix.as_str()), ("nats://broker", "pikoci"));
    }

    #[test]
    fn the_file_may_be_named_by_a_variable() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("worker.toml");
        std::fs::write(
            &file,
            "pubsub-system = \"nats\"\nnats-server-url = \"n\"\nworker-token = \"a.b.c\"\n",
        )
        .unwrap();
        let variables = [("PIKOCI_CONFIG".to_owned(), file.display().to_string())].into();
        let flags = WorkerFlags::from_matches(&WorkerFlags::command().get_matches_from(["worker"]));
        let config = WorkerConfig::read(&flags, &Host { variables }).unwrap();
        assert_eq!(config.worker_token.as_deref(), Some("a.b.c"));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let refused = read(&["--pubsub-system", "nats"]).unwrap().token().unwrap_err().to_string();
        assert!(refused.starts_with("the worker token "), "{refused}");
    }

    #[test]
    fn what_cannot_work_is_refused() {
        for (args, part) in [
            (vec![], "--pubsub-system is needed"),
            (vec!["--pubsub-system", "rabbitmq"], "--pubsub-system rabbit needs --rabbit-server-url"),
            (vec!["--pubsub-system", "nats", "--queues", "all"], "--queues: jobs, checks"),
            (vec!["--pubsub-system", "nats", "--exclusive-tags"], "needs --tags"),
            (vec!["--pubsub-system", "nats", "--queue-prefix", "a.b"], "--queue-prefix"),
        ] {
            let error = read(&args).unwrap_err().to_string();
            assert!(error.contains(part), "{args:?}: {error}");
        }
    }

    #[test]
    fn every_default_is_shown_as_it_is() {
        let all = WorkerFlags::lists().into_iter().flatten();
        let shown = all.filter(|(name, .., default, _)| !default.is_empty() && *name != "pubsub-system");
        let flags = shown.map(|(name, _, _, default, _)| format!("--{name}={default}"));
        let flags: Vec<String> = flags.chain(["--pubsub-system=nats".to_owned()]).collect();
        let explicit = read(&flags.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        let plain = read(&["--pubsub-system=nats"]).unwrap();
        assert_eq!(format!("{explicit:?}"), format!("{plain:?}"));
    }
}
