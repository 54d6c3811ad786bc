//! Authenticated encryption for what must not lie or travel in clear.
//!
//! A sealed value is bound to its *context* — where it belongs, such as `given:7:token` — so that it cannot be moved
//! to another place and opened there. The format carries a version; a key is never stored beside what it seals, and
//! never printed.

mod error;
mod host_key;
mod sealed;

pub use error::SealError;
pub use host_key::HostKey;
pub use sealed::{open, seal};
