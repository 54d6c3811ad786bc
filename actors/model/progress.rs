//! What one reported event does to a build's row: the same in every store.

use chrono::{DateTime, Utc};

use crate::{
    build::{Build, BuildEvent, BuildStatus, Phase},
    outcome::Failure,
    pipeline::OnWorkerLoss,
    port::store::{CancelRequest, Requeued},
};

/// How often one build may run, losses of its worker included.
pub const MAX_RUNS: u32 = 3;

/// How far an event changed a build's row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Absorbed {
    /// Not at all: it says what is so already, or belongs to another row.
    Nothing,
    /// Something that only people read.
    Shown,
    /// Something that scheduling reads: status or phase.
    Decisive,
    /// The change is not legal and was left out.
    Illegal,
}

impl Build {
    /// Applies an event to the row. Steps, services, created versions and log chunks are other rows'.
    pub fn absorb(&mut self, event: &BuildEvent) -> Absorbed {
        match event {
            BuildEvent::Started { at } => self.begin(*at),
            BuildEvent::Exported { variables } => {
                self.exports.extend(variables.iter().map(|(name, value)| (name.clone(), value.clone())));
                Absorbed::Shown
            }
            BuildEvent::Phase(phase) => self.advance(*phase),
            BuildEvent::Concluded { status, failure, at } => self.conclude(*status, failure.as_ref(), *at),
            BuildEvent::Stuck { failure, at } => self.stick(failure, *at),
            BuildEvent::Finished { at } => self.finish(*at),
            BuildEvent::Step(_)
            | BuildEvent::Service(_)
            | BuildEvent::Created { .. }
            | BuildEvent::Log(_)
            | BuildEvent::HandedBack { .. }
            | BuildEvent::Lost { .. } => Absorbed::Nothing,
        }
    }

    /// Ends a build that nobody holds any more, or that never was held.
    pub fn end(&mut self, status: BuildStatus, failure: Option<Failure>, at: DateTime<Utc>) {
        if !self.status.is_final() {
            self.status = status;
            self.failure = failure;
            self.ended_at = Some(at);
        }
        self.phase = Phase::Done;
    }

    /// Asks for the build's end. Its status is `cancelled` at once, if it was open; who holds it must be told.
    pub fn cancel(&mut self, reason: &str, at: DateTime<Utc>) -> CancelRequest {
        if self.status.is_final() {
            return CancelRequest::TooLate(self.status);
        }
        self.status = BuildStatus::Cancelled;
        self.cancel_requested = Some(reason.to_owned());
        self.ended_at = Some(at);
        match &self.claim {
            Some(claim) => CancelRequest::Claimed {
                pipeline: self.pipeline,
                node: claim.node.clone(),
                fence: claim.fence,
            },
            None => {
                self.phase = Phase::Done;
                CancelRequest::Ended(self.pipeline)
            }
        }
    }

    /// Takes a held build from its worker: back to the queue, or to its end. `counts` says that the worker was lost.
    pub fn give_back(
        &mut self,
        counts: bool,
        on_loss: OnWorkerLoss,
        failure: &Failure,
        at: DateTime<Utc>,
    ) -> Requeued {
        if self.phase == Phase::Done || self.status.is_final() {
            self.phase = Phase::Done;
            return Requeued::Done;
        }
        if counts && (on_loss == OnWorkerLoss::Fail || self.run >= MAX_RUNS) {
            self.end(BuildStatus::Failed, Some(failure.clone()), at);
            return Requeued::Failed;
        }
        self.run += u32::from(counts);
        self.status = BuildStatus::Pending;
        self.phase = Phase::Queued;
        self.claim = None;
        self.started_at = None;
        self.events_through = 0;
        self.exports.clear();
        Requeued::Queued
    }

    fn begin(&mut self, at: DateTime<Utc>) -> Absorbed {
        self.started_at.get_or_insert(at);
        self.advance(Phase::Running).max_shown()
    }

    fn advance(&mut self, phase: Phase) -> Absorbed {
        if phase == self.phase {
            return Absorbed::Nothing;
        }
        if phase == Phase::Queued || phase == Phase::Done || !self.phase.may_become(phase) {
            return Absorbed::Illegal;
        }
        self.phase = phase;
        Absorbed::Decisive
    }

    /// A cancelled build stays cancelled, whatever its worker concludes.
    fn conclude(&mut self, status: BuildStatus, failure: Option<&Failure>, at: DateTime<Utc>) -> Absorbed {
        if self.status == BuildStatus::Cancelled || self.status == status {
            return Absorbed::Nothing;
        }
        if self.status.is_final() || !status.is_final() || !self.status.may_become(status) {
            return Absorbed::Illegal;
        }
        self.status = status;
        self.failure = failure.cloned();
        self.ended_at = Some(at);
        Absorbed::Decisive
    }

    /// The one end that overrules an earlier one: what was concluded did not know of it. What has passed by then stays
    /// passed. A cancelled build stays cancelled, for this reason.
    fn stick(&mut self, failure: &Failure, at: DateTime<Utc>) -> Absorbed {
        if self.failure.as_ref() == Some(failure) {
            return Absorbed::Nothing;
        }
        self.failure = Some(failure.clone());
        self.ended_at.get_or_insert(at);
        if !self.status.may_become(BuildStatus::Failed) {
            return Absorbed::Shown;
        }
        self.status = BuildStatus::Failed;
        Absorbed::Decisive
    }

    fn finish(&mut self, at: DateTime<Utc>) -> Absorbed {
        if self.phase == Phase::Done {
            return Absorbed::Nothing;
        }
        let unsaid = Failure::plain("the worker reported the build's end without its result");
        self.end(BuildStatus::Failed, Some(unsaid), at);
        Absorbed::Decisive
    }
}

impl Absorbed {
    /// The start's time is shown even where the phase stays.
    fn max_shown(self) -> Self {
        if self == Self::Decisive { self } else { Self::Shown }
    }
}
