//! Which blocks and attributes exist, and where: the shape of a pipeline file.
//!
//! [`table`] is data: a row per kind of block. [`check`] compares a parsed file with it. What the values mean is not
//! decided here.

mod check;
mod shape;
mod table;

pub use check::{Author, check_block, check_file};
pub use shape::BlockKind;
pub use table::kind_of;
