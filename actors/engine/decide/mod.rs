//! Decisions: pure functions without async and without ports. Each also says why it does not act.

pub mod admit;
pub mod due;
pub mod fresh;
pub mod intake;
pub mod leadership;
pub mod lease;
pub mod passed;
pub mod plan;
pub mod retry;
pub mod schedule;
pub mod skew;
pub mod versions;
pub mod walk;
