//! What the journal holds, for people and for reports.

use chrono::{DateTime, Utc};
use pikoci_model::build::{ServiceState, StopReport};
use pikoci_model::id::InstanceId;
use serde::Serialize;

use super::directory::StateDirectory;
use super::error::JournalError;
use super::intent::IntentRecord;
use super::item::{ItemDirectory, Manifest};
use super::lock::LockState;
use super::strike::{StrikeState, Striker};

/// An item as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ItemView {
    /// Its name.
    pub item: String,
    /// What it is about; none if that cannot be read, or is not written yet.
    pub manifest: Option<Manifest>,
    /// Whether a shim works on it.
    pub held: bool,
    /// Its shim had done all that it had to.
    pub complete: bool,
    /// Its services.
    pub services: Vec<ServiceView>,
}

/// One service instance of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceView {
    /// Which.
    pub instance: InstanceId,
    /// Its name in the job; `?` if it cannot be read.
    pub name: String,
    /// Label of its type.
    pub service_type: String,
    /// How its stop stands.
    pub state: StopState,
    /// Who ran its stop last.
    pub by: Striker,
    /// When its start was asked for.
    pub started_at: DateTime<Utc>,
    /// When its state came to be.
    pub at: DateTime<Utc>,
    /// How often its stop was tried.
    pub tries: u16,
    /// Why it is not stopped; empty if nothing is known.
    pub detail: String,
}

/// How a stop stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StopState {
    /// It has completed.
    Stopped,
    /// It is owed and can be run.
    Pending,
    /// It was tried, failed, and is owed.
    Failed,
    /// It is owed, but a later build has taken its place and the stop might hit that one.
    Superseded,
    /// It is owed, but cannot be read.
    Unreadable,
}

impl StopState {
    /// Whether it is still owed.
    pub fn is_owed(self) -> bool {
        self != Self::Stopped
    }

    /// Whether it can be run without a person.
    pub fn can_be_run(self) -> bool {
        matches!(self, Self::Pending | Self::Failed)
    }
}

impl ItemView {
    /// Whether anything is owed that no living shim will do.
    pub fn is_pending(&self) -> bool {
        !self.held && self.services.iter().any(|service| service.state.is_owed())
    }

    /// What its services' servers want to know. Without a manifest nobody knows whose they are.
    pub fn reports(&self) -> Vec<StopReport> {
        let Some(manifest) = &self.manifest else { return Vec::new() };
        self.services.iter().map(|service| service.report(manifest)).collect()
    }
}

impl ServiceView {
    fn of(record: &IntentRecord, successor: Option<&str>) -> Self {
        let (header, strike) = (record.header.as_ref(), &record.strike);
        let superseded = successor.filter(|_| header.is_some_and(|header| !header.by_identity));
        let (state, detail) = match (strike.state, record.defect(), superseded) {
            (StrikeState::Stopped, ..) => (StopState::Stopped, strike.detail.clone()),
            (_, Some(defect), _) => {
                (StopState::Unreadable, format!("stop pending (cannot unseal): {defect}"))
            }
            (StrikeState::Ran, ..) => (StopState::Pending, strike.detail.clone()),
            (.., Some(number)) => (StopState::Superseded, format!("superseded by #{number}")),
            (StrikeState::Failed, ..) => (StopState::Failed, strike.detail.clone()),
            (StrikeState::Standing | StrikeState::Started | StrikeState::RanOnce, ..) => {
                (StopState::Pending, strike.detail.clone())
            }
        };
        Self {
            instance: record.instance,
            name: header.map_or_else(|| "?".to_owned(), |header| header.name.clone()),
            service_type: header.map(|header| header.service_type.clone()).unwrap_or_default(),
            state,
            by: strike.by,
            started_at: header.map_or(strike.at, |header| header.started_at),
            at: strike.at,
            tries: strike.tries,
            detail,
        }
    }

    fn report(&self, manifest: &Manifest) -> StopReport {
        let state = match self.state {
            StopState::Stopped => ServiceState::Stopped,
            StopState::Failed => ServiceState::StopFailed,
            StopState::Pending | StopState::Superseded | StopState::Unreadable => ServiceState::StopPending,
        };
        StopReport {
            build: manifest.build,
            fence: manifest.fence,
            run: manifest.run,
            instance: self.instance,
            name: self.name.clone(),
            service_type: self.service_type.clone(),
            state,
            by: if self.by == Striker::Nobody { Striker::Journal } else { self.by }.word().to_owned(),
            starting_at: self.started_at,
            at: self.at,
            tries: u32::from(self.tries),
            detail: self.detail.clone(),
        }
    }
}

impl ItemDirectory {
    /// As it stands.
    ///
    /// # Errors
    /// It is gone, or cannot be read.
    pub fn view(&self, state: &StateDirectory) -> Result<ItemView, JournalError> {
        let manifest = self.manifest().ok();
        let lock = self.open_lock();
        let held = lock.as_ref().is_ok_and(|lock| lock.state().is_ok_and(|held| held != LockState::Free));
        let successor = manifest.as_ref().and_then(|manifest| self.successor(state, manifest));
        let records = self.intents(state)?;
        Ok(ItemView {
            item: self.name().to_owned(),
            held,
            complete: lock.is_ok_and(|lock| lock.is_complete()),
            services: records.iter().map(|record| ServiceView::of(record, successor.as_deref())).collect(),
            manifest,
        })
    }
}

impl StateDirectory {
    /// Everything that is known, in the order of the items' names. An item that goes meanwhile is left out.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn view(&self) -> Result<Vec<ItemView>, JournalError> {
        let names = self.items()?;
        Ok(names.iter().filter_map(|name| self.item(name).ok()?.view(self).ok()).collect())
    }
}
