//! Databases and brokers that the tests were given.

use std::env;

/// The address of a server that the tests were given.
///
/// # Panics
/// They were given none.
pub fn address(variable: &str) -> String {
    env::var(variable).unwrap_or_else(|_| {
        panic!(
            "{variable} is not set: `integration/backends up`, then `eval \"$(integration/backends env)\"` \
             (integration/test does it through the project's own pipeline)"
        )
    })
}
