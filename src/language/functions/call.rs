//! How a function is described, and how it reads its arguments.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use pikoci_model::text::{Segment, Text};

use super::FnError;
use crate::value::{ConvertError, Number, Value};

/// The result of a function.
pub(super) type Outcome = Result<Value, FnError>;

/// A function of the language.
pub(super) struct Function {
    pub(super) name: &'static str,
    least: usize,
    most: Option<usize>,
    moves_secrets: bool,
    takes_null: bool,
    body: fn(&Call<'_>) -> Outcome,
}

impl Function {
    /// Takes exactly `count` arguments, none of them null or secret.
    pub(super) const fn exactly(name: &'static str, count: usize, body: fn(&Call<'_>) -> Outcome) -> Self {
        Self::between(name, count, Some(count), body)
    }

    /// Takes `least` arguments or more, none of them null or secret.
    pub(super) const fn at_least(name: &'static str, least: usize, body: fn(&Call<'_>) -> Outcome) -> Self {
        Self::between(name, least, None, body)
    }

    /// Takes `least` to `most` arguments, none of them null or secret.
    pub(super) const fn between(
        name: &'static str,
        least: usize,
        most: Option<usize>,
        body: fn(&Call<'_>) -> Outcome,
    ) -> Self {
        Self { name, least, most, moves_secrets: false, takes_null: false, body }
    }

    /// The function only moves values, so secrets may be among them.
    pub(super) const fn moving_secrets(mut self) -> Self {
        self.moves_secrets = true;
        self
    }

    /// Null is an argument like any other.
    pub(super) const fn taking_null(mut self) -> Self {
        self.takes_null = true;
        self
    }

    pub(super) fn call(&self, call: &Call<'_>) -> Outcome {
        let found = call.args.len();
        if found < self.least || self.most.is_some_and(|most| found > most) {
            return Err(FnError::Arity { expected: self.expected_arguments(), found });
        }
        if !self.takes_null
            && let Some(index) = call.args.iter().position(Value::is_null)
        {
            return Err(call.refuse(index, "a value"));
        }
        if !self.moves_secrets
            && let Some(index) = call.args.iter().position(Value::contains_secret)
        {
            return Err(FnError::Secret { index });
        }
        (self.body)(call)
    }

    fn expected_arguments(&self) -> String {
        let plural = |count: usize| if count == 1 { "argument" } else { "arguments" };
        match self.most {
            Some(0) => "no arguments".to_owned(),
            Some(most) if most == self.least => format!("{most} {}", plural(most)),
            Some(most) => format!("{} to {most} arguments", self.least),
            None => format!("at least {} {}", self.least, plural(self.least)),
        }
    }
}

/// The arguments of one call and the moment of the compilation.
pub(super) struct Call<'a> {
    pub(super) args: &'a [Value],
    pub(super) now: DateTime<Utc>,
}

impl<'a> Call<'a> {
    /// The argument as it is.
    pub(super) fn value(&self, index: usize) -> &'a Value {
        const ABSENT: &Value = &Value::Null;
        self.args.get(index).unwrap_or(ABSENT)
    }

    /// The argument as text without secrets; numbers and bools are converted.
    pub(super) fn string(&self, index: usize) -> Result<String, FnError> {
        let text = self.value(index).to_text().map_err(|e| refused(index, e))?;
        text.as_literal().map(str::to_owned).ok_or(FnError::Secret { index })
    }

    /// The argument as a number; a text that spells one is converted.
    pub(super) fn number(&self, index: usize) -> Result<Number, FnError> {
        self.value(index).to_number().map_err(|e| refused(index, e))
    }

    /// The argument as an integer of 64 bits.
    pub(super) fn integer(&self, index: usize) -> Result<i64, FnError> {
        let number = self.number(index)?;
        number.to_i64().ok_or_else(|| FnError::Argument {
            index,
            expected: "a whole number".to_owned(),
            found: number.to_string(),
        })
    }

    /// The argument as a count or position, which is never negative.
    pub(super) fn count(&self, index: usize) -> Result<usize, FnError> {
        let number = self.integer(index)?;
        usize::try_from(number).map_err(|_| FnError::Argument {
            index,
            expected: "a number that is not negative".to_owned(),
            found: number.to_string(),
        })
    }

    /// The elements of a list or set.
    pub(super) fn list(&self, index: usize) -> Result<Vec<Value>, FnError> {
        match self.value(index) {
            Value::List(items) => Ok(items.clone()),
            Value::Set(items) => Ok(items.iter().cloned().collect()),
            _ => Err(self.refuse(index, "list or set")),
        }
    }

    /// The elements of a list; a set, having no order of its own, is refused.
    pub(super) fn ordered(&self, index: usize) -> Result<&'a [Value], FnError> {
        match self.value(index) {
            Value::List(items) => Ok(items),
            _ => Err(self.refuse(index, "list")),
        }
    }

    /// The elements of a list or set, each as text without secrets.
    pub(super) fn strings(&self, index: usize) -> Result<Vec<String>, FnError> {
        self.list(index)?.iter().map(|item| self.element_string(index, item)).collect()
    }

    fn element_string(&self, index: usize, item: &Value) -> Result<String, FnError> {
        let text = item.to_text().map_err(|_| FnError::Argument {
            index,
            expected: "list of strings".to_owned(),
            found: format!("an element that is {}", item.kind().name()),
        })?;
        text.as_literal().map(str::to_owned).ok_or(FnError::Secret { index })
    }

    /// The entries of an object.
    pub(super) fn object(&self, index: usize) -> Result<&'a BTreeMap<String, Value>, FnError> {
        match self.value(index) {
            Value::Object(items) => Ok(items),
            _ => Err(self.refuse(index, "map or object")),
        }
    }

    /// The error that says what argument `index` should have been.
    pub(super) fn refuse(&self, index: usize, expected: &str) -> FnError {
        FnError::Argument {
            index,
            expected: expected.to_owned(),
            found: self.value(index).kind().name().to_owned(),
        }
    }
}

/// A conversion error, with the argument it is about.
pub(super) fn refused(index: usize, error: ConvertError) -> FnError {
    match error {
        ConvertError::Mismatch { expected, found } => {
            FnError::Argument { index, expected: expected.name().to_owned(), found }
        }
        ConvertError::Secret => FnError::Secret { index },
    }
}

/// There is no result, for this reason.
pub(super) fn failed(reason: impl Into<String>) -> FnError {
    FnError::Failed(reason.into())
}

/// Largest text that a function makes, in bytes: a short expression must not fill the memory.
const MAX_TEXT: usize = 16 << 20;

/// Refuses a result of `size` bytes that is too large to be made.
pub(super) fn bounded(size: usize) -> Result<usize, FnError> {
    if size > MAX_TEXT {
        return Err(failed(format!("the result is larger than {MAX_TEXT} bytes")));
    }
    Ok(size)
}

/// Bytes of a text; a secret counts as none.
pub(super) fn size_of(text: &Text) -> usize {
    let size = |segment: &Segment| match segment {
        Segment::Literal(text) => text.len(),
        Segment::Secret(_) => 0,
    };
    text.segments().iter().map(size).sum()
}
