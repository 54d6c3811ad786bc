//! The record of one step: kept up to date, told to the tracker at each change.

use std::sync::Arc;

use pikoci_model::build::{BuildEvent, BuildStatus, StepRecord};
use pikoci_model::id::{StepPath, VersionId};
use pikoci_model::outcome::Failure;
use pikoci_model::port::{Clock, Monotonic};

use super::outbox::Outbox;
use super::step_log::StepLog;

/// A step that has begun.
pub(crate) struct Recorder {
    record: StepRecord,
    began: Monotonic,
    clock: Arc<dyn Clock>,
    outbox: Arc<Outbox>,
    log: Arc<StepLog>,
    ended: bool,
}

/// What a step is called.
#[derive(Debug, Clone)]
pub(crate) struct Title {
    pub path: StepPath,
    /// `get`, `task`, `put`, `service`, `hook`.
    pub kind: &'static str,
    pub name: String,
}

impl Recorder {
    /// Begins now.
    pub(crate) fn begin(title: Title, clock: &Arc<dyn Clock>, outbox: &Arc<Outbox>, log_limit: u64) -> Self {
        let log = StepLog::new(title.path.clone(), outbox, log_limit);
        Self::begin_with(title, clock, outbox, log)
    }

    /// Begins now, with a log that exists already because a command was prepared with it.
    pub(crate) fn begin_with(
        title: Title,
        clock: &Arc<dyn Clock>,
        outbox: &Arc<Outbox>,
        log: Arc<StepLog>,
    ) -> Self {
        log.begin();
        let record = StepRecord {
            path: title.path,
            kind: title.kind.to_owned(),
            name: title.name,
            status: BuildStatus::Started,
            attempt: 1,
            exit_code: None,
            failure: None,
            version: None,
            started_at: clock.now(),
            duration: None,
            log_bytes: 0,
        };
        let (clock, outbox) = (Arc::clone(clock), Arc::clone(outbox));
        let recorder = Recorder { record, began: clock.monotonic(), clock, outbox, log, ended: false };
        recorder.tell();
        recorder
    }

    pub(crate) fn log(&self) -> &Arc<StepLog> {
        &self.log
    }

    /// A line of ours in the step's log.
    pub(crate) fn note(&self, text: &str) {
        self.log.note(self.record.attempt, text);
    }

    /// Says in the log why a command failed, and what it could have used: names, never values.
    pub(crate) fn explain(&self, failure: &Failure, names: &[String]) {
        self.note(&format!("error: {failure}"));
        self.name_variables(names);
    }

    /// Names what a command could have used.
    pub(crate) fn name_variables(&self, names: &[String]) {
        if !names.is_empty() {
            self.note(&format!("variables of this command: {}", names.join(" ")));
        }
    }

    pub(crate) fn path(&self) -> &StepPath {
        &self.record.path
    }

    pub(crate) fn attempt(&self) -> u32 {
        self.record.attempt
    }

    /// Begins attempt `attempt` of `of`.
    pub(crate) fn next_attempt(&mut self, attempt: u32, of: u32) {
        self.record.attempt = attempt;
        self.note(&format!("--- attempt {attempt}/{of} ---"));
        self.tell();
    }

    /// The version that the step is bound to.
    pub(crate) fn bind(&mut self, version: VersionId) {
        self.record.version = Some(version);
    }

    pub(crate) fn exited(&mut self, code: Option<i32>) {
        self.record.exit_code = code;
    }

    /// Ends the record.
    pub(crate) fn end(mut self, status: BuildStatus, failure: Option<Failure>) {
        self.finish(status, failure);
    }

    fn finish(&mut self, status: BuildStatus, failure: Option<Failure>) {
        self.ended = true;
        self.record.status = status;
        self.record.failure = failure;
        self.record.duration = Some(self.clock.monotonic().saturating_sub(self.began));
        self.record.log_bytes = self.log.bytes();
        self.tell();
    }

    fn tell(&self) {
        self.outbox.push(BuildEvent::Step(self.record.clone()));
    }
}

/// A record whose actor died is ended all the same: nothing may seem to run for ever.
impl Drop for Recorder {
    fn drop(&mut self) {
        if !self.ended {
            let failure = Failure::plain("it was abandoned because its actor ended");
            self.finish(BuildStatus::Failed, Some(failure));
        }
    }
}
