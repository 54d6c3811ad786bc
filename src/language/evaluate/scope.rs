//! What names mean in an expression.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::Budget;
use crate::value::Value;

/// The surroundings of an expression.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// What `var` means.
    pub variables: VariableAccess<'a>,
    /// What `timestamp()` gives; the same in the whole compilation.
    pub now: DateTime<Utc>,
    /// What is left for expressions.
    pub budget: &'a Budget,
}

/// What `var` means here.
#[derive(Debug, Clone, Copy)]
pub enum VariableAccess<'a> {
    /// The variables by name; `None` stands for one whose value is wrong, which was reported.
    Known(&'a BTreeMap<String, Option<Value>>),
    /// A default has to be constant.
    Constant,
    /// A fetched definition does not see the variables of the pipeline.
    Foreign,
}
