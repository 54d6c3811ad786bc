//! Envelopes between machines: who holds a worker token and who holds the servers' secret can talk, nobody else can read
//! or forge, and two workers with one token cannot read or forge each other.
//!
//! - The servers' key pair, the key of broadcasts and the key between servers are derived from the installation's secret.
//! - A worker token is a JWT that is signed with that secret. Its signature is known to its holder and, because they can
//!   sign again, to the servers: it is the token's key.
//! - A worker makes a key pair for its life. What it says is sealed under a key from the exchange of its key pair with
//!   the servers' and from the token's key, so any server can open it without having met the worker.
//! - A server answers under a key of its own session; its name and a worker's follow from their session or public key.
//!
//! Every envelope has a number, which is its nonce, and names whom it is for; both are authenticated.

mod derive;
mod end;
mod header;
mod recent;
mod server;
mod token;
mod window;
mod worker;

#[cfg(test)]
mod tests;

pub use end::{Content, Opened, Reason, Sender, To};
pub use header::{OVERHEAD, Release};
pub use server::ServerEnd;
pub use token::{Claims, Installation, TokenError, WorkerToken};
pub use worker::WorkerEnd;
