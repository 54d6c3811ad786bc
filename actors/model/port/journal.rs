//! What a worker's host remembers of earlier lives, for the servers.
//!
//! A worker that starts finds what an earlier life of it left behind: builds whose end nobody told, stops that are owed.
//! The host ends and stops what it finds; this port says when work may be taken again and what became of the old one.
//!
//! Order of calls: [`Journal::next`] in a loop, by one caller at a time, from the worker's start to its end;
//! [`Journal::stored`] whenever a server has confirmed reports. A report that was not confirmed is said again by the
//! worker's next life.

use async_trait::async_trait;

use crate::{build::StopReport, id::InstanceId, message::Holding};

/// See the module.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// Waits for the next thing to know; nothing when nothing more will come. Dropping the future loses nothing.
    async fn next(&self) -> Option<LeftBehind>;

    /// The servers have these instances' reports: they may be forgotten. What still stands pending stays.
    fn stored(&self, instances: &[InstanceId]);
}

/// What is known of earlier lives.
#[derive(Clone, PartialEq, Debug)]
pub enum LeftBehind {
    /// Work may be taken. Said once.
    Ready,
    /// Nothing of that claim is alive; its stops have run or stand pending. It may run again.
    Ended(Holding),
    /// A service's stop has completed, failed, or stands pending.
    Stop(StopReport),
}
