//! How much work a compilation may be.

use std::cell::Cell;

/// Evaluations, characters and elements that one expression may cost: far beyond any real pipeline, well below a second.
pub(super) const PER_EXPRESSION: usize = 2_000_000;

/// What all expressions together may cost.
const IN_ALL: usize = 10_000_000;

/// What is left for all expressions of a compilation.
#[derive(Debug)]
pub struct Budget {
    left: Cell<usize>,
    reported: Cell<bool>,
}

impl Budget {
    /// A full one.
    #[must_use]
    pub fn new() -> Budget {
        Budget { left: Cell::new(IN_ALL), reported: Cell::new(false) }
    }

    /// Takes `cost`; whether that much was left.
    pub(super) fn take(&self, cost: usize) -> bool {
        let left = self.left.get().checked_sub(cost);
        self.left.set(left.unwrap_or(0));
        left.is_some()
    }

    /// Whether this is the first time that it is asked: the end of the budget is reported once.
    pub(super) fn report_once(&self) -> bool {
        !self.reported.replace(true)
    }
}
