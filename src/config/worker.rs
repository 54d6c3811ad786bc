//! `pikoci worker`: every setting, once.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use clap::{Arg, ArgMatches, Command};
use serde::Deserialize;

use super::{
    BrokerConfig, ConfigError, Host, PubsubSystem,
    broker::BROKER_SETTINGS,
    layers, read_secret,
    setting::{Form, Setting, arguments, duration, given, list},
};

const SETTINGS: [Setting; 19] = [
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
    ("tags", None, Form::List, "", "What the worker can do"),
    ("exclusive-tags", None, Form::Switch, "false", "Take tagged work only; needs --tags"),
    ("queues", None, Form::List, "jobs,checks", "What is taken: jobs, checks or both"),
    ("concurrency", None, Form::Value, "1", "Builds at once; checks have slots of their own"),
    ("drain-timeout", None, Form::Value, "10m", "How long SIGQUIT waits for running builds"),
    ("log-level", None, Form::Value, "info", "debug, info, warn or error"),
    ("log-format", None, Form::Value, "text", "text or json"),
    ("work-dir", None, Form::Value, "", "Where work directories and caches are [$XDG_CACHE_HOME/pikoci]"),
    ("keep-workdir", None, Form::Switch, "false", "Keep work directories"),
    (
        "state-dir",
        None,
        Form::Value,
        "",
        "Where the journal of services is [$XDG_STATE_HOME/pikoci, /var/lib/pikoci as root]",
    ),
    ("hook-timeout", None, Form::Value, "10m", "Limit of each hook after a cancel or timeout"),
    ("output-limit", None, Form::Value, "1073741824", "Bytes of a step's log; 0 = no limit"),
    (
        "outbox-limit",
        None,
        Form::Value,
        "268435456",
        "Bytes on disk, in --work-dir, for what builds say while no server takes it; 0 = none",
    ),
    (
        "secrets-dir",
        None,
        Form::Value,
        "",
        "Where relative paths of file secrets begin [the directory it is started in]",
    ),
    ("allow-secret-args", None, Form::Switch, "false", "Allow secrets in process arguments"),
];

/// The settings of `pikoci worker`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct WorkerConfig {
    #[serde(skip)]
    pub broker: BrokerConfig,
    pub pikoci_url: Option<String>,
    pub worker_token: Option<String>,
    pub worker_token_file: Option<PathBuf>,
    pub name: Option<String>,
    #[serde(deserialize_with = "list")]
    pub tags: Vec<String>,
    pub exclusive_tags: bool,
    #[serde(deserialize_with = "list")]
    pub queues: Vec<String>,
    pub concurrency: u32,
    #[serde(deserialize_with = "duration")]
    pub drain_timeout: Duration,
    pub log_level: String,
    pub log_format: String,
    pub work_dir: Option<PathBuf>,
    pub keep_workdir: bool,
    pub state_dir: Option<PathBuf>,
    #[serde(deserialize_with = "duration")]
    pub hook_timeout: Duration,
    pub output_limit: u64,
    pub outbox_limit: u64,
    pub secrets_dir: Option<PathBuf>,
    pub allow_secret_args: bool,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            broker: BrokerConfig::default(),
            pikoci_url: None,
            worker_token: None,
            worker_token_file: None,
            name: None,
            tags: Vec::new(),
            exclusive_tags: false,
            queues: vec!["jobs".to_owned(), "checks".to_owned()],
            concurrency: 1,
            drain_timeout: Duration::from_secs(600),
            log_level: "info".to_owned(),
            log_format: "text".to_owned(),
            work_dir: None,
            keep_workdir: false,
            state_dir: None,
            hook_timeout: Duration::from_secs(600),
            output_limit: 1 << 30,
            outbox_limit: 256 << 20,
            secrets_dir: None,
            allow_secret_args: false,
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
            Arg::new("config")
                .long("config")
                .short('c')
                .env("CONFIG")
                .value_name("FILE")
                .help("TOML, YAML or JSON file of these settings"),
        );
        let chaos = Arg::new("chaos-seed").long("chaos-seed").hide(true);
        let command = command.arg(chaos.value_parser(clap::value_parser!(u64)));
        let command = command.arg(Arg::new("pretend-version").long("pretend-version").hide(true));
        arguments(arguments(command, &SETTINGS), &BROKER_SETTINGS)
    }

    /// Reads what was given.
    pub fn from_matches(matches: &ArgMatches) -> Self {
        let lists: [&[Setting]; 2] = [&SETTINGS, &BROKER_SETTINGS];
        Self {
            given: lists.into_iter().flat_map(|settings| given(matches, settings)).collect(),
            file: matches.get_one::<String>("config").map(PathBuf::from),
            chaos: matches.get_one::<u64>("chaos-seed").copied(),
            version: matches.get_one::<String>("pretend-version").cloned(),
        }
    }
}

impl WorkerConfig {
    fn settings() -> Vec<String> {
        SETTINGS.iter().chain(&BROKER_SETTINGS).map(|(name, ..)| (*name).to_owned()).collect()
    }

    /// Puts the layers together and checks what one setting asks of another.
    ///
    /// # Errors
    /// What is wrong and what would be right.
    pub fn read(flags: &WorkerFlags, host: &Host) -> Result<Self, ConfigError> {
        let layers = layers::merge(&Self::settings(), flags.file.as_deref(), host, flags.given.clone())?;
        let config = Self { broker: layers.read()?, ..layers.read()? };
        config.broker.check()?;
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
        if self.exclusive_tags && self.tags.is_empty() {
            return wrong("--exclusive-tags needs --tags");
        }
        if self.queues.is_empty() || self.queues.iter().any(|queue| queue != "jobs" && queue != "checks") {
            return wrong("--queues: jobs, checks or both are expected");
        }
        if self.concurrency == 0 {
            return wrong("--concurrency must be at least 1");
        }
        if !matches!(self.log_level.as_str(), "debug" | "info" | "warn" | "error") {
            return wrong("--log-level must be debug, info, warn or error");
        }
        if !matches!(self.log_format.as_str(), "text" | "json") {
            return wrong("--log-format must be text or json");
        }
        Ok(())
    }

    /// The token.
    ///
    /// # Errors
    /// Its file cannot be read.
    pub fn token(&self) -> Result<String, ConfigError> {
        let file = self.worker_token_file.as_deref();
        Ok(read_secret("worker-token", self.worker_token.clone(), file)?.unwrap_or_default())
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
        assert_eq!(config.token().unwrap(), "a.b.c");
        assert!(config.takes("checks") && !config.takes("jobs") && config.tags == ["a", "b"]);
        let (_, broker) = config.broker.broker().unwrap().unwrap();
        assert_eq!((broker.address.as_str(), broker.prefix.as_str()), ("nats://broker", "pikoci"));
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
        let shown = SETTINGS.iter().filter(|(.., default, _)| !default.is_empty());
        let flags = shown.map(|(name, _, _, default, _)| format!("--{name}={default}"));
        let flags: Vec<String> = flags.chain(["--pubsub-system=nats".to_owned()]).collect();
        let explicit = read(&flags.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        let plain = read(&["--pubsub-system=nats"]).unwrap();
        assert_eq!(format!("{explicit:?}"), format!("{plain:?}"));
    }
}
