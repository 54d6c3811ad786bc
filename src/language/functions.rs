//! The functions of the pipeline language, one file a group.
//!
//! All are pure; the only notion of time is the moment at which the pipeline is compiled, and it
//! is handed in. A function that only moves values may be given secrets, every other refuses
//! them: their characters are not known when the pipeline is saved.

mod call;
mod collections;
mod convert;
mod encoding;
mod format;
mod maps;
mod numeric;
mod regex;
mod sets;
mod strings;
#[cfg(test)]
mod tests;
mod time;

use std::fmt;

use chrono::{DateTime, Utc};

use self::call::{Call, Function};
use crate::value::Value;

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FnError {
    /// No function has this name; [`names`] has those that exist.
    Unknown,
    /// Wrong number of arguments.
    Arity {
        /// How many are taken, such as `2 arguments`.
        expected: String,
        /// How many were given.
        found: usize,
    },
    /// An argument has the wrong kind or is outside what the function takes.
    Argument {
        /// Position, from 0.
        index: usize,
        /// What is needed.
        expected: String,
        /// What was given.
        found: String,
    },
    /// An argument is a text in a notation of its own, such as a regular expression, and is written wrongly.
    Malformed {
        /// Position, from 0.
        index: usize,
        /// What it shall be, such as `regular expression`.
        notation: &'static str,
        /// What is wrong, without quoting the text: a value may not be for everybody's eyes.
        problem: String,
    },
    /// The function looks into a text that holds a secret.
    Secret {
        /// Position of the argument, from 0.
        index: usize,
    },
    /// The arguments are of the right kind, and there is no result for them.
    Failed(String),
}

/// The reason alone, to stand after the function's name.
impl fmt::Display for FnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("there is no function of this name"),
            Self::Arity { expected, found } => write!(f, "takes {expected}, found {found}"),
            Self::Argument { index, expected, found } => {
                write!(f, "argument {}: {expected} is required, found {found}", index + 1)
            }
            Self::Malformed { index, notation, problem } => {
                write!(f, "argument {} is no {notation}: {problem}", index + 1)
            }
            Self::Secret { index } => write!(
                f,
                "argument {} holds a secret, whose text is not known when the pipeline is saved",
                index + 1
            ),
            Self::Failed(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for FnError {}

const GROUPS: [&[Function]; 10] = [
    strings::FUNCTIONS,
    format::FUNCTIONS,
    collections::FUNCTIONS,
    maps::FUNCTIONS,
    numeric::FUNCTIONS,
    encoding::FUNCTIONS,
    time::FUNCTIONS,
    regex::FUNCTIONS,
    sets::FUNCTIONS,
    convert::FUNCTIONS,
];

fn all() -> impl Iterator<Item = &'static Function> {
    GROUPS.into_iter().flatten()
}

/// The names of all functions.
pub fn names() -> impl Iterator<Item = &'static str> {
    all().map(|function| function.name)
}

/// Calls the function `name`. `now` is the moment that `timestamp` shall give.
///
/// # Errors
/// See [`FnError`].
pub fn call(name: &str, args: &[Value], now: DateTime<Utc>) -> Result<Value, FnError> {
    let function = all().find(|function| function.name == name).ok_or(FnError::Unknown)?;
    function.call(&Call { args, now })
}
