//! Numbers of the pipeline language: binary floating point with 512 bits of precision, the
//! precision users know from HCL. Integers up to 512 bits are exact, `0.1 + 0.2` prints as
//! `0.3`, and nothing is ever printed with an exponent.

mod decimal;

use std::cmp::Ordering;

use num_bigint::{BigInt, Sign};

/// Bits kept after each operation.
const PRECISION: u64 = 512;
/// Largest magnitude of a number's binary exponent: beyond it, printing without an exponent
/// would let one short expression fill the memory.
const MAX_EXPONENT: i64 = 16_384;
/// Largest power of ten that is computed: the digits that a text may have do not bring back into
/// the range what lies beyond it.
const MAX_POWER: u64 = 2 * MAX_EXPONENT.unsigned_abs();
/// `mantissa · 2^exponent`. The mantissa is odd, or both are zero, so equal values are equal
/// representations.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Number {
    mantissa: BigInt,
    exponent: i64,
}

/// Why an operation on numbers has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// The divisor of `/` or `%` is zero.
    #[error("division by zero")]
    DivisionByZero,
    /// The result is too large or too small to be kept.
    #[error("the result is out of range")]
    OutOfRange,
}

impl Number {
    /// Zero.
    #[must_use]
    pub fn zero() -> Self {
        Self { mantissa: BigInt::ZERO, exponent: 0 }
    }

    /// The decimal number nearest to `value`; `None` for infinities and NaN.
    #[must_use]
    pub fn from_f64(value: f64) -> Option<Self> {
        if value.is_finite() { value.to_string().parse().ok() } else { None }
    }

    /// The nearest double.
    #[must_use]
    pub fn to_f64(&self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// The integer, when the number is one and fits.
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        i64::try_from(self.to_integer()?).ok()
    }

    /// The exact integer, when the number is whole.
    #[must_use]
    pub fn to_integer(&self) -> Option<BigInt> {
        let shift = usize::try_from(self.exponent).ok()?;
        Some(&self.mantissa << shift)
    }

    /// Whether there is no fractional part.
    #[must_use]
    pub fn is_integer(&self) -> bool {
        self.exponent >= 0
    }

    /// -1, 0 or 1.
    #[must_use]
    pub fn signum(&self) -> i64 {
        match self.mantissa.sign() {
            Sign::Minus => -1,
            Sign::NoSign => 0,
            Sign::Plus => 1,
        }
    }

    /// The number without its sign.
    #[must_use]
    pub fn abs(&self) -> Self {
        if self.signum() < 0 { self.negate() } else { self.clone() }
    }

    /// The number with the other sign.
    #[must_use]
    pub fn negate(&self) -> Self {
        Self { mantissa: -&self.mantissa, exponent: self.exponent }
    }

    /// The largest integer not above the number.
    #[must_use]
    pub fn floor(&self) -> Self {
        // `>>` on a BigInt rounds towards minus infinity.
        match self.fraction_bits() {
            0 => self.clone(),
            bits => Self::normal(&self.mantissa >> bits, 0),
        }
    }

    /// The smallest integer not below the number.
    #[must_use]
    pub fn ceil(&self) -> Self {
        self.negate().floor().negate()
    }

    /// Sum.
    ///
    /// # Errors
    /// When the result is out of range.
    pub fn add(&self, other: &Self) -> Result<Self, NumberError> {
        let (left, right, exponent) = self.aligned(other);
        Self::rounded(left + right, exponent)
    }

    /// Difference.
    ///
    /// # Errors
    /// When the result is out of range.
    pub fn subtract(&self, other: &Self) -> Result<Self, NumberError> {
        self.add(&other.negate())
    }

    /// Product.
    ///
    /// # Errors
    /// When the result is out of range.
    pub fn multiply(&self, other: &Self) -> Result<Self, NumberError> {
        Self::rounded(&self.mantissa * &other.mantissa, self.exponent + other.exponent)
    }

    /// Quotient.
    ///
    /// # Errors
    /// When the divisor is zero or the result is out of range.
    pub fn divide(&self, other: &Self) -> Result<Self, NumberError> {
        let exponent = self.exponent - other.exponent;
        Self::ratio(&self.mantissa, &other.mantissa, exponent)
    }

    /// Remainder of the division that truncates: it has the sign of the dividend.
    ///
    /// # Errors
    /// When the divisor is zero.
    pub fn remainder(&self, other: &Self) -> Result<Self, NumberError> {
        if other.signum() == 0 {
            return Err(NumberError::DivisionByZero);
        }
        let (left, right, exponent) = self.aligned(other);
        Self::rounded(left % right, exponent)
    }

    /// Digits after the binary point.
    fn fraction_bits(&self) -> usize {
        usize::try_from(-self.exponent).unwrap_or(0)
    }

    /// Both mantissas at the smaller of the two exponents.
    fn aligned(&self, other: &Self) -> (BigInt, BigInt, i64) {
        let exponent = self.exponent.min(other.exponent);
        let shift = |n: &Self| {
            let bits = usize::try_from(n.exponent - exponent).unwrap_or(0);
            &n.mantissa << bits
        };
        (shift(self), shift(other), exponent)
    }

    /// `numerator / denominator · 2^exponent`, rounded to nearest even.
    fn ratio(numerator: &BigInt, denominator: &BigInt, exponent: i64) -> Result<Self, NumberError> {
        if denominator.sign() == Sign::NoSign {
            return Err(NumberError::DivisionByZero);
        }
        // Two bits more than kept and one that tells whether anything was cut off.
        let missing = (PRECISION + 2 + denominator.bits()).saturating_sub(numerator.bits());
        let shifted: BigInt = numerator << missing;
        let quotient = &shifted / denominator;
        let exact = &quotient * denominator == shifted;
        let sticky = match (exact, (numerator.sign() == Sign::Minus) == (denominator.sign() == Sign::Minus)) {
            (true, _) => BigInt::ZERO,
            (false, true) => BigInt::from(1),
            (false, false) => BigInt::from(-1),
        };
        Self::rounded((quotient << 1) + sticky, exponent - i64::try_from(missing).unwrap_or(MAX_EXPONENT) - 1)
    }

    /// Rounds to the precision, half to even, and checks the range.
    fn rounded(mantissa: BigInt, exponent: i64) -> Result<Self, NumberError> {
        let excess = mantissa.bits().saturating_sub(PRECISION);
        let number = if excess == 0 {
            Self::normal(mantissa, exponent)
        } else {
            let (sign, magnitude) = mantissa.into_parts();
            let half = excess - 1;
            let round_up =
                magnitude.bit(half) && (magnitude.trailing_zeros() < Some(half) || magnitude.bit(excess));
            let kept = (magnitude >> excess) + u32::from(round_up);
            let exponent = exponent + i64::try_from(excess).map_err(|_| NumberError::OutOfRange)?;
            Self::normal(BigInt::from_biguint(sign, kept), exponent)
        };
        let highest = number.exponent + i64::try_from(number.mantissa.bits()).unwrap_or(i64::MAX / 2);
        if highest.abs() > MAX_EXPONENT { Err(NumberError::OutOfRange) } else { Ok(number) }
    }

    /// Makes the mantissa odd.
    fn normal(mantissa: BigInt, exponent: i64) -> Self {
        match mantissa.trailing_zeros() {
            None => Self::zero(),
            Some(0) => Self { mantissa, exponent },
            Some(zeros) => {
                let shift = i64::try_from(zeros).unwrap_or(0);
                Self { mantissa: mantissa >> zeros, exponent: exponent + shift }
            }
        }
    }

    /// `digits · 10^exponent`.
    fn decimal(digits: &BigInt, exponent: i64) -> Result<Self, NumberError> {
        if exponent.unsigned_abs() > MAX_POWER {
            return Err(NumberError::OutOfRange);
        }
        let magnitude = usize::try_from(exponent.unsigned_abs()).map_err(|_| NumberError::OutOfRange)?;
        if exponent >= 0 {
            Self::rounded(digits * power(10, magnitude), 0)
        } else {
            Self::ratio(digits, &power(10, magnitude), 0)
        }
    }
}

fn power(base: u32, exponent: usize) -> BigInt {
    num_bigint::BigUint::from(base).pow(u32::try_from(exponent).unwrap_or(u32::MAX)).into()
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::normal(value.into(), 0)
    }
}

impl From<usize> for Number {
    fn from(value: usize) -> Self {
        Self::normal(value.into(), 0)
    }
}

impl TryFrom<BigInt> for Number {
    type Error = NumberError;

    fn try_from(value: BigInt) -> Result<Self, NumberError> {
        Self::rounded(value, 0)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let (left, right, _) = self.aligned(other);
        left.cmp(&right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    #[test]
    fn calculates_with_512_bits() {
        let third = number("1").divide(&number("3")).unwrap();
        assert_eq!(third.to_string(), format!("0.{}5", "3".repeat(154)));
        assert_eq!(third.multiply(&number("3")).unwrap(), number("1"));
        assert_eq!(number("0.1").add(&number("0.2")).unwrap().to_string(), "0.3");
        assert_eq!(
            number("18446744073709551615").add(&number("1")).unwrap().to_string(),
            "18446744073709551616"
        );
        assert_eq!(number("2.5").subtract(&number("5")).unwrap().to_string(), "-2.5");
        assert_eq!(number("10").divide(&number("-4")).unwrap().to_string(), "-2.5");
    }

    #[test]
    fn remainder_has_the_sign_of_the_dividend() {
        assert_eq!(number("7").remainder(&number("3")), Ok(number("1")));
        assert_eq!(number("-7").remainder(&number("3")), Ok(number("-1")));
        assert_eq!(number("7.5").remainder(&number("-2")), Ok(number("1.5")));
        assert_eq!(number("1").remainder(&Number::zero()), Err(NumberError::DivisionByZero));
        assert_eq!(number("1").divide(&Number::zero()), Err(NumberError::DivisionByZero));
    }

    #[test]
    fn stays_in_range() {
        let mut big = number("1e4000");
        assert_eq!(big.to_string().len(), 4001);
        big = big.clone();
        assert_eq!(big.multiply(&big), Err(NumberError::OutOfRange));
        assert_eq!(number("1e-4000").multiply(&number("1e-4000")), Err(NumberError::OutOfRange));
        for exponent in [i64::MIN, -1_000_000_000, 1_000_000_000, i64::MAX] {
            assert_eq!(Number::decimal(&1.into(), exponent), Err(NumberError::OutOfRange), "{exponent}");
        }
    }

    #[test]
    fn rounds_to_integers() {
        for (text, floor, ceil) in
            [("1.5", 1, 2), ("-1.5", -2, -1), ("2", 2, 2), ("0.1", 0, 1), ("-0.1", -1, 0)]
        {
            assert_eq!(number(text).floor().to_i64(), Some(floor), "{text}");
            assert_eq!(number(text).ceil().to_i64(), Some(ceil), "{text}");
        }
        assert_eq!(number("1.5").to_i64(), None);
        assert_eq!(number("1e30").to_i64(), None);
    }

    #[test]
    fn compares_by_value() {
        assert!(number("0.5") < number("1"));
        assert!(number("-3") < number("0.001"));
        assert_eq!(number("1.0"), number("1"));
        assert!((Number::from_f64(0.25).unwrap().to_f64() - 0.25).abs() < f64::EPSILON);
        assert_eq!(Number::from_f64(f64::INFINITY), None);
    }
}
