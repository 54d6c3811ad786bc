//! One verb of a format: `%[flags][width][.precision][[argument]]letter`.

use std::fmt;

use num_bigint::BigInt;
use unicode_segmentation::UnicodeSegmentation;

use crate::value::{Number, Value};

/// Widest field and longest fraction.
const MAX_WIDTH: usize = 1_000;

/// Greatest position between brackets: no call has that many arguments.
const MAX_POSITION: usize = 1_000_000;

/// A part of a parsed format.
pub(super) enum Piece {
    Literal(String),
    Verb(Verb),
}

impl Piece {
    pub(super) fn verb(&self) -> Option<&Verb> {
        match self {
            Self::Literal(_) => None,
            Self::Verb(verb) => Some(verb),
        }
    }
}

/// A verb with its flags.
pub(super) struct Verb {
    /// Position of the value, from 0.
    pub(super) argument: usize,
    written: String,
    letter: char,
    plus: bool,
    minus: bool,
    space: bool,
    zero: bool,
    sharp: bool,
    width: usize,
    precision: Option<usize>,
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// Splits a format into text and verbs.
///
/// # Errors
/// What is wrong with the format, and where.
pub(super) fn parse(format: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut next_argument = 0;
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        if at > 0 {
            pieces.push(Piece::Literal(rest[..at].to_owned()));
        }
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("%%") {
            pieces.push(Piece::Literal("%".to_owned()));
            rest = after;
            continue;
        }
        let (verb, length) = Verb::parse(rest, next_argument).map_err(|problem| {
            let at = format[..format.len() - rest.len()].chars().count() + 1;
            format!("at character {at}, {problem}")
        })?;
        next_argument = verb.argument + 1;
        pieces.push(Piece::Verb(verb));
        rest = &rest[length..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest.to_owned()));
    }
    Ok(pieces)
}

impl Verb {
    /// Reads the verb at the start of `text`; the second value is its length in bytes.
    fn parse(text: &str, next_argument: usize) -> Result<(Self, usize), String> {
        let flags: String = text[1..].chars().take_while(|c| "+- 0#".contains(*c)).collect();
        let mut at = 1 + flags.len();
        let width = take_number(text, &mut at)?;
        let precision = if text[at..].starts_with('.') {
            at += 1;
            Some(take_number(text, &mut at)?.unwrap_or(0))
        } else {
            None
        };
        let mut argument = next_argument;
        if text[at..].starts_with('[') {
            let end = text[at..].find(']').ok_or("`[` without `]`")?;
            let number: usize = text[at + 1..at + end].parse().unwrap_or(0);
            if number > MAX_POSITION {
                return Err(format!("a position is above the greatest, {MAX_POSITION}"));
            }
            argument = number.checked_sub(1).ok_or("between the brackets is no position, they begin at 1")?;
            at += end + 1;
        }
        let letter = text[at..].chars().next().ok_or("the format ends before its verb")?;
        at += letter.len_utf8();
        if !"vsqtdboxXeEfFgG".contains(letter) {
            return Err("the verb is unknown; write `%%` for a percent sign".to_owned());
        }
        let has = |flag: char| flags.contains(flag);
        let verb = Self {
            argument,
            written: text[..at].to_owned(),
            letter,
            plus: has('+'),
            minus: has('-'),
            space: has(' '),
            zero: has('0'),
            sharp: has('#'),
            width: width.unwrap_or(0),
            precision,
        };
        Ok((verb, at))
    }

    /// Whether the text of the value goes into the result unseen.
    pub(super) fn only_moves(&self) -> bool {
        matches!(self.letter, 's' | 'v') && !self.sharp && self.width == 0 && self.precision.is_none()
    }

    /// The value as this verb writes it.
    ///
    /// # Errors
    /// What the verb needs instead.
    pub(super) fn apply(&self, value: &Value) -> Result<String, &'static str> {
        match self.letter {
            'v' => Ok(self.default_form(value)),
            's' => Ok(self.pad_text(self.cut(&scalar(value)?))),
            'q' => Ok(self.pad_text(&serde_json::Value::from(self.cut(&scalar(value)?)).to_string())),
            't' => {
                let value = value.to_bool().map_err(|_| "a bool")?;
                Ok(self.pad_text(if value { "true" } else { "false" }))
            }
            letter => {
                let number = value.to_number().map_err(|_| "a number")?;
                Ok(self.number(letter, &number))
            }
        }
    }

    /// `%v`: the natural form; with `#`, and for everything that is no scalar, JSON.
    fn default_form(&self, value: &Value) -> String {
        let json = || value.to_json().unwrap_or_default();
        match value {
            _ if self.sharp => self.pad_text(&json()),
            Value::Number(number) => self.number('g', number),
            Value::Text(_) | Value::Bool(_) => self.pad_text(self.cut(&scalar(value).unwrap_or_default())),
            Value::Null | Value::List(_) | Value::Set(_) | Value::Object(_) => self.pad_text(&json()),
        }
    }

    fn number(&self, letter: char, number: &Number) -> String {
        let magnitude = number.abs();
        let digits = match letter {
            'd' | 'b' | 'o' | 'x' | 'X' => self.integer(letter, &magnitude),
            'f' | 'F' => magnitude.to_fixed(self.precision.unwrap_or(6)),
            'e' | 'E' => exponential(magnitude.to_f64(), self.precision.unwrap_or(6), letter),
            _ => self.general(letter, &magnitude),
        };
        let sign = match (number.signum() < 0, self.plus, self.space) {
            (true, _, _) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        };
        let missing = self.width.saturating_sub(sign.len() + digits.len());
        if self.zero && !self.minus {
            format!("{sign}{}{digits}", "0".repeat(missing))
        } else {
            self.pad_text(&format!("{sign}{digits}"))
        }
    }

    /// The whole part in base 10, 2, 8 or 16; the precision is the least number of digits.
    fn integer(&self, letter: char, magnitude: &Number) -> String {
        let whole: BigInt = magnitude.floor().to_integer().unwrap_or_default();
        let (base, prefix) = match letter {
            'b' => (2, "0b"),
            'o' => (8, "0"),
            'x' => (16, "0x"),
            'X' => (16, "0X"),
            _ => (10, ""),
        };
        let digits = format!("{:0>width$}", whole.to_str_radix(base), width = self.precision.unwrap_or(0));
        let digits = if letter == 'X' { digits.to_uppercase() } else { digits };
        if self.sharp { format!("{prefix}{digits}") } else { digits }
    }

    /// `%g`: the shortest form, with an exponent below -4 or from the precision (6) on. `%v` never
    /// has an exponent.
    fn general(&self, letter: char, magnitude: &Number) -> String {
        let value = magnitude.to_f64();
        let plain = magnitude.to_string();
        let exponent = if value == 0.0 { 0 } else { decimal_exponent(value) };
        let upper = if letter == 'G' { 'E' } else { 'e' };
        match self.precision {
            None if self.letter == 'v' => plain,
            None if (-4..6).contains(&exponent) => plain,
            None => shortest_exponential(value, upper),
            Some(precision) => {
                let precision = precision.max(1);
                let limit = i32::try_from(precision).unwrap_or(i32::MAX);
                if (-4..limit).contains(&exponent) {
                    let places = usize::try_from(limit - 1 - exponent).unwrap_or(0);
                    trim_fraction(&magnitude.to_fixed(places)).to_owned()
                } else {
                    let text = exponential(value, precision - 1, upper);
                    let (mantissa, power) = text.split_once(upper).unwrap_or((&text, ""));
                    format!("{}{upper}{power}", trim_fraction(mantissa))
                }
            }
        }
    }

    /// At most `precision` characters.
    fn cut<'a>(&self, text: &'a str) -> &'a str {
        let end = self.precision.and_then(|precision| text.grapheme_indices(true).nth(precision));
        end.map_or(text, |(at, _)| &text[..at])
    }

    /// Spaces up to the width, on the left unless `-` is given.
    fn pad_text(&self, text: &str) -> String {
        if self.width == 0 {
            return text.to_owned();
        }
        let missing = self.width.saturating_sub(text.graphemes(true).count());
        let spaces = " ".repeat(missing);
        if self.minus { format!("{text}{spaces}") } else { format!("{spaces}{text}") }
    }
}

fn take_number(text: &str, at: &mut usize) -> Result<Option<usize>, String> {
    let digits: String = text[*at..].chars().take_while(char::is_ascii_digit).collect();
    *at += digits.len();
    if digits.is_empty() {
        return Ok(None);
    }
    match digits.parse() {
        Ok(number) if number <= MAX_WIDTH => Ok(Some(number)),
        _ => Err(format!("a number is above the greatest width and precision, {MAX_WIDTH}")),
    }
}

fn scalar(value: &Value) -> Result<String, &'static str> {
    let text = value.to_text().map_err(|_| "a string")?;
    text.as_literal().map(str::to_owned).ok_or("a string")
}

fn decimal_exponent(value: f64) -> i32 {
    let text = format!("{value:e}");
    text.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0)
}

fn exponential(value: f64, precision: usize, letter: char) -> String {
    with_signed_exponent(&format!("{value:.precision$e}"), letter)
}

fn shortest_exponential(value: f64, letter: char) -> String {
    with_signed_exponent(&format!("{value:e}"), letter)
}

/// The exponent has a sign and at least two digits.
fn with_signed_exponent(text: &str, letter: char) -> String {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}{letter}{sign}{digits:0>2}")
}

fn trim_fraction(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}
