//! Time as a parameter. Only the system clock reads the machine's.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// Time since an arbitrary moment, the same one for all processes of a host's boot; never goes back.
pub type Monotonic = Duration;

/// Tells time. Waiting is the business of whoever has a runtime.
pub trait Clock: Send + Sync + 'static {
    /// Wall clock, truncated to microseconds, for records.
    fn now(&self) -> DateTime<Utc>;
    /// For measuring and for leases.
    fn monotonic(&self) -> Monotonic;
}
