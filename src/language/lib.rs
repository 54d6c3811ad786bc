//! The pipeline language: text in, model out.
#![expect(dead_code, reason = "being written")]
pub mod diagnostic;
mod dollar;
mod duration;
mod evaluate;
mod functions;
mod interval;
mod lex;
mod parse;
mod schema;
mod slug;
pub mod source;
mod value;
