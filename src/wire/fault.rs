//! Faults that are injected on purpose, through ports: `--fault`, which no help shows.

mod panics;

use std::{path::PathBuf, str::FromStr};

use chrono::TimeDelta;
pub use panics::{PanicIn, inject};

/// What goes wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A call of the launcher panics.
    Panic(PanicIn),
    /// The server's wall clock is wrong by so much.
    ClockAhead(TimeDelta),
    /// While this file is there, the worker inside hears nothing and nobody hears it.
    CutWhile(PathBuf),
}

impl FromStr for Fault {
    type Err = String;

    /// `panic-in=CALL`, `clock-ahead=SECONDS`, `cut-while=FILE`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some(("panic-in", call)) => call.parse().map(Self::Panic),
            Some(("clock-ahead", seconds)) => {
                let seconds = seconds.parse().ok().and_then(TimeDelta::try_seconds);
                seconds.map(Self::ClockAhead).ok_or_else(|| "a clock is ahead by seconds".to_owned())
            }
            Some(("cut-while", file)) => Ok(Self::CutWhile(file.into())),
            _ => Err("a fault is `panic-in=CALL`, `clock-ahead=SECONDS` or `cut-while=FILE`".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read() {
        assert_eq!("panic-in=stop".parse(), Ok(Fault::Panic(PanicIn::Stop)));
        assert_eq!("clock-ahead=-3600".parse(), Ok(Fault::ClockAhead(TimeDelta::hours(-1))));
        assert_eq!("cut-while=/tmp/a=b".parse(), Ok(Fault::CutWhile("/tmp/a=b".into())));
        for wrong in ["panic-in", "clock-ahead=soon", "rain=1"] {
            assert!(wrong.parse::<Fault>().is_err(), "{wrong}");
        }
    }
}
