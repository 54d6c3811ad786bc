//! Authenticated encryption for what must not lie or travel in clear.
//!
//! **At rest:** a sealed value is bound to its *context* — where it belongs, such as `given:7:token` — so that it cannot
//! be moved to another place and opened there. The format carries a version; a key is never stored beside what it seals,
//! and never printed.
//!
//! **On the way:** [`mail`] is what servers and workers say to each other through a broker that nobody trusts.

mod error;
mod host_key;
pub mod mail;
mod sealed;

pub use error::SealError;
pub use host_key::HostKey;
pub use sealed::{open, seal};
