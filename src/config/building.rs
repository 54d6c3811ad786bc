//! How builds are run on a machine; the same for a worker and for the one inside a server.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use super::{
    ConfigError,
    setting::{Form, Setting, duration, list},
};

pub(super) const BUILDING_SETTINGS: [Setting; 12] = [
    ("concurrency", None, Form::Value, "1", "Builds at once; checks have slots of their own"),
    ("tags", None, Form::List, "", "What the worker can do"),
    ("exclusive-tags", None, Form::Switch, "false", "Take tagged work only; needs --tags"),
    ("drain-timeout", None, Form::Value, "10m", "How long SIGQUIT waits for running builds"),
    ("work-dir", None, Form::Value, "", "Where work directories and caches are [$XDG_CACHE_HOME/pikoci]"),
    ("keep-workdir", None, Form::Switch, "false", "Keep work directories"),
    (
        "state-dir",
        None,
        Form::Value,
        "",
        "Where the host's key and the journal of services are [$XDG_STATE_HOME/pikoci, /var/lib/pikoci as root]",
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
    (
        "allow-secret-args",
        None,
        Form::Switch,
        "false",
        "Allow secrets in process arguments (W005 instead of L038)",
    ),
];

/// The settings of a machine's builds.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct BuildingConfig {
    pub concurrency: u32,
    #[serde(deserialize_with = "list")]
    pub tags: Vec<String>,
    pub exclusive_tags: bool,
    #[serde(deserialize_with = "duration")]
    pub drain_timeout: Duration,
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

impl Default for BuildingConfig {
    fn default() -> Self {
        Self {
            concurrency: 1,
            tags: Vec::new(),
            exclusive_tags: false,
            drain_timeout: Duration::from_secs(600),
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

impl BuildingConfig {
    /// Checks what one setting asks of another.
    ///
    /// # Errors
    /// What is wrong and what would be right.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.exclusive_tags && self.tags.is_empty() {
            return Err(ConfigError::new("--exclusive-tags needs --tags"));
        }
        if self.concurrency == 0 {
            return Err(ConfigError::new("--concurrency must be at least 1"));
        }
        Ok(())
    }
}
