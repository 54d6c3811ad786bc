//! The pipeline language: text in, model out.
//!
//! | phase | where | what |
//! |---|---|---|
//! | lexical | `lex`, `dollar` | which `${…}` is the shell's and which is HCL's; what is not closed |
//! | parse | `parse` | the HCL tree with the place of every expression |
//! | schema | `schema` | which blocks and attributes exist, and where |
//! | evaluate | `evaluate`, `functions`, `value` | expressions to values; secrets stay opaque |
//! | lower | `lower`, `builtin` | blocks to the model; definitions from built-ins and fetched files |
//! | resolve | `resolve` | what can be judged only when everything is known |
//!
//! Each phase collects [diagnostics](diagnostic) and goes on as far as it can. [`LanguageCompiler`] is the whole as the port
//! that the rest of the program knows. Nothing here reads the clock, the environment or a file.

mod builtin;
mod compile;
mod compiler;
mod diagnostic;
mod dollar;
mod duration;
mod evaluate;
mod format;
mod functions;
mod interval;
mod lex;
mod lower;
mod parse;
mod resolve;
mod schema;
mod slug;
mod source;
mod value;

pub use compile::LanguageOptions;
pub use compiler::LanguageCompiler;
pub use diagnostic::{Code, render};
pub use duration::{DurationError, parse as parse_duration};
pub use lower::variables::parse_vars;
pub use slug::{is_slug, slugify};
