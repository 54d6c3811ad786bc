//! What is known of a service whose build cannot tell it any more.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{ServiceRecord, ServiceState};
use crate::{
    id::{BuildId, Fence, InstanceId},
    outcome::{Failure, RunCode},
};

/// What became of a service whose build could not tell it any more: its worker, or what ran it, was lost.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StopReport {
    /// Of which build.
    pub build: BuildId,
    /// Under which claim it was started; the build may have another by now.
    pub fence: Fence,
    /// In which run.
    pub run: u32,
    /// Its identity.
    pub instance: InstanceId,
    /// Its name in the job.
    pub name: String,
    /// Label of its type.
    pub service_type: String,
    /// Stopped, or pending one way or the other.
    pub state: ServiceState,
    /// Who stopped it: `shim` or `journal`.
    pub by: String,
    /// When its start began.
    pub starting_at: DateTime<Utc>,
    /// When this came to be.
    pub at: DateTime<Utc>,
    /// How often its stop was tried.
    pub tries: u32,
    /// Why it is not stopped, or what else is to be known; empty if nothing.
    pub detail: String,
}

impl StopReport {
    /// The record of an instance of which nothing else was ever heard.
    pub fn to_record(&self, worker: &str) -> ServiceRecord {
        let mut record = ServiceRecord {
            instance: self.instance,
            name: self.name.clone(),
            service_type: self.service_type.clone(),
            version: String::new(),
            address: String::new(),
            state: ServiceState::Registered,
            stopped_by: None,
            tries: 0,
            killed: 0,
            failure: None,
            starting_at: self.starting_at,
            ready_at: None,
            stopping_at: None,
            stopped_at: None,
            worker: None,
        };
        record.take_report(self, worker);
        record
    }
}

impl ServiceRecord {
    /// Takes in what a worker reports of it. False if that says nothing new: what is stopped stays stopped.
    pub fn take_report(&mut self, report: &StopReport, worker: &str) -> bool {
        if self.state == ServiceState::Stopped {
            return false;
        }
        let before = self.clone();
        self.stopping_at.get_or_insert(report.at);
        self.state = report.state;
        self.tries = self.tries.max(report.tries);
        if report.state == ServiceState::Stopped {
            self.stopped_by = Some(report.by.clone());
            self.stopped_at = Some(report.at);
            self.worker = None;
            // What was said of a stop that had not worked yet is over with it.
            self.failure.take_if(|failure| failure.code == Some(RunCode::R152));
        } else {
            self.worker = Some(worker.to_owned());
            if !report.detail.is_empty() {
                let text = format!("service \"{}\": {}", self.name, report.detail);
                self.failure = Some(Failure::coded(RunCode::R152, text));
            }
        }
        *self != before
    }

    /// What its build tells of it, where this is known already. A report may be stored before what the build told
    /// earlier: what has been reported of its stop stays, unless the build has come as far.
    #[must_use]
    pub fn after(mut self, known: &Self) -> Self {
        let known_more = match known.state {
            ServiceState::Stopped => self.state != ServiceState::Stopped,
            ServiceState::StopFailed | ServiceState::StopPending => {
                !self.state.is_pending() && self.state != ServiceState::Stopped
            }
            _ => false,
        };
        if known_more {
            self.state = known.state;
            self.stopped_by.clone_from(&known.stopped_by);
            self.tries = self.tries.max(known.tries);
            self.stopping_at = known.stopping_at;
            self.stopped_at = known.stopped_at;
            self.worker.clone_from(&known.worker);
            self.failure = known.failure.clone().or(self.failure);
        }
        self
    }

    /// Its worker is lost, or what ran its commands there: unless it is stopped, its stop is owed. True if that changes
    /// the record. One whose start was never tried owes nothing.
    pub fn lose(&mut self, worker: Option<&str>) -> bool {
        use ServiceState as S;
        let before = self.clone();
        match self.state {
            S::Registered | S::Stopped => {}
            S::StopFailed | S::StopPending => self.worker = self.worker.take().or(worker.map(str::to_owned)),
            S::Starting | S::Probing | S::Ready | S::Stopping => {
                self.state = S::StopPending;
                self.worker = worker.map(str::to_owned);
            }
        }
        *self != before
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn report(state: ServiceState, by: &str, detail: &str) -> StopReport {
        StopReport {
            build: BuildId(1),
            fence: Fence::new(1, 1),
            run: 1,
            instance: InstanceId(uuid::Uuid::nil()),
            name: "db".into(),
            service_type: "pg".into(),
            state,
            by: by.into(),
            starting_at: DateTime::UNIX_EPOCH,
            at: DateTime::UNIX_EPOCH + TimeDelta::seconds(9),
            tries: 1,
            detail: detail.into(),
        }
    }

    #[test]
    fn a_report_fails_pends_and_is_over_with_the_stop() {
        let failed = report(ServiceState::StopFailed, "journal", "its stop exited with 1");
        let mut record = failed.to_record("lab");
        assert_eq!((record.state, record.worker.as_deref()), (ServiceState::StopFailed, Some("lab")));
        let words = record.failure.as_ref().unwrap().to_string();
        assert_eq!(words, "R152: service \"db\": its stop exited with 1");
        assert!(!record.take_report(&failed, "lab"), "the same again");
        assert!(record.take_report(&report(ServiceState::Stopped, "journal", ""), "lab"));
        assert_eq!((record.state, record.stopped_by.as_deref()), (ServiceState::Stopped, Some("journal")));
        assert_eq!((&record.worker, &record.failure), (&None, &None));
        assert!(!record.take_report(&failed, "lab"), "what is stopped stays stopped");
    }

    #[test]
    fn what_a_build_told_earlier_takes_no_report_back() {
        let known = report(ServiceState::Stopped, "journal", "").to_record("lab");
        let told = ServiceRecord {
            state: ServiceState::Probing,
            stopped_by: None,
            stopping_at: None,
            stopped_at: None,
            address: "localhost:1".into(),
            ..known.clone()
        };
        assert_eq!(told.clone().after(&known), ServiceRecord { address: "localhost:1".into(), ..known });
        let failed = report(ServiceState::StopFailed, "journal", "it says no").to_record("lab");
        let merged = told.clone().after(&failed);
        assert_eq!((merged.state, merged.worker.as_deref()), (ServiceState::StopFailed, Some("lab")));
        let stopped = ServiceRecord { state: ServiceState::Stopped, ..told.clone() };
        assert_eq!(stopped.clone().after(&failed), stopped, "its build has seen it stopped");
        let ready = ServiceRecord { state: ServiceState::Ready, ..told.clone() };
        assert_eq!(ready.clone().after(&told), ready);
    }

    #[test]
    fn what_is_lost_owes_its_stop_if_its_start_was_tried() {
        let mut record = report(ServiceState::Stopped, "shim", "").to_record("lab");
        assert!(!record.lose(Some("lab")));
        record.state = ServiceState::Registered;
        assert!(!record.lose(Some("lab")));
        record.state = ServiceState::Ready;
        assert!(record.lose(Some("lab")) && record.state == ServiceState::StopPending);
        assert!(!record.lose(Some("other")) && record.worker.as_deref() == Some("lab"));
    }
}
