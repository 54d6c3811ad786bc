//! What a setting is, and how it is given.

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde::{Deserialize, Deserializer, de::Error as _};

use super::parse_duration;

/// How a setting is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `--name VALUE`
    Value,
    /// `--name` or `--name=false`
    Switch,
    /// `--name a,b` or repeated
    List,
}

/// One setting: name, short flag, form, default as shown, help.
pub(super) type Setting = (&'static str, Option<char>, Form, &'static str, &'static str);

/// The command with these settings as flags.
pub(super) fn arguments(mut command: Command, settings: &'static [Setting]) -> Command {
    for &(name, short, form, default, help) in settings {
        let help = if default.is_empty() { help.to_owned() } else { format!("{help} [default: {default}]") };
        let mut arg = Arg::new(name).long(name).help(help);
        arg = match form {
            Form::Value => arg.value_name("VALUE"),
            Form::Switch => {
                arg.num_args(0..=1).require_equals(true).default_missing_value("true").value_name("BOOL")
            }
            Form::List => arg.action(ArgAction::Append).value_name("A,B"),
        };
        command = command.arg(if let Some(short) = short { arg.short(short) } else { arg });
    }
    command
}

/// Those that were given as flags, with their values.
pub(super) fn given(matches: &ArgMatches, settings: &[Setting]) -> Vec<(String, String)> {
    let value = |name: &str| {
        let values: Vec<&String> = matches.get_many::<String>(name)?.collect();
        Some((name.to_owned(), values.into_iter().cloned().collect::<Vec<_>>().join(",")))
    };
    settings.iter().filter_map(|(name, ..)| value(name)).collect()
}

pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse_duration(&String::deserialize(deserializer)?).map_err(|error| D::Error::custom(error.to_string()))
}

/// A list in a file, or text with commas from a flag or variable.
pub(super) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Text(String),
        List(Vec<String>),
    }
    let items = match Form::deserialize(deserializer)? {
        Form::Text(text) => text.split(',').map(|item| item.trim().to_owned()).collect(),
        Form::List(items) => items,
    };
    Ok(items.into_iter().filter(|item: &String| !item.is_empty()).collect())
}
