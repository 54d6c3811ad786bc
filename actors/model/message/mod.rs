//! What travels between a server and its workers, one struct per message.
//!
//! Every message has a stable wire name and a version that do not depend on where it stands in the code. The transport
//! may lose, repeat, delay and reorder: every message is safe to receive twice, late, or never.
//!
//! ```text
//! worker                                   server
//!   Announce  ────────────────▶ any          a server takes the worker in …
//!             ◀────────────────  Hail        a server that starts asks who is there
//!             ◀────────────────  Home        … and is its home from now on
//!   Renew     ────────────────▶ home         every 5 s
//!             ◀────────────────  Renewed     the lease counts from when Renew was *sent*
//!             ◀────────────────  Offer       a build or a check
//!   Accept    ────────────────▶ home         the slot is held; Decline otherwise
//!             ◀────────────────  GoBuild     claimed in one conditional write: run it (or Withdraw)
//!   Events    ────────────────▶ tracker      numbered from 1 per (build, fence)
//!             ◀────────────────  Acknowledge the highest number whose effect is stored
//!             ◀────────────────  Cancel
//!   CheckDone ────────────────▶ home         repeated until CheckStored
//!   StopReports ──────────────▶ any          repeated until StopsStored
//!   Goodbye   ────────────────▶ home
//!             ◀────────────────  Hail        to all: whose home is lost announces itself
//!             ◀────────────────  Refused     not taken in, and why
//!
//! server                                   servers
//!   ServerBeat ───────────────▶ all          every 2 s
//!   Rang, Doorbell ───────────▶ all          something changed; something waits for workers
//!   Nudge     ────────────────▶ the one that leads the pipeline
//!   CheckWanted ──────────────▶ a home whose workers can
//! ```

mod build;
mod check;
mod envelope;
mod offer;
mod server;
mod worker;

pub use build::{Acknowledge, Cancel, Events, GoBuild, Numbered, Void};
pub use check::{CheckDone, CheckStored, GoCheck};
pub use envelope::{Envelope, EnvelopeError, MAX_ENVELOPE_BYTES, Message, Speaker};
pub use offer::{Accept, Decline, Offer, OfferId, OfferedWork, Withdraw};
pub use server::{CheckWanted, Doorbell, Hail, News, Nudge, Rang, Refused, ServerBeat};
pub use worker::{Announce, Goodbye, Holding, Home, Renew, Renewed, StopReports, StopsStored};
