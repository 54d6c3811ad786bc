//! What can be judged only when everything is known: references between jobs, and what nothing refers to.

mod passed;
mod unused;

pub use passed::check_passed;
pub use unused::{Used, check_unused};
