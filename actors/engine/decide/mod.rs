//! Decisions: pure functions without async and without ports. Each also says why it does not act.

pub mod walk;
