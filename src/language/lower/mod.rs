//! From blocks to the model: declarations, variables, types, resources, jobs.
//!
//! Each file lowers one kind of block and reports what is wrong with it; it never stops at the first mistake.

pub mod command;
pub mod declarations;
pub mod definition;
pub mod fetched;
pub mod job;
mod name;
mod read;
pub mod resource;
pub mod runners;
mod shell_script;
pub mod step;
pub mod types;
pub mod variables;

pub use declarations::{Declarations, Declared, TypeKind};
pub use name::Name;
pub use read::{FreeAttribute, Reader};
