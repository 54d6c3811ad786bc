//! No event shows a secret: what commands print is masked on its way here, every other text is masked here.

use std::fmt;
use std::sync::{Arc, OnceLock};

use pikoci_model::build::BuildEvent;
use pikoci_model::outcome::Failure;
use pikoci_model::port::Mask;

use super::Outbox;

/// What hides the build's secrets; absent before its item is open, when none is known.
#[derive(Default)]
pub(super) struct Hiding(OnceLock<Arc<dyn Mask>>);

/// It never shows what it hides.
impl fmt::Debug for Hiding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hiding")
    }
}

impl Outbox {
    /// Hides these secrets in every event that is pushed from now on.
    pub(crate) fn hide(&self, mask: Arc<dyn Mask>) {
        // A build opens one item, so the place is free.
        let _ = self.hiding.0.set(mask);
    }

    /// The text as it may be shown.
    pub(crate) fn shown(&self, text: &str) -> String {
        self.hiding.shown(text)
    }
}

impl Hiding {
    fn shown(&self, text: &str) -> String {
        self.0.get().map_or_else(|| text.to_owned(), |mask| mask.masked(text))
    }

    /// The event as it may be stored and shown.
    pub(super) fn event(&self, mut event: BuildEvent) -> BuildEvent {
        match &mut event {
            BuildEvent::Step(record) => self.failure(&mut record.failure),
            BuildEvent::Service(record) => {
                record.address = self.shown(&record.address);
                record.version = self.shown(&record.version);
                self.failure(&mut record.failure);
            }
            BuildEvent::Exported { variables } => {
                let told = std::mem::take(variables).into_iter();
                *variables = told.map(|(name, value)| (self.shown(&name), self.shown(&value))).collect();
            }
            BuildEvent::Concluded { failure, .. } => self.failure(failure),
            BuildEvent::Stuck { failure, .. } => failure.text = self.shown(&failure.text),
            // A later get is given the version as it is. Log bytes are masked already.
            BuildEvent::Created { .. } | BuildEvent::Log(_) => {}
            BuildEvent::Started { .. }
            | BuildEvent::Phase(_)
            | BuildEvent::Finished { .. }
            | BuildEvent::Lost { .. }
            | BuildEvent::HandedBack { .. } => {}
        }
        event
    }

    fn failure(&self, failure: &mut Option<Failure>) {
        if let Some(failure) = failure {
            failure.text = self.shown(&failure.text);
        }
    }
}
