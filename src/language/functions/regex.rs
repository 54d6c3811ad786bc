//! Regular expressions: the syntax without look-around and back references, in linear time.

use ::regex::{Captures, Regex, RegexBuilder};

use super::FnError;
use super::call::{Call, Function, Outcome, bounded, failed};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::exactly("regex", 2, |c| {
        let (pattern, text) = (Pattern::new(c, 0)?, c.string(1)?);
        let found = pattern
            .expression
            .captures(&text)
            .ok_or_else(|| failed("the pattern does not match the text"))?;
        Ok(pattern.value(&found))
    }),
    Function::exactly("regexall", 2, |c| {
        let (pattern, text) = (Pattern::new(c, 0)?, c.string(1)?);
        Ok(Value::List(pattern.expression.captures_iter(&text).map(|found| pattern.value(&found)).collect()))
    }),
    Function::exactly("regexreplace", 3, regexreplace),
];

/// Largest compiled pattern, in bytes.
const MAX_COMPILED: usize = 1 << 20;

fn compile(call: &Call<'_>, index: usize) -> Result<Regex, FnError> {
    RegexBuilder::new(&call.string(index)?).size_limit(MAX_COMPILED).build().map_err(|error| {
        FnError::Malformed { index, notation: "regular expression", problem: last_line(&error.to_string()) }
    })
}

/// The parser draws a picture over several lines; its last one says what is wrong.
fn last_line(message: &str) -> String {
    let line = message.lines().last().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

fn regexreplace(call: &Call<'_>) -> Outcome {
    let (text, expression, replacement) = (call.string(0)?, compile(call, 1)?, call.string(2)?);
    let (mut out, mut done) = (String::new(), 0);
    for found in expression.captures_iter(&text) {
        let Some(whole) = found.get(0) else { continue };
        out.push_str(&text[done..whole.start()]);
        found.expand(&replacement, &mut out);
        bounded(out.len())?;
        done = whole.end();
    }
    out.push_str(&text[done..]);
    Ok(out.into())
}

/// What a match becomes depends on the groups of the pattern.
enum Groups {
    /// The matched text.
    None,
    /// The text of the only group.
    Single,
    /// A list with the text of each group.
    Numbered,
    /// An object with the text of each group by its name.
    Named(Vec<String>),
}

struct Pattern {
    expression: Regex,
    groups: Groups,
}

impl Pattern {
    fn new(call: &Call<'_>, index: usize) -> Result<Self, FnError> {
        let expression = compile(call, index)?;
        let names: Vec<Option<&str>> = expression.capture_names().skip(1).collect();
        let named: Vec<String> = names.iter().flatten().map(|&name| name.to_owned()).collect();
        let groups = match (names.len(), named.len()) {
            (0, _) => Groups::None,
            (1, 0) => Groups::Single,
            (_, 0) => Groups::Numbered,
            (all, named_count) if all == named_count => Groups::Named(named),
            _ => {
                return Err(FnError::Malformed {
                    index,
                    notation: "regular expression",
                    problem: "some groups have a name and others none".to_owned(),
                });
            }
        };
        Ok(Self { expression, groups })
    }

    /// A group that took no part in the match is null.
    fn value(&self, found: &Captures<'_>) -> Value {
        let group = |index: usize| found.get(index).map_or(Value::Null, |part| part.as_str().into());
        match &self.groups {
            Groups::None => group(0),
            Groups::Single => group(1),
            Groups::Numbered => Value::List((1..found.len()).map(group).collect()),
            Groups::Named(names) => {
                let text = |name: &String| found.name(name).map_or(Value::Null, |part| part.as_str().into());
                Value::Object(names.iter().map(|name| (name.clone(), text(name))).collect())
            }
        }
    }
}
