//! Moments on the wall clock, to compare ours with those that the server writes down. Same machine, same clock.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::Fallible;

#[expect(clippy::disallowed_methods, reason = "the measured program's clock is a port; this one measures it")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A time in an answer.
pub fn of(value: &Value) -> Fallible<DateTime<Utc>> {
    let text = value.as_str().ok_or_else(|| format!("not a time: {value}"))?;
    Ok(text.parse()?)
}

/// What a shell prints as `$EPOCHREALTIME`.
pub fn of_shell(text: &str) -> Fallible<DateTime<Utc>> {
    let digits: String = text.trim().chars().filter(char::is_ascii_digit).collect();
    let moment = DateTime::from_timestamp_micros(digits.parse()?);
    moment.ok_or_else(|| format!("not a time: {text}").into())
}

/// Milliseconds from one to the other.
pub fn between(from: DateTime<Utc>, to: DateTime<Utc>) -> f64 {
    (to - from).num_microseconds().unwrap_or(i64::MAX) as f64 / 1000.0
}
