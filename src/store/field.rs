//! How the values of the model lie in columns: times as microseconds, structures as JSON.

use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::Fault,
    sql::{Column, Row},
};

/// A column by its place in the statement.
pub(crate) fn get<'r, T: Column<'r>>(row: &'r Row, index: usize) -> Result<T, Fault> {
    Ok(T::read(row, index)?)
}

/// A number that is never negative.
pub(crate) fn unsigned<T: TryFrom<i64>>(row: &Row, index: usize) -> Result<T, Fault> {
    let number: i64 = get(row, index)?;
    T::try_from(number).map_err(|_| Fault::row("column", index, format!("{number} is out of range")))
}

/// A time.
pub(crate) fn time(row: &Row, index: usize) -> Result<DateTime<Utc>, Fault> {
    moment(get(row, index)?)
}

/// A time that may be absent.
pub(crate) fn maybe_time(row: &Row, index: usize) -> Result<Option<DateTime<Utc>>, Fault> {
    get::<Option<i64>>(row, index)?.map(moment).transpose()
}

/// A structure.
pub(crate) fn json<T: DeserializeOwned>(row: &Row, index: usize) -> Result<T, Fault> {
    parse(get::<&str>(row, index)?)
}

/// A structure that may be absent.
pub(crate) fn maybe_json<T: DeserializeOwned>(row: &Row, index: usize) -> Result<Option<T>, Fault> {
    get::<Option<&str>>(row, index)?.map(parse).transpose()
}

/// A word of a closed set.
pub(crate) fn word<T>(row: &Row, index: usize, from: impl Fn(&str) -> Option<T>) -> Result<T, Fault> {
    let word: &str = get(row, index)?;
    from(word).ok_or_else(|| Fault::row("column", index, format!("`{word}` is no known word")))
}

/// A time as it is stored.
pub(crate) fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// A structure as it is stored.
pub(crate) fn text<T: Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|e| Fault::Refused(format!("a value cannot be stored: {e}")))
}

fn moment(micros: i64) -> Result<DateTime<Utc>, Fault> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| Fault::row("time", micros, "out of range"))
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|e| Fault::row("json", e.column(), e))
}
