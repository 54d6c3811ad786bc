//! The process's environment, read once, here.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
};

use super::{ServerConfig, WorkerConfig, layers::FILE_SETTING};

/// Variables that commands never inherit besides every setting's: tokens and addresses of other parts of PikoCI.
const PRIVATE: [&str; 12] = [
    "WORKER_TOKEN",
    "JWT_SECRET",
    "SECRET_KEY",
    "NATS_SERVER_URL",
    "RABBIT_SERVER_URL",
    "KAFKA_BROKERS",
    "PIKOCI_JWT",
    "PIKOCI_TOKEN",
    "DB_HOST",
    "DB_PORT",
    "DB_USER",
    "DB_PASSWORD",
];
/// Variables that only secret commands get.
const FOR_SECRETS: [&str; 4] = ["VAULT_ADDR", "VAULT_TOKEN", "VAULT_NAMESPACE", SECRET_PREFIX];
/// Says how the variables begin that the secret type `env` may read.
const SECRET_PREFIX: &str = "PIKOCI_SECRET_ENV_PREFIX";
/// How they begin when nothing is said.
const DEFAULT_SECRET_PREFIX: &str = "CI_SECRET_";

/// What the host says: variables and where things belong.
#[derive(Clone, Debug)]
pub struct Host {
    /// All variables that are UTF-8.
    pub variables: BTreeMap<String, String>,
}

impl Host {
    /// Reads the process's environment.
    pub fn read() -> Self {
        let variables =
            env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        Self { variables: variables.collect() }
    }

    /// A directory of ours below an XDG directory, below HOME, or below the temporary directory.
    pub fn directory(&self, xdg: &str, below_home: &str) -> PathBuf {
        let set = |name: &str| self.variables.get(name).filter(|value| Path::new(value).is_absolute());
        match (set(xdg), set("HOME")) {
            (Some(base), _) => Path::new(base).join("pikoci"),
            (None, Some(home)) => Path::new(home).join(below_home).join("pikoci"),
            (None, None) => env::temp_dir().join(format!("pikoci-{}", nix::unistd::getuid())),
        }
    }

    /// Where state lives that must survive: `/var/lib/pikoci` as root, else the user's state directory.
    pub fn state_directory(&self) -> PathBuf {
        let explicit = self.variables.get("XDG_STATE_HOME").is_some_and(|path| Path::new(path).is_absolute());
        if nix::unistd::getuid().is_root() && !explicit {
            return PathBuf::from("/var/lib/pikoci");
        }
        self.directory("XDG_STATE_HOME", ".local/state")
    }

    /// That, unless something else is said by a flag or a variable.
    pub fn state_directory_or(&self, given: Option<&str>) -> PathBuf {
        let named = |name: &str| self.variables.get(name).map(String::as_str).filter(|path| !path.is_empty());
        let said = given.or_else(|| named("PIKOCI_STATE_DIR")).or_else(|| named("STATE_DIR"));
        said.map_or_else(|| self.state_directory(), PathBuf::from)
    }

    /// Who the containers of a worker belong to: the workers that share its state directory, and with it its build slots.
    pub fn owner(state_dir: &Path) -> String {
        let machine = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
        format!("{}:{}", machine.trim(), state_dir.display())
    }

    /// The socket at which a container engine would answer.
    pub fn engine_socket(&self) -> PathBuf {
        let host = self.variables.get("DOCKER_HOST").and_then(|host| host.strip_prefix("unix://"));
        PathBuf::from(host.unwrap_or("/var/run/docker.sock"))
    }

    /// `VAULT_ADDR`, `VAULT_TOKEN`, … and the variables of the secret type `env`, for secret commands.
    pub fn for_secrets(&self) -> BTreeMap<String, String> {
        let wanted = |(name, _): &(&String, &String)| self.is_for_secrets(name);
        self.variables.iter().filter(wanted).map(|(n, v)| (n.clone(), v.clone())).collect()
    }

    fn is_for_secrets(&self, name: &str) -> bool {
        let prefix = self.variables.get(SECRET_PREFIX).filter(|prefix| !prefix.is_empty());
        FOR_SECRETS.contains(&name) || name.starts_with(prefix.map_or(DEFAULT_SECRET_PREFIX, String::as_str))
    }
}

/// The environment that commands inherit: without any setting of server or worker, without tokens.
pub fn commands_inherit(host: &Host) -> BTreeMap<String, String> {
    let settings =
        [ServerConfig::settings(), WorkerConfig::settings(), vec![FILE_SETTING.to_owned()]].concat();
    let private = |name: &str| {
        PRIVATE.contains(&name)
            || host.is_for_secrets(name)
            || name.starts_with("PIKOCI_")
            || settings.iter().any(|setting| *name == variable_of(setting))
    };
    host.variables.iter().filter(|(name, _)| !private(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
}

/// The bare variable of a setting: `db-system` → `DB_SYSTEM`.
pub(super) fn variable_of(setting: &str) -> String {
    setting.to_uppercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;
    use crate::config::{ServerFlags, WorkerFlags};

    #[test]
    fn commands_do_not_inherit_the_configuration() {
        let names =
            ["PATH", "DB_SYSTEM", "JWT_SECRET", "PIKOCI_X", "VAULT_TOKEN", "DOCKER_HOST", "CI_SECRET_TOKEN"];
        let host = Host { variables: names.iter().map(|n| ((*n).to_owned(), "x".to_owned())).collect() };
        assert_eq!(commands_inherit(&host).keys().collect::<Vec<_>>(), ["DOCKER_HOST", "PATH"]);
        assert_eq!(host.for_secrets().keys().collect::<Vec<_>>(), ["CI_SECRET_TOKEN", "VAULT_TOKEN"]);
    }

    #[test]
    fn no_setting_is_inherited_by_either_name() {
        let flags = [ServerFlags::command(), WorkerFlags::command()];
        let flags = flags.iter().flat_map(|command| command.get_arguments().filter_map(Arg::get_long));
        let variables = flags.map(variable_of).flat_map(|bare| [format!("PIKOCI_{bare}"), bare]);
        let host = Host { variables: variables.map(|name| (name, "x".to_owned())).collect() };
        for name in ["USERS", "CONFIG", "PIKOCI_CONFIG", "LOG_LEVEL", "TAGS", "WORKER_TOKEN_FILE", "QUEUES"] {
            assert!(host.variables.contains_key(name), "{name} configures nothing");
        }
        // Flags that no variable gives.
        let flags_alone = ["CHAOS_SEED", "FAULT", "PRETEND_VERSION", "VAR"];
        let left: Vec<_> =
            commands_inherit(&host).into_keys().filter(|n| !flags_alone.contains(&n.as_str())).collect();
        assert!(left.is_empty(), "commands would see {left:?}");
    }
}
