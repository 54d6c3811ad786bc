//! Moving to the disk what nobody takes, and back.

use std::time::{Duration, Instant};

use pikoci_model::message::Numbered;
use pikoci_model::port::{Spill, Workplace, WorkplaceError};

use super::Outbox;
use super::backlog::{Move, PATIENCE};

/// A disk that took nothing is asked again after this.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// What an outbox knows of its place on disk.
#[derive(Debug, Default)]
pub(super) struct Disk {
    /// Something has waited since then, and nothing was acknowledged.
    pub(super) stuck: Option<Instant>,
    refused: Option<Instant>,
    said: Said,
    /// What it held is lost.
    pub(super) broken: bool,
}

/// What was said in the log already.
#[derive(Debug, Default)]
struct Said {
    begun: bool,
    full: bool,
}

impl Disk {
    /// How long until what waits may go to the disk; none while nothing has to.
    fn patience(&self) -> Option<Duration> {
        let left = PATIENCE.saturating_sub(self.stuck?.elapsed());
        let refused = self.refused.map_or(Duration::ZERO, |at| ASK_AGAIN.saturating_sub(at.elapsed()));
        Some(left.max(refused))
    }
}

impl Outbox {
    /// Looks after the disk; ends only when what is there is lost.
    pub(super) async fn keep(&self, workplace: std::sync::Arc<dyn Workplace>) {
        let mut spill = workplace.spill();
        loop {
            let (next, patience) = self.next_move();
            match next {
                Some(Move::Out(events)) => self.put_away(spill.as_mut(), &events).await,
                Some(Move::In(bytes)) => {
                    if let Err(reason) = self.fetch_back(spill.as_mut(), bytes).await {
                        return self.break_down(&reason);
                    }
                }
                None => match patience {
                    // Either way the state decides what happens next.
                    Some(patience) => drop(tokio::time::timeout(patience, self.moved.notified()).await),
                    None => self.moved.notified().await,
                },
            }
        }
    }

    pub(super) fn next_move(&self) -> (Option<Move>, Option<Duration>) {
        let mut state = self.lock();
        let patience = state.disk.patience().filter(|_| state.backlog.is_waiting());
        let window = self.share.window();
        (state.backlog.next_move(patience == Some(Duration::ZERO), window), patience)
    }

    async fn put_away(&self, spill: &mut dyn Spill, events: &[Numbered]) {
        let records: Result<Vec<_>, _> = events.iter().map(Numbered::to_record).collect();
        let written = match records {
            Ok(records) => spill.push(records).await.map_err(|error| told(&error)),
            Err(error) => Err(Some(error.to_string())),
        };
        let mut state = self.lock();
        match written {
            Ok(()) => {
                state.backlog.left();
                state.disk.refused = None;
                if !std::mem::replace(&mut state.disk.said.begun, true) {
                    tracing::warn!(build = %self.build, "no server takes what it says; it is kept on disk");
                }
            }
            Err(reason) => {
                state.backlog.stayed(self.share.window());
                state.disk.refused = Some(Instant::now());
                if let Some(reason) = reason.filter(|_| !std::mem::replace(&mut state.disk.said.full, true)) {
                    tracing::warn!(
                        build = %self.build,
                        "what no server takes cannot be kept on disk, so its output waits: {reason}"
                    );
                }
            }
        }
        drop(state);
        self.room.notify_all();
        self.wake.notify_one();
    }

    async fn fetch_back(&self, spill: &mut dyn Spill, bytes: usize) -> Result<(), String> {
        let records = spill.pop(bytes).await.map_err(|error| error.to_string())?;
        let events: Result<Vec<_>, _> = records.iter().map(|record| Numbered::of_record(record)).collect();
        let events = events.map_err(|error| error.to_string())?;
        let mut state = self.lock();
        if !state.void && !state.backlog.came(events, self.share.window()) {
            return Err("what came back is not what was kept".to_owned());
        }
        drop(state);
        self.room.notify_all();
        self.wake.notify_one();
        Ok(())
    }

    /// The build cannot be told as it was. It is not this worker's any more, and runs again.
    fn break_down(&self, reason: &str) {
        tracing::error!(build = %self.build, "what it said and was kept on disk is lost, so it must run again: {reason}");
        self.lock().disk.broken = true;
        self.void();
    }
}

/// Why the disk took nothing; nothing is said of a disk that nobody wants to be used.
fn told(error: &WorkplaceError) -> Option<String> {
    (!matches!(error, WorkplaceError::TooLarge { limit: 0, .. })).then(|| error.to_string())
}
