//! Functions on numbers.

use num_bigint::BigInt;

use super::FnError;
use super::call::{Call, Function, Outcome, failed};
use crate::value::{Number, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::exactly("abs", 1, |c| Ok(c.number(0)?.abs().into())),
    Function::exactly("ceil", 1, |c| Ok(c.number(0)?.ceil().into())),
    Function::exactly("floor", 1, |c| Ok(c.number(0)?.floor().into())),
    Function::exactly("signum", 1, |c| Ok(c.number(0)?.signum().into())),
    Function::exactly("log", 2, |c| finite(c.number(0)?.to_f64().ln() / c.number(1)?.to_f64().ln())),
    Function::exactly("pow", 2, |c| finite(c.number(0)?.to_f64().powf(c.number(1)?.to_f64()))),
    Function::at_least("max", 1, |c| extreme(c, |best, next| next > best)),
    Function::at_least("min", 1, |c| extreme(c, |best, next| next < best)),
    Function::exactly("parseint", 2, parseint),
];

fn finite(result: f64) -> Outcome {
    Number::from_f64(result).map(Value::Number).ok_or_else(|| failed("the result is not a finite number"))
}

fn extreme(call: &Call<'_>, replaces: fn(&Number, &Number) -> bool) -> Outcome {
    let mut best = call.number(0)?;
    for index in 1..call.args.len() {
        let next = call.number(index)?;
        if replaces(&best, &next) {
            best = next;
        }
    }
    Ok(best.into())
}

/// Up to base 36 upper and lower case are the same digits; above, `a`–`z` are 10–35 and `A`–`Z`
/// are 36–61.
fn parseint(call: &Call<'_>) -> Outcome {
    let (text, base) = (call.string(0)?, call.integer(1)?);
    let base = u32::try_from(base).ok().filter(|base| (2..=62).contains(base)).ok_or_else(|| {
        FnError::Argument { index: 1, expected: "a base from 2 to 62".to_owned(), found: base.to_string() }
    })?;
    let wrong = || failed(format!("{text:?} is no whole number in base {base}"));
    let digits = text.strip_prefix(['-', '+']).unwrap_or(&text);
    if digits.is_empty() || digits.len() > 1_000 {
        return Err(wrong());
    }
    let mut value = BigInt::ZERO;
    for c in digits.chars() {
        let digit = match c {
            '0'..='9' => u32::from(c) - u32::from('0'),
            'a'..='z' => u32::from(c) - u32::from('a') + 10,
            'A'..='Z' if base <= 36 => u32::from(c) - u32::from('A') + 10,
            'A'..='Z' => u32::from(c) - u32::from('A') + 36,
            _ => return Err(wrong()),
        };
        if digit >= base {
            return Err(wrong());
        }
        value = value * base + digit;
    }
    let value = if text.starts_with('-') { -value } else { value };
    Number::try_from(value).map(Value::Number).map_err(|e| failed(e.to_string()))
}
