//! The truth: one trait per aggregate, together one [`Store`].
//!
//! * Every write is one transaction. Writes that decide are conditional (on a state's revision, a fence, a lease
//!   number); a refused condition is an answer, not an error.
//! * "Not found" is `Ok(None)`.
//! * The store may be down: that is [`StoreError::Down`], the caller retries with backoff and says so.
//! * Lists are newest first and bounded; nothing here grows with history.

mod account;
mod builds;
mod logs;
mod pipelines;
mod resources;
mod scheduling;
mod workers;

pub use account::{AccountStore, Team, User};
pub use builds::{
    BuildStore, BuildUpdate, CancelRequest, ClaimAnswer, ClaimRequest, ClaimedBuild, PendingStop, PlanParts,
    Recorded, RecordedStop, Requeued,
};
pub use logs::{LogIndex, LogStore, MAX_MARKS, StepLog};
pub use pipelines::{
    JobRow, PipelineRow, PipelineStore, RevisionRow, SaveRevision, SavedRevision, VersionUse,
};
pub use resources::{CheckLease, DueCheck, RecordedCheck, ResourceRow, ResourceStore, VersionRow};
pub use scheduling::SchedulingStore;
pub use workers::{WorkerRow, WorkerStore};

/// The whole store.
pub trait Store:
    PipelineStore
    + SchedulingStore
    + BuildStore
    + ResourceStore
    + LogStore
    + AccountStore
    + WorkerStore
    + Send
    + Sync
    + 'static
{
}

impl<T> Store for T where
    T: PipelineStore
        + SchedulingStore
        + BuildStore
        + ResourceStore
        + LogStore
        + AccountStore
        + WorkerStore
        + Send
        + Sync
        + 'static
{
}

/// A page of a list: at most `limit` rows, newest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Page {
    /// At most this many.
    pub limit: u32,
    /// Only rows with a smaller id.
    pub before: Option<i64>,
    /// Only rows with a larger id.
    pub after: Option<i64>,
}

impl Page {
    /// Whether a row of this id belongs to it, its limit aside.
    pub fn holds(&self, id: i64) -> bool {
        self.before.is_none_or(|before| id < before) && self.after.is_none_or(|after| id > after)
    }
}

/// Why the store did not do it. Conditions that did not hold are answers, not errors.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum StoreError {
    /// It cannot be reached or used right now; trying again may help.
    #[error("the database cannot be used: {0}")]
    Down(String),
    /// The disk is full.
    #[error("the database's disk is full: {0}")]
    Full(String),
    /// A row says what it must not; nothing helps but looking.
    #[error("the database is inconsistent: {table} {row}: {problem}")]
    Inconsistent {
        /// Which table.
        table: &'static str,
        /// Which row.
        row: String,
        /// What is wrong.
        problem: String,
    },
    /// A defect of ours: the statement was refused.
    #[error("the database refused a statement: {0}")]
    Refused(String),
}

impl StoreError {
    /// Whether trying again may help.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Down(_) | Self::Full(_) => true,
            Self::Inconsistent { .. } | Self::Refused(_) => false,
        }
    }
}
