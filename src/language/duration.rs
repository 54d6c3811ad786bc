//! Durations as text: `90s`, `2h30m`, `1.5h`, `1d`.

use std::time::Duration;

/// Why a text is not a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// No number with a unit where one must be.
    #[error("a duration is written like `90s`, `2h30m` or `1.5h`")]
    Syntax,
    /// A number without unit, or with one that does not exist.
    #[error("a duration needs units: `ns`, `us`, `ms`, `s`, `m`, `h` or `d`")]
    Unit,
    /// Below zero.
    #[error("a duration cannot be negative")]
    Negative,
    /// Too large to be kept.
    #[error("the duration is out of range")]
    OutOfRange,
}

/// The units, longest first where one begins with another; in nanoseconds.
const UNITS: [(&str, u64); 9] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Parses a duration: numbers with units one after another, or `0`.
///
/// # Errors
/// See [`DurationError`].
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    if text.starts_with('-') {
        return Err(DurationError::Negative);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(DurationError::Syntax);
    }
    let mut total = 0_u128;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or(DurationError::Unit)?;
        let (number, after) = rest.split_at(end);
        let (unit, nanos) = UNITS
            .iter()
            .find(|(unit, _)| after.starts_with(unit) && !longer_unit(after, unit))
            .ok_or(if number.is_empty() { DurationError::Syntax } else { DurationError::Unit })?;
        total = total.checked_add(scaled(number, *nanos)?).ok_or(DurationError::OutOfRange)?;
        rest = &after[unit.len()..];
    }
    let total = u64::try_from(total).map_err(|_| DurationError::OutOfRange)?;
    Ok(Duration::from_nanos(total))
}

/// Whether a unit that begins with `unit` stands here: `ms` where `m` was tried.
fn longer_unit(after: &str, unit: &str) -> bool {
    UNITS
        .iter()
        .any(|(other, _)| other.len() > unit.len() && other.starts_with(unit) && after.starts_with(other))
}

/// `number` units in nanoseconds; fractions below a nanosecond are dropped.
fn scaled(number: &str, unit: u64) -> Result<u128, DurationError> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return Err(DurationError::Syntax);
    }
    let whole: u128 =
        if whole.is_empty() { 0 } else { whole.parse().map_err(|_| DurationError::OutOfRange)? };
    let unit = u128::from(unit);
    let mut total = whole.checked_mul(unit).ok_or(DurationError::OutOfRange)?;
    let mut place = unit;
    for digit in fraction.bytes() {
        place /= 10;
        let part = u128::from(digit - b'0') * place;
        total = total.checked_add(part).ok_or(DurationError::OutOfRange)?;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units_add_up() {
        let cases = [
            ("90s", Duration::from_secs(90)),
            ("2h30m", Duration::from_secs(9000)),
            ("1.5h", Duration::from_secs(5400)),
            ("100ms", Duration::from_millis(100)),
            ("1m1ms", Duration::from_millis(60_001)),
            ("7us", Duration::from_micros(7)),
            ("7µs", Duration::from_micros(7)),
            ("3ns", Duration::from_nanos(3)),
            ("1d", Duration::from_secs(86_400)),
            (".5s", Duration::from_millis(500)),
            ("0", Duration::ZERO),
            ("0s", Duration::ZERO),
        ];
        for (text, duration) in cases {
            assert_eq!(parse(text), Ok(duration), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let cases = [
            ("", DurationError::Syntax),
            ("s", DurationError::Syntax),
            (".s", DurationError::Syntax),
            ("1.2.3s", DurationError::Syntax),
            ("30", DurationError::Unit),
            ("30 s", DurationError::Unit),
            ("1w", DurationError::Unit),
            ("-1s", DurationError::Negative),
            ("999999999999999h", DurationError::OutOfRange),
            ("340282366920938463463374607431.9s", DurationError::OutOfRange),
        ];
        for (text, error) in cases {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }
}
