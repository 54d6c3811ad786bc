//! Numbers as text, and text as numbers.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use num_bigint::BigInt;

use super::{MAX_EXPONENT, Number, PRECISION, power};

/// Longest number accepted as text, in bytes.
const MAX_TEXT: usize = 5_000;

impl Number {
    /// The number with exactly `places` digits after the point, rounded half to even.
    #[must_use]
    pub fn to_fixed(&self, places: usize) -> String {
        let (exact, scale) = self.exact_digits();
        let digits = if places >= scale {
            exact * power(10, places - scale)
        } else {
            let unit = power(10, scale - places);
            let (quotient, rest) = (&exact / &unit, &exact % &unit);
            let round_up = match (rest * 2_u8).cmp(&unit) {
                Ordering::Greater => true,
                Ordering::Equal => quotient.bit(0),
                Ordering::Less => false,
            };
            quotient + u8::from(round_up)
        };
        let sign = if self.signum() < 0 { "-" } else { "" };
        let padded = format!("{:0>width$}", digits.to_string(), width = places + 1);
        let (whole, fraction) = padded.split_at(padded.len() - places);
        if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }

    /// The digits of the magnitude with `scale` of them behind the point: exact.
    fn exact_digits(&self) -> (BigInt, usize) {
        let magnitude = BigInt::from(self.mantissa.magnitude().clone());
        match self.fraction_bits() {
            0 => (magnitude << usize::try_from(self.exponent).unwrap_or(0), 0),
            bits => (magnitude * power(5, bits), bits),
        }
    }

    /// The fewest digits that read back as this number.
    fn shortest_digits(&self) -> (String, usize) {
        let (exact, scale) = self.exact_digits();
        let all = exact.to_string();
        if self.is_integer() && exact.bits() <= PRECISION {
            return (all, 0);
        }
        let magnitude = self.abs();
        let shortened = |count: usize| {
            let cut = all.len() - count;
            let unit = power(10, cut);
            let kept: BigInt = (&exact + &unit / 2) / &unit;
            let read_back =
                Self::decimal(&kept, i64::try_from(cut).unwrap_or(0) - i64::try_from(scale).unwrap_or(0));
            (read_back.as_ref() == Ok(&magnitude)).then_some((kept, cut))
        };
        let (mut low, mut high) = (1, all.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if shortened(middle).is_some() { high = middle } else { low = middle + 1 }
        }
        match shortened(low) {
            Some((kept, cut)) if cut <= scale => (kept.to_string(), scale - cut),
            Some((kept, cut)) => ((kept * power(10, cut - scale)).to_string(), 0),
            None => (all, scale),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (digits, scale) = self.shortest_digits();
        if self.signum() < 0 {
            f.write_str("-")?;
        }
        if scale == 0 {
            return f.write_str(&digits);
        }
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() { f.write_str(whole) } else { write!(f, "{whole}.{fraction}") }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The text is no decimal number, or one that is out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a number is required")]
pub struct NotANumber;

impl FromStr for Number {
    type Err = NotANumber;

    /// Reads `[+-] digits [. digits] [e [+-] digits]`, at least one digit before the exponent.
    fn from_str(text: &str) -> Result<Self, NotANumber> {
        if text.len() > MAX_TEXT {
            return Err(NotANumber);
        }
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], text[at + 1..].parse::<i64>().map_err(|_| NotANumber)?),
            None => (text, 0),
        };
        if exponent.unsigned_abs() > MAX_EXPONENT.unsigned_abs() {
            return Err(NotANumber);
        }
        let unsigned = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NotANumber);
        }
        let value = BigInt::parse_bytes(digits.as_bytes(), 10).ok_or(NotANumber)?;
        let value = if mantissa.starts_with('-') { -value } else { value };
        let scale = i64::try_from(fraction.len()).map_err(|_| NotANumber)?;
        Self::decimal(&value, exponent - scale).map_err(|_| NotANumber)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    #[test]
    fn prints_what_was_written_without_exponent() {
        for (text, printed) in [
            ("0", "0"),
            ("-0", "0"),
            ("7", "7"),
            ("-12.50", "-12.5"),
            ("0.1", "0.1"),
            (".5", "0.5"),
            ("1e3", "1000"),
            ("1.5E-3", "0.0015"),
            ("+2", "2"),
            ("1e30", "1000000000000000000000000000000"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("0.000000000000000000000000000001", "0.000000000000000000000000000001"),
        ] {
            assert_eq!(number(text).to_string(), printed, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_number() {
        for text in ["", "-", ".", "1e", "0x10", "1_000", " 1", "Inf", "NaN", "1e99999", "e5", "--1", "１"] {
            assert_eq!(text.parse::<Number>(), Err(NotANumber), "{text}");
        }
        for exponent in [i64::MIN, i64::MIN + 1, -16_385, 16_385, i64::MAX] {
            assert_eq!(format!("1e{exponent}").parse::<Number>(), Err(NotANumber), "{exponent}");
        }
    }

    #[test]
    fn fixed_places_round_half_to_even() {
        for (text, places, fixed) in [
            ("0.125", 2, "0.12"),
            ("0.375", 2, "0.38"),
            ("2.5", 0, "2"),
            ("-1.005", 1, "-1.0"),
            ("3", 2, "3.00"),
        ] {
            assert_eq!(number(text).to_fixed(places), fixed, "{text}");
        }
    }
}
