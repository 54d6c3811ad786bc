//! Builds: their rows, claims, events, ends.

mod claim;
mod end;
mod events;
mod passing;
mod port;
mod read;
mod record;
mod row;
mod stops;

pub(crate) use end::cancel;
pub(crate) use read::{ALL_HELD, list, of_row};
pub(crate) use record::{complete, fail_queued, insert_build};
pub(crate) use row::{Stored, columns};
