//! How a fetch can fail.

use std::net::IpAddr;
use std::time::Duration;

/// A fetch failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot fetch {url}: {failure}")]
pub struct FetchError {
    /// What was asked for: the URL as given, without user and password.
    pub url: String,
    /// Why there is no answer.
    pub failure: Failure,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The text is no URL with a host.
    #[error("it is no valid URL")]
    InvalidUrl,
    /// The scheme is not https (nor http, where that is allowed).
    #[error("the scheme `{0}` is not allowed, only https is")]
    Scheme(String),
    /// The host is not in the operator's list.
    #[error("the host `{0}` is not among the allowed hosts")]
    HostNotAllowed(String),
    /// The address is one of this machine or its networks.
    #[error("the address {0} is not public")]
    PrivateAddress(IpAddr),
    /// The name has no address.
    #[error("the host `{0}` cannot be found")]
    UnknownHost(String),
    /// More redirects than allowed.
    #[error("more than {0} redirects")]
    TooManyRedirects(usize),
    /// A redirect without a usable target, or from https to another scheme.
    #[error("the redirect to `{0}` is refused, it must stay https")]
    Redirect(String),
    /// An answer other than 200.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// The body is larger than allowed.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The whole took too long.
    #[error("no complete answer within {}", seconds(*.0))]
    Timeout(Duration),
    /// The connection, TLS or HTTP failed.
    #[error("{0}")]
    Transport(String),
    /// A certificate of the policy cannot be read, or the system has none.
    #[error("the TLS client cannot be set up: {0}")]
    Setup(String),
}

fn seconds(duration: Duration) -> String {
    if duration.subsec_nanos() == 0 { format!("{} s", duration.as_secs()) } else { format!("{duration:?}") }
}
