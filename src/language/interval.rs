//! Check intervals: `@every 1m`, five cron fields, the usual shorthands, and `never`.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use croner::Cron;
use pikoci_model::pipeline::CheckInterval;

use crate::duration::{self, DurationError};

/// Why a text is not an interval.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntervalError {
    /// Not five fields, nor a known shorthand.
    #[error(
        "an interval is `@every DURATION`, five cron fields, `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly` or `never`"
    )]
    Syntax,
    /// A field that is not what cron knows.
    #[error("the cron field \"{0}\" is not valid")]
    Field(String),
    /// The fields are right by themselves, but never meet.
    #[error("these cron fields are not valid: they name no moment")]
    Cron,
    /// The duration after `@every`.
    #[error(transparent)]
    Duration(#[from] DurationError),
    /// `@every 0s`.
    #[error("an interval must be longer than zero")]
    Zero,
    /// A time zone that does not exist.
    #[error("the time zone \"{0}\" does not exist")]
    Zone(String),
    /// Shorter than the operator allows.
    #[error("the interval is shorter than the minimum of {0:?}")]
    TooShort(Duration),
}

/// Shorthands and their fields.
const SHORTHANDS: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// How many moments of a cron line are looked at to find its smallest gap.
const MOMENTS: usize = 64;

/// Parses an interval that is not shorter than `minimum`; `now` is where the moments of a cron line are counted from.
///
/// # Errors
/// See [`IntervalError`].
pub fn parse(text: &str, minimum: Duration, now: DateTime<Utc>) -> Result<CheckInterval, IntervalError> {
    let text = text.trim();
    if text == "never" {
        return Ok(CheckInterval::Never);
    }
    let (zone, text) = zone(text)?;
    if let Some(duration) = text.strip_prefix("@every ") {
        let every = duration::parse(duration.trim())?;
        return match every {
            Duration::ZERO => Err(IntervalError::Zero),
            short if short < minimum => Err(IntervalError::TooShort(minimum)),
            every => Ok(CheckInterval::Every(every)),
        };
    }
    let fields = match SHORTHANDS.iter().find(|(name, _)| *name == text) {
        Some((_, fields)) => (*fields).to_owned(),
        None => fields(text)?,
    };
    let cron = Cron::from_str(&fields).map_err(|_| IntervalError::Cron)?;
    if smallest_gap(&cron, now).ok_or(IntervalError::Cron)? < minimum {
        return Err(IntervalError::TooShort(minimum));
    }
    Ok(CheckInterval::Cron { fields, zone })
}

/// Takes `TZ=Area/City ` off the front.
fn zone(text: &str) -> Result<(Option<String>, &str), IntervalError> {
    let Some(rest) = text.strip_prefix("CRON_TZ=").or_else(|| text.strip_prefix("TZ=")) else {
        return Ok((None, text));
    };
    let (name, rest) = rest.split_once(' ').ok_or(IntervalError::Syntax)?;
    chrono_tz::Tz::from_str(name).map_err(|_| IntervalError::Zone(name.to_owned()))?;
    Ok((Some(name.to_owned()), rest.trim_start()))
}

/// Five fields of plain cron; the parser's own extensions are not part of the language.
fn fields(text: &str) -> Result<String, IntervalError> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields.as_slice() else { return Err(IntervalError::Syntax) };
    if text.starts_with('@') {
        return Err(IntervalError::Syntax);
    }
    let none: &[&str] = &[];
    for (field, names, least, most) in [
        (minute, none, 0, 59),
        (hour, none, 0, 23),
        (day, none, 1, 31),
        (month, &MONTHS[..], 1, 12),
        (weekday, &WEEKDAYS[..], 0, 7),
    ] {
        if !field.split(',').all(|part| is_part(part, names, least, most)) {
            return Err(IntervalError::Field((*field).to_owned()));
        }
    }
    Ok(fields.join(" "))
}

/// `*`, `5`, `1-5`, `mon-fri`, each maybe with `/step`.
fn is_part(part: &str, names: &[&str], least: u32, most: u32) -> bool {
    let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
    let number = |text: &str| text.parse::<u32>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    let value = |text: &str| {
        number(text).is_some_and(|value| (least..=most).contains(&value))
            || names.contains(&text.to_ascii_lowercase().as_str())
    };
    let range_is_right = match range.split_once('-') {
        Some((from, to)) => value(from) && value(to),
        None => range == "*" || value(range),
    };
    let step_is_right = match step {
        Some(step) => {
            number(step).is_some_and(|step| step > 0 && step <= most) && (range == "*" || range.contains('-'))
        }
        None => true,
    };
    range_is_right && step_is_right
}

/// The smallest time between two moments of the next ones; `None` when there is no moment.
fn smallest_gap(cron: &Cron, now: DateTime<Utc>) -> Option<Duration> {
    let mut previous = cron.find_next_occurrence(&now, false).ok()?;
    let mut smallest = Duration::MAX;
    for _ in 0..MOMENTS {
        let Ok(next) = cron.find_next_occurrence(&previous, false) else { break };
        smallest = smallest.min((next - previous).to_std().unwrap_or(Duration::MAX));
        if smallest <= Duration::from_secs(60) {
            break;
        }
        previous = next;
    }
    Some(smallest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<CheckInterval, IntervalError> {
        parse(text, Duration::from_secs(10), DateTime::UNIX_EPOCH)
    }

    fn cron(fields: &str, zone: Option<&str>) -> Result<CheckInterval, IntervalError> {
        Ok(CheckInterval::Cron { fields: fields.to_owned(), zone: zone.map(str::to_owned) })
    }

    #[test]
    fn all_forms_are_known() {
        assert_eq!(parsed("@every 1m"), Ok(CheckInterval::Every(Duration::from_secs(60))));
        assert_eq!(parsed("@every 10s"), Ok(CheckInterval::Every(Duration::from_secs(10))));
        assert_eq!(parsed("never"), Ok(CheckInterval::Never));
        assert_eq!(parsed("*/5 * * * *"), cron("*/5 * * * *", None));
        assert_eq!(parsed("0 8-18 1,15 jan-jun mon-fri"), cron("0 8-18 1,15 jan-jun mon-fri", None));
        assert_eq!(parsed("@daily"), cron("0 0 * * *", None));
        assert_eq!(parsed("TZ=Europe/Vienna 0 6 * * *"), cron("0 6 * * *", Some("Europe/Vienna")));
        assert_eq!(parsed("CRON_TZ=UTC @weekly"), cron("0 0 * * 0", Some("UTC")));
    }

    #[test]
    fn wrong_ones_say_what_is_wrong() {
        assert_eq!(parsed("sometimes"), Err(IntervalError::Syntax));
        assert_eq!(parsed("* * * *"), Err(IntervalError::Syntax));
        assert_eq!(parsed("0 * * * * *"), Err(IntervalError::Syntax));
        assert_eq!(parsed("@fortnightly"), Err(IntervalError::Syntax));
        assert_eq!(parsed("60 * * * *"), Err(IntervalError::Field("60".to_owned())));
        assert_eq!(parsed("* * L * *"), Err(IntervalError::Field("L".to_owned())));
        assert_eq!(parsed("* * * * 5#2"), Err(IntervalError::Field("5#2".to_owned())));
        assert_eq!(parsed("*/0 * * * *"), Err(IntervalError::Field("*/0".to_owned())));
        assert_eq!(parsed("0 0 31 2 *"), Err(IntervalError::Cron));
        assert_eq!(parsed("@every 1"), Err(IntervalError::Duration(DurationError::Unit)));
        assert_eq!(parsed("@every 0s"), Err(IntervalError::Zero));
        assert_eq!(parsed("@every 9s"), Err(IntervalError::TooShort(Duration::from_secs(10))));
        assert_eq!(parsed("TZ=Mars/Olympus 0 6 * * *"), Err(IntervalError::Zone("Mars/Olympus".to_owned())));
    }

    #[test]
    fn a_cron_line_keeps_to_the_minimum_too() {
        let hour = Duration::from_secs(3600);
        let error = parse("*/5 * * * *", hour, DateTime::UNIX_EPOCH);
        assert_eq!(error, Err(IntervalError::TooShort(hour)));
        assert!(parse("0 * * * *", hour, DateTime::UNIX_EPOCH).is_ok());
    }
}
