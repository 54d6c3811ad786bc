//! Functions on text. Lengths and positions count what a reader sees as one character.

use pikoci_model::text::Text;
use unicode_segmentation::UnicodeSegmentation;

use super::FnError;
use super::call::{Call, Function, Outcome, bounded, refused, size_of};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::exactly("chomp", 1, |c| Ok(c.string(0)?.trim_end_matches(['\r', '\n']).into())),
    Function::exactly("endswith", 2, |c| Ok(c.string(0)?.ends_with(&c.string(1)?).into())),
    Function::exactly("startswith", 2, |c| Ok(c.string(0)?.starts_with(&c.string(1)?).into())),
    Function::exactly("strcontains", 2, |c| Ok(c.string(0)?.contains(&c.string(1)?).into())),
    Function::exactly("indent", 2, indent),
    Function::at_least("join", 2, join).moving_secrets(),
    Function::exactly("lower", 1, |c| Ok(c.string(0)?.to_lowercase().into())),
    Function::exactly("upper", 1, |c| Ok(c.string(0)?.to_uppercase().into())),
    Function::exactly("title", 1, |c| Ok(title(&c.string(0)?).into())),
    Function::exactly("strrev", 1, |c| Ok(c.string(0)?.graphemes(true).rev().collect::<String>().into())),
    Function::exactly("trimspace", 1, |c| Ok(c.string(0)?.trim().into())),
    Function::exactly("replace", 3, replace),
    Function::exactly("split", 2, |c| Ok(split(&c.string(0)?, &c.string(1)?))),
    Function::exactly("strlen", 1, |c| Ok(c.string(0)?.graphemes(true).count().into())),
    Function::exactly("substr", 3, |c| Ok(substr(&c.string(0)?, c.integer(1)?, c.integer(2)?).into())),
    Function::exactly("trim", 2, |c| {
        let cut: Vec<char> = c.string(1)?.chars().collect();
        Ok(c.string(0)?.trim_matches(cut.as_slice()).into())
    }),
    Function::exactly("trimprefix", 2, |c| {
        let (text, prefix) = (c.string(0)?, c.string(1)?);
        Ok(text.strip_prefix(&prefix).unwrap_or(&text).into())
    }),
    Function::exactly("trimsuffix", 2, |c| {
        let (text, suffix) = (c.string(0)?, c.string(1)?);
        Ok(text.strip_suffix(&suffix).unwrap_or(&text).into())
    }),
];

/// Longest indentation: a typing error must not fill the memory.
const MAX_INDENT: usize = 1_000;

fn indent(call: &Call<'_>) -> Outcome {
    let width = call.count(0)?;
    if width > MAX_INDENT {
        return Err(FnError::Argument {
            index: 0,
            expected: format!("at most {MAX_INDENT} spaces"),
            found: width.to_string(),
        });
    }
    let text = call.string(1)?;
    bounded(text.len().saturating_add(text.matches('\n').count().saturating_mul(width)))?;
    Ok(text.replace('\n', &format!("\n{}", " ".repeat(width))).into())
}

/// All occurrences of a literal text.
fn replace(call: &Call<'_>) -> Outcome {
    let (text, old, new) = (call.string(0)?, call.string(1)?, call.string(2)?);
    bounded(text.len().saturating_add(text.matches(&old).count().saturating_mul(new.len())))?;
    Ok(text.replace(&old, &new).into())
}

/// Joins the elements of all lists; secrets are moved into the result.
fn join(call: &Call<'_>) -> Outcome {
    let separator = call.value(0).to_text().map_err(|e| refused(0, e))?;
    let mut joined = Text::default();
    let (mut first, mut size) = (true, 0);
    for index in 1..call.args.len() {
        for item in call.list(index)? {
            let text = item.to_text().map_err(|_| FnError::Argument {
                index,
                expected: "list of strings".to_owned(),
                found: format!("an element that is {}", item.kind().name()),
            })?;
            size = bounded(size + size_of(&text) + size_of(&separator))?;
            if !first {
                joined.append(separator.clone());
            }
            joined.append(text);
            first = false;
        }
    }
    Ok(joined.into())
}

/// The first letter of each word in upper case. Words end at white space and at ASCII
/// punctuation other than `_`.
fn title(text: &str) -> String {
    let mut titled = String::with_capacity(text.len());
    let mut at_start = true;
    for c in text.chars() {
        if at_start {
            titled.extend(c.to_uppercase());
        } else {
            titled.push(c);
        }
        at_start = if c.is_ascii() { !(c.is_ascii_alphanumeric() || c == '_') } else { c.is_whitespace() };
    }
    titled
}

/// With an empty separator, the single characters.
fn split(separator: &str, text: &str) -> Value {
    if separator.is_empty() {
        Value::texts(text.chars().map(String::from))
    } else {
        Value::texts(text.split(separator))
    }
}

/// A negative `offset` counts from the end, a negative `length` means the rest.
fn substr(text: &str, offset: i64, length: i64) -> String {
    let all: Vec<&str> = text.graphemes(true).collect();
    let distance = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
    let start = if offset < 0 { all.len().saturating_sub(distance) } else { distance.min(all.len()) };
    let count = usize::try_from(length).unwrap_or(usize::MAX);
    all[start..].iter().take(count).copied().collect()
}
