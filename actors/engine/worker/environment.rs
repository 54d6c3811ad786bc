//! The environment of a command: layers in a fixed order, of which the later wins.
//!
//! inherited → step `env`, attributes and `env` of the command block → exports → `INPUT_*` → `BUILD_*` →
//! `param_*`, `version_*`, `put_*` → `WORKDIR`, `CACHE_DIR`, `PIKOCI_OUTPUT`.

use std::collections::BTreeMap;

use pikoci_model::outcome::Failure;
use pikoci_model::step::Command;
use pikoci_model::text::{Text, Value};

use super::expand::{Unknown, expand, is_build_name};
use super::secrets::{Clear, Secrets};

/// The longest value that a process can be given, in bytes.
const MAX_VALUE_BYTES: usize = 128 * 1024 - 1;

/// The longest script of a built-in runner that is a variable as well, in bytes.
const MAX_SCRIPT_BYTES: usize = 4096;

/// The variables of one command, and where each comes from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    variables: BTreeMap<String, Variable>,
}

#[derive(Debug, Clone)]
struct Variable {
    value: Clear,
    inherited: bool,
}

impl Environment {
    /// What commands inherit from the worker.
    pub(crate) fn inherit(inherited: &BTreeMap<String, String>) -> Self {
        let variable = |value: &String| Variable { value: Clear::plain(value.clone()), inherited: true };
        Environment {
            variables: inherited.iter().map(|(name, value)| (name.clone(), variable(value))).collect(),
        }
    }

    pub(crate) fn set(&mut self, name: impl Into<String>, value: Clear) {
        self.variables.insert(name.into(), Variable { value, inherited: false });
    }

    pub(crate) fn plain(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.set(name, Clear::plain(value));
    }

    pub(crate) fn plains<'a>(&mut self, pairs: impl IntoIterator<Item = (&'a String, &'a String)>) {
        for (name, value) in pairs {
            self.plain(name, value);
        }
    }

    /// `env` of a step or a command block.
    ///
    /// # Errors
    /// A secret that could not be had.
    pub(crate) fn texts(&mut self, texts: &BTreeMap<String, Text>, secrets: &Secrets) -> Result<(), Failure> {
        for (name, text) in texts {
            self.set(name, secrets.clear(text)?);
        }
        Ok(())
    }

    /// The attributes of a command block, each under its own name.
    ///
    /// # Errors
    /// A secret that could not be had.
    pub(crate) fn attributes(&mut self, command: &Command, secrets: &Secrets) -> Result<(), Failure> {
        if let Some(path) = &command.path {
            self.set("path", secrets.clear(path)?);
        }
        // The script of a built-in runner reaches its shell by another way; here it would only count against the
        // system's limits, and show a secret to everything that the script starts.
        let is_script = |name: &str| {
            matches!(name, "cmd" | "script") && matches!(command.runner.as_str(), "shell" | "docker")
        };
        for (name, value) in &command.attributes {
            let clear = secrets.clear_value(value, str::to_owned)?;
            if !is_script(name) || (!clear.secret && clear.text.len() <= MAX_SCRIPT_BYTES) {
                self.set(name, clear);
            }
        }
        Ok(())
    }

    /// Values under a prefix: `param_<name>`, `put_<name>`. With `expanding`, `$NAME` of the build's own families is
    /// replaced by what is set so far.
    ///
    /// # Errors
    /// A secret that could not be had.
    pub(crate) fn prefixed(
        &mut self,
        prefix: &str,
        values: &BTreeMap<String, Value>,
        secrets: &Secrets,
        expanding: bool,
    ) -> Result<(), Failure> {
        for (name, value) in values {
            let clear = match expanding {
                true => secrets.clear_value(value, |part| self.expand_attribute(part))?,
                false => secrets.clear_value(value, str::to_owned)?,
            };
            self.set(format!("{prefix}{name}"), clear);
        }
        Ok(())
    }

    /// Replaces the build's own names in an attribute; others stay as written.
    pub(crate) fn expand_attribute(&self, text: &str) -> String {
        let lookup = |name: &str| is_build_name(name).then(|| self.get(name).map(str::to_owned)).flatten();
        expand(text, Unknown::Kept, lookup)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|variable| variable.value.text.as_str())
    }

    pub(crate) fn is_secret(&self, name: &str) -> bool {
        self.variables.get(name).is_some_and(|variable| variable.value.secret)
    }

    /// What PikoCI set: name, value, whether a secret is in it.
    pub(crate) fn own(&self) -> impl Iterator<Item = (&str, &Clear)> {
        let own = self.variables.iter().filter(|(_, variable)| !variable.inherited);
        own.map(|(name, variable)| (name.as_str(), &variable.value))
    }

    /// Everything, for the process.
    ///
    /// # Errors
    /// A value that no process can be given.
    pub(crate) fn into_map(self) -> Result<BTreeMap<String, String>, Failure> {
        for (name, variable) in &self.variables {
            if let Some(at) = variable.value.text.find('\0') {
                let text = format!("variable {name} has a zero byte at {at}; no process can be given one");
                return Err(Failure::plain(text));
            }
            let length = variable.value.text.len();
            if length > MAX_VALUE_BYTES {
                let text = format!(
                    "variable {name} has {length} bytes; a process can be given at most {MAX_VALUE_BYTES}"
                );
                return Err(Failure::plain(text));
            }
        }
        Ok(self.variables.into_iter().map(|(name, variable)| (name, variable.value.text)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pikoci_model::text::{SecretRef, SecretValue};

    #[test]
    fn later_layers_win_and_know_where_they_come_from() {
        let mut env =
            Environment::inherit(&[("PATH".into(), "/bin".into()), ("A".into(), "0".into())].into());
        env.plain("A", "1");
        env.plain("BUILD_NUMBER", "7");
        assert_eq!((env.get("A"), env.get("PATH")), (Some("1"), Some("/bin")));
        let names: Vec<&str> = env.own().map(|(name, _)| name).collect();
        assert_eq!(names, ["A", "BUILD_NUMBER"]);
    }

    #[test]
    fn attributes_know_only_the_names_of_the_build() {
        let mut env = Environment::inherit(&[("HOME".into(), "/root".into())].into());
        env.plain("BUILD_NUMBER", "7");
        let params = BTreeMap::from([
            ("tag".to_owned(), Value::Scalar("v$BUILD_NUMBER-$HOME".into())),
            ("list".to_owned(), Value::List(vec![Value::Scalar("a".into()), Value::Bare("3".into())])),
        ]);
        env.prefixed("put_", &params, &Secrets::default(), true).unwrap();
        assert_eq!((env.get("put_tag"), env.get("put_list")), (Some("v7-$HOME"), Some(r#"["a",3]"#)));
    }

    #[test]
    fn a_script_is_a_variable_when_it_is_short_and_no_secret() {
        let given = SecretRef::Given { variable: "v".into() };
        let mut secrets = Secrets::default();
        secrets.insert(given.clone(), SecretValue::new("hunter2"));
        let long = "x".repeat(MAX_SCRIPT_BYTES + 1);
        let cases = [
            ("shell", Text::literal("ls"), Some("ls")),
            ("docker", Text::literal("ls"), Some("ls")),
            ("shell", Text::literal(long.as_str()), None),
            ("docker", Text::secret(given.clone()), None),
            ("mine", Text::literal(long.as_str()), Some(long.as_str())),
            ("mine", Text::secret(given), Some("hunter2")),
        ];
        for (runner, cmd, expected) in cases {
            let attributes = [("cmd".to_owned(), Value::Scalar(cmd))].into();
            let command = Command { runner: runner.into(), attributes, ..Command::default() };
            let mut env = Environment::default();
            env.attributes(&command, &secrets).unwrap();
            assert_eq!(env.get("cmd"), expected, "{runner}");
        }
    }

    #[test]
    fn a_value_that_no_process_can_be_given_is_refused_by_name() {
        let mut env = Environment::default();
        env.plain("BIG", "x".repeat(MAX_VALUE_BYTES + 1));
        let expected = "variable BIG has 131072 bytes; a process can be given at most 131071";
        assert_eq!(env.into_map().unwrap_err().text, expected);
        let mut env = Environment::default();
        env.plain("ODD", "ab\0c");
        let expected = "variable ODD has a zero byte at 2; no process can be given one";
        assert_eq!(env.into_map().unwrap_err().text, expected);
    }
}
