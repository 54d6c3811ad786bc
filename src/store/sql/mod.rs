//! Three databases behind one face: statements are written once, with `?`; what differs is here.
//!
//! ```text
//! Sql ──▶ rendered for its database ($1 …, RETURNING id, FOR UPDATE)
//! Value ─▶ typed arguments       Row ─▶ typed columns       Conn ─▶ one of three typed connections
//! ```
//!
//! Numbers and booleans are 64-bit integers in all three, times are microseconds, structures are JSON in text.

mod backend;
mod bundle;
mod conn;
mod outage;
mod pool;
mod query;
mod reach;
mod row;
mod statement;
mod value;

pub(crate) use bundle::{Binding, Bundle};
pub(crate) use conn::{Answer, Conn};
pub(crate) use pool::{Pool, prepare_mysql};
pub(crate) use query::{Query, places, query, query_text};
pub(crate) use reach::{reached, refused};
pub(crate) use row::{Column, Row};
pub(crate) use statement::Sql;
pub(crate) use value::Value;
