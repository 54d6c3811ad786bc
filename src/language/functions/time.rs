//! Functions on moments in time, which are texts in the form of RFC 3339.

use chrono::{DateTime, Datelike, FixedOffset, SecondsFormat, TimeDelta, Timelike};

use super::FnError;
use super::call::{Call, Function, Outcome, failed};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::exactly("formatdate", 2, |c| {
        let moment = timestamp(c, 1)?;
        let malformed = |problem| FnError::Malformed { index: 0, notation: "date format", problem };
        format_date(&c.string(0)?, &moment).map(Into::into).map_err(malformed)
    }),
    Function::exactly("timeadd", 2, timeadd),
    Function::exactly("timestamp", 0, |c| Ok(c.now.to_rfc3339_opts(SecondsFormat::Secs, true).into())),
];

fn timestamp(call: &Call<'_>, index: usize) -> Result<DateTime<FixedOffset>, FnError> {
    let text = call.string(index)?;
    let strict = text.as_bytes().get(10) == Some(&b'T') && !text.contains(['t', 'z']);
    DateTime::parse_from_rfc3339(&text).ok().filter(|_| strict).ok_or_else(|| FnError::Argument {
        index,
        expected: "a timestamp like 2006-01-02T15:04:05Z".to_owned(),
        found: format!("string {text:?}"),
    })
}

fn timeadd(call: &Call<'_>) -> Outcome {
    let (moment, text) = (timestamp(call, 0)?, call.string(1)?);
    let duration = duration(&text).ok_or_else(|| FnError::Argument {
        index: 1,
        expected: "a duration like 1h30m or -10s".to_owned(),
        found: format!("string {text:?}"),
    })?;
    let sum = moment.checked_add_signed(duration).filter(|sum| (0..=9999).contains(&sum.year()));
    let sum = sum.ok_or_else(|| failed("the result is not within the years 0 to 9999"))?;
    Ok(sum.to_rfc3339_opts(SecondsFormat::Secs, true).into())
}

/// A signed sequence of decimal numbers with a unit each: `ns`, `us`, `ms`, `s`, `m`, `h`. A
/// single `0` needs no unit.
fn duration(text: &str) -> Option<TimeDelta> {
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Some(TimeDelta::zero());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        total = total.checked_add(nanoseconds(number, unit)?)?;
        rest = after;
    }
    let total = i64::try_from(if negative { -total } else { total }).ok()?;
    (!text.trim_start_matches(['-', '+']).is_empty()).then(|| TimeDelta::nanoseconds(total))
}

fn nanoseconds(number: &str, unit: &str) -> Option<i128> {
    let unit: i128 = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || fraction.len() > 18 {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    let fraction: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    whole.checked_mul(unit)?.checked_add(fraction * unit / scale)
}

/// Runs of one letter are tokens, text in single quotes is copied (`''` inside is a quote), and
/// everything that is no ASCII letter stands for itself.
fn format_date(format: &str, moment: &DateTime<FixedOffset>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = format;
    while let Some(c) = rest.chars().next() {
        if c == '\'' {
            let end = closing_quote(rest).ok_or("a quote that is not closed")?;
            out.push_str(&rest[1..end].replace("''", "'"));
            rest = &rest[end + 1..];
        } else if c.is_ascii_alphabetic() {
            let end = rest.find(|other| other != c).unwrap_or(rest.len());
            let token = date_token(&rest[..end], moment).ok_or_else(|| {
                let at = format[..format.len() - rest.len()].chars().count() + 1;
                format!("the letters from character {at} on are no token; put text into single quotes")
            })?;
            out.push_str(&token);
            rest = &rest[end..];
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    Ok(out)
}

/// Where the quote that is open at the start of `text` closes.
fn closing_quote(text: &str) -> Option<usize> {
    let mut at = 1;
    loop {
        at += text[at..].find('\'')?;
        if !text[at + 1..].starts_with('\'') {
            return Some(at);
        }
        at += 2;
    }
}

fn date_token(token: &str, moment: &DateTime<FixedOffset>) -> Option<String> {
    let (afternoon, hour) = moment.hour12();
    let chrono = |spec: &str| moment.format(spec).to_string();
    Some(match token {
        "YYYY" => format!("{:04}", moment.year()),
        "YY" => format!("{:02}", moment.year() % 100),
        "MMMM" => chrono("%B"),
        "MMM" => chrono("%b"),
        "MM" => format!("{:02}", moment.month()),
        "M" => moment.month().to_string(),
        "DD" => format!("{:02}", moment.day()),
        "D" => moment.day().to_string(),
        "EEEE" => chrono("%A"),
        "EEE" => chrono("%a"),
        "hh" => format!("{:02}", moment.hour()),
        "h" => moment.hour().to_string(),
        "HH" => format!("{hour:02}"),
        "H" => hour.to_string(),
        "AA" => if afternoon { "PM" } else { "AM" }.to_owned(),
        "aa" => if afternoon { "pm" } else { "am" }.to_owned(),
        "mm" => format!("{:02}", moment.minute()),
        "m" => moment.minute().to_string(),
        "ss" => format!("{:02}", moment.second()),
        "s" => moment.second().to_string(),
        "Z" if moment.offset().local_minus_utc() == 0 => "Z".to_owned(),
        "ZZZ" if moment.offset().local_minus_utc() == 0 => "UTC".to_owned(),
        "ZZZ" | "ZZZZ" => chrono("%z"),
        "Z" | "ZZZZZ" => chrono("%:z"),
        _ => return None,
    })
}
