//! The guarded HTTP client: what a user's text makes this program ask for goes through here.
//!
//! A pipeline may name any URL, so the one who writes it must not be able to make the server
//! reach what only the server can reach. Addresses that are not public are refused — also those
//! that a name resolves to, also after a redirect — and size, time and redirects are limited.
//! System proxies are not used: behind one, the address could not be checked.

mod address;
mod client;
mod error;
mod policy;

pub use address::is_public;
pub use client::{Answer, Fetched, Method, Request, fetch, fetch_async, send, send_async};
pub use error::{Failure, FetchError};
pub use policy::FetchPolicy;
