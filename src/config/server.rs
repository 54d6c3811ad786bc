//! `pikoci server`: every setting, once.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde::Deserialize;

use super::{
    BrokerConfig, BuildingConfig, ConfigError, DatabaseConfig, Host, LogConfig, PubsubSystem,
    broker::BROKER_SETTINGS,
    building::BUILDING_SETTINGS,
    database::DATABASE_SETTINGS,
    layers,
    log::LOG_SETTINGS,
    setting::{Form, Setting, arguments, duration, given, list},
};

const SETTINGS: [Setting; 22] = [
    ("port", Some('p'), Form::Value, "8080", "Port to listen on, all interfaces"),
    ("listen", None, Form::Value, "", "Address to listen on, addr:port; wins over --port"),
    ("jwt-secret", None, Form::Value, "", "Key of the sessions; generated when absent"),
    ("jwt-secret-file", None, Form::Value, "", "File that holds it"),
    (
        "replace-jwt-secret",
        None,
        Form::Switch,
        "false",
        "It shall be that of all servers of the database from now on",
    ),
    ("users", None, Form::List, "", "USERNAME:BCRYPT, created or updated at start; the first is admin"),
    (
        "admin-password",
        None,
        Form::Value,
        "",
        "Password of the first admin; generated and printed once when absent",
    ),
    ("admin-password-file", None, Form::Value, "", "File that holds it"),
    ("run-worker", None, Form::Switch, "true", "Run a worker inside the server"),
    ("name", None, Form::Value, "embedded", "Name of that worker"),
    ("team-canonical", None, Form::Value, "main", "Team of the start-up pipeline"),
    ("pipeline-config", None, Form::Value, "", "Pipeline file to create or update at start"),
    ("pipeline-name", Some('n'), Form::Value, "", "Its name [slug of the file's name]"),
    ("vars", Some('v'), Form::Value, "", "JSON file with values for its variables"),
    ("external-url", None, Form::Value, "", "Address of this server as others see it, for links"),
    ("session-lifetime", None, Form::Value, "0", "How long a login lasts; 0 = until the key changes"),
    ("min-check-interval", None, Form::Value, "10s", "Shortest check_interval, at least 1s"),
    ("allow-insecure-sources", None, Form::Switch, "false", "Allow http:// and private addresses in source"),
    ("source-allow", None, Form::List, "", "Hosts that source may name; none = any"),
    ("lease", None, Form::Value, "90s", "How long a worker's renewal holds"),
    (
        "silent-after",
        None,
        Form::Value,
        "15s",
        "A worker that has not renewed for so long is shown as silent",
    ),
    ("renew-interval", None, Form::Value, "5s", "How often a worker renews"),
];

/// The settings of `pikoci server`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct ServerConfig {
    #[serde(skip)]
    pub database: DatabaseConfig,
    #[serde(skip)]
    pub broker: BrokerConfig,
    #[serde(skip)]
    pub building: BuildingConfig,
    #[serde(skip)]
    pub log: LogConfig,
    pub port: u16,
    pub listen: Option<String>,
    pub jwt_secret: Option<String>,
    pub jwt_secret_file: Option<PathBuf>,
    pub replace_jwt_secret: bool,
    #[serde(deserialize_with = "list")]
    pub users: Vec<String>,
    pub admin_password: Option<String>,
    pub admin_password_file: Option<PathBuf>,
    pub run_worker: bool,
    pub name: String,
    pub team_canonical: String,
    pub pipeline_config: Option<PathBuf>,
    pub pipeline_name: Option<String>,
    pub vars: Option<PathBuf>,
    pub external_url: String,
    #[serde(deserialize_with = "duration")]
    pub session_lifetime: Duration,
    #[serde(deserialize_with = "duration")]
    pub min_check_interval: Duration,
    pub allow_insecure_sources: bool,
    #[serde(deserialize_with = "list")]
    pub source_allow: Vec<String>,
    #[serde(deserialize_with = "duration")]
    pub lease: Duration,
    #[serde(deserialize_with = "duration")]
    pub silent_after: Duration,
    #[serde(deserialize_with = "duration")]
    pub renew_interval: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            port: 8080,
            listen: None,
            jwt_secret: None,
            jwt_secret_file: None,
            replace_jwt_secret: false,
            users: Vec::new(),
            admin_password: None,
            admin_password_file: None,
            database: DatabaseConfig::default(),
            broker: BrokerConfig::default(),
            building: BuildingConfig::default(),
            log: LogConfig::default(),
            run_worker: true,
            name: "embedded".to_owned(),
            team_canonical: "main".to_owned(),
            pipeline_config: None,
            pipeline_name: None,
            vars: None,
            external_url: String::new(),
            session_lifetime: Duration::ZERO,
            min_check_interval: Duration::from_secs(10),
            allow_insecure_sources: false,
            source_allow: Vec::new(),
            lease: Duration::from_secs(90),
            silent_after: Duration::from_secs(15),
            renew_interval: Duration::from_secs(5),
        }
    }
}

/// What the command line says.
pub struct ServerFlags {
    given: BTreeMap<String, String>,
    file: Option<PathBuf>,
    /// `--var name=value`, never split at commas.
    pub vars: Vec<String>,
    /// Seed of the fault-injecting transport, for tests.
    pub chaos: Option<u64>,
    /// Injected on purpose, for tests.
    pub fault: Option<String>,
}

impl ServerFlags {
    /// The command with its flags.
    pub fn command() -> Command {
        let mut command = Command::new("server")
            .about("Run the server, by default with a worker inside")
            .arg(
                Arg::new(layers::FILE_SETTING)
                    .long(layers::FILE_SETTING)
                    .short('c')
                    .value_name("FILE")
                    .help("TOML, YAML or JSON file of these settings (also CONFIG or PIKOCI_CONFIG)"),
            )
            .arg(
                Arg::new("var")
                    .long("var")
                    .value_name("NAME=VALUE")
                    .action(ArgAction::Append)
                    .help("Value for a variable of the start-up pipeline"),
            )
            .arg(Arg::new("chaos-seed").long("chaos-seed").hide(true).value_parser(clap::value_parser!(u64)))
            .arg(Arg::new("fault").long("fault").hide(true));
        for settings in Self::lists() {
            command = arguments(command, settings);
        }
        command
    }

    fn lists() -> [&'static [Setting]; 5] {
        [&SETTINGS, &BUILDING_SETTINGS, &DATABASE_SETTINGS, &BROKER_SETTINGS, &LOG_SETTINGS]
    }

    /// Reads what was given.
    pub fn from_matches(matches: &ArgMatches) -> Self {
        let given = Self::lists().into_iter().flat_map(|settings| given(matches, settings));
        Self {
            given: given.collect(),
            file: matches.get_one::<String>(layers::FILE_SETTING).map(PathBuf::from),
            vars: matches.get_many::<String>("var").into_iter().flatten().cloned().collect(),
            chaos: matches.get_one::<u64>("chaos-seed").copied(),
            fault: matches.get_one::<String>("fault").cloned(),
        }
    }
}

impl ServerConfig {
    /// All names of settings.
    pub fn settings() -> Vec<String> {
        ServerFlags::lists().into_iter().flatten().map(|(name, ..)| (*name).to_owned()).collect()
    }

    /// Puts the layers together and checks what one setting asks of another.
    ///
    /// # Errors
    /// What is wrong and what would be right.
    pub fn read(flags: &ServerFlags, host: &Host) -> Result<Self, ConfigError> {
        let file = layers::file_of_settings(flags.file.as_deref(), host);
        let layers = layers::merge(&Self::settings(), file.as_deref(), host, flags.given.clone())?;
        let config = Self {
            database: layers.read()?,
            broker: layers.read()?,
            building: layers.read()?,
            log: layers.read()?,
            ..layers.read()?
        };
        config.broker.check()?;
        config.building.check()?;
        config.log.check()?;
        config.database.check()?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |text: &str| Err(ConfigError::new(text));
        if !self.run_worker && self.broker.pubsub_system == PubsubSystem::Mem {
            return wrong(
                "--run-worker=false needs a broker that workers can reach: nothing can run with --pubsub-system mem",
            );
        }
        if self.min_check_interval < Duration::from_secs(1) {
            return wrong("--min-check-interval must be at least 1s");
        }
        if self.lease < Duration::from_secs(15)
            || self.renew_interval.is_zero()
            || self.lease < self.renew_interval * 3
        {
            return wrong("--lease must be at least 15s and three times --renew-interval");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::DbSystem;

    fn read(args: &[&str]) -> Result<ServerConfig, ConfigError> {
        let matches = ServerFlags::command().no_binary_name(true).get_matches_from(args);
        ServerConfig::read(&ServerFlags::from_matches(&matches), &Host { variables: BTreeMap::new() })
    }

    #[test]
    fn the_printed_line_works() {
        let config = read(&[
            "--db-system",
            "mem",
            "--pubsub-system",
            "mem",
            "--run-worker",
            "--pipeline-config",
            "pipeline.hcl",
        ])
        .unwrap();
        assert!(config.run_worker && config.database.db_system == DbSystem::Mem);
        assert_eq!(config.pipeline_config.as_deref(), Some(Path::new("pipeline.hcl")));
    }

    #[test]
    fn what_cannot_work_is_refused() {
        for (args, part) in [
            (vec!["--run-worker=false"], "broker"),
            (vec!["--db-system", "oracle"], "--db-system: \"oracle\" is no database; expected \"mem\""),
            (vec!["--db-system", "postgresql", "--db-tls", "maybe"], "--db-tls: \"maybe\""),
            (vec!["--db-host", "db.internal"], "--db-host has no meaning with --db-system mem"),
            (
                vec!["--pubsub-system", "smoke"],
                "--pubsub-system: \"smoke\" is no transport; expected \"mem\"",
            ),
            (vec!["--pubsub-system", "nats"], "--pubsub-system nats needs --nats-server-url"),
            (vec!["--pubsub-user", "ci"], "--pubsub-user has no meaning with --pubsub-system mem"),
            (vec!["--pubsub-system=kafka", "--kafka-brokers=k", "--pubsub-token=t"], "Kafka takes none"),
            (
                vec!["--pubsub-system=nats", "--nats-server-url=n", "--pubsub-user=ci"],
                "--pubsub-user needs --pubsub-password",
            ),
            (
                vec!["--pubsub-system=nats", "--nats-server-url=n", "--pubsub-ca=/nowhere.pem"],
                "--pubsub-ca /nowhere.pem: No such file",
            ),
            (
                vec!["--db-system=mysql", "--db-tls=verified", "--db-ca=Cargo.toml"],
                "--db-ca Cargo.toml: it holds no certificate",
            ),
            (vec!["--port", "abc"], "--port: a whole number is expected"),
            (vec!["--port", "70000"], "--port: a whole number from 0 to 65535 is expected"),
            (vec!["--exclusive-tags=maybe"], "--exclusive-tags: true or false is expected"),
            (vec!["--lease", "10s"], "--lease"),
            (vec!["--exclusive-tags"], "--tags"),
            (vec!["--drain-timeout", "soon"], "a duration is written like"),
        ] {
            let error = read(&args).unwrap_err().to_string();
            assert!(error.contains(part), "{args:?}: {error}");
        }
    }

    #[test]
    fn every_default_is_shown_as_it_is() {
        let all = ServerFlags::lists().into_iter().flatten();
        let shown = all.filter(|(.., default, _)| !default.is_empty());
        let flags: Vec<String> =
            shown.map(|(name, _, _, default, _)| format!("--{name}={default}")).collect();
        let explicit = read(&flags.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        assert_eq!(format!("{explicit:?}"), format!("{:?}", ServerConfig::default()));
    }

    #[test]
    fn the_documented_example_is_read() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pikoci.toml");
        let config = read(&["--config", &path.to_string_lossy()]).unwrap();
        assert_eq!(config.database.db_system, DbSystem::Sqlite);
    }

    #[test]
    fn the_file_may_be_named_by_a_variable() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pikoci.toml");
        let variables = [("PIKOCI_CONFIG".to_owned(), path.display().to_string())].into();
        let flags = ServerFlags::from_matches(&ServerFlags::command().get_matches_from(["server"]));
        let config = ServerConfig::read(&flags, &Host { variables }).unwrap();
        assert_eq!(config.database.db_system, DbSystem::Sqlite);
    }
}
