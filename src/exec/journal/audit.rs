//! What a person had forgotten, and why: one line each, never removed.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use chrono::{DateTime, Utc};
use pikoci_model::id::InstanceId;
use serde::{Deserialize, Serialize};

use super::directory::StateDirectory;
use super::error::JournalError;
use super::files;
use super::item::ItemDirectory;
use super::strike::moment;

const FILE: &str = "audit.log";

/// One line of the audit file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    /// When.
    pub at: DateTime<Utc>,
    /// User number of whoever asked.
    pub user: u32,
    /// The item.
    pub item: String,
    /// The instance.
    pub instance: InstanceId,
    /// Its name in the job, if it could be read.
    pub name: Option<String>,
    /// Why, in the words of whoever asked.
    pub reason: String,
}

impl StateDirectory {
    /// Forgets an intent: its stop will not be run. It is written down first who wanted that and why.
    ///
    /// # Errors
    /// It cannot be written down, or not be removed.
    pub fn forget(
        &self,
        item: &ItemDirectory,
        instance: InstanceId,
        reason: &str,
    ) -> Result<(), JournalError> {
        let records = item.intents(self)?;
        let header = records.into_iter().find(|record| record.instance == instance).and_then(|r| r.header);
        let line = Forgotten {
            at: moment(),
            user: nix::unistd::getuid().as_raw(),
            item: item.name().to_owned(),
            instance,
            name: header.map(|header| header.name),
            reason: reason.to_owned(),
        };
        self.note(&line).map_err(|error| JournalError::system(&self.path().join(FILE), error))?;
        item.remove_intent(instance)?;
        item.settle(self)?;
        Ok(())
    }

    fn note(&self, line: &Forgotten) -> io::Result<()> {
        let mut file: File = files::open_or_create(self.root(), FILE)?;
        file.lock()?;
        file.seek(SeekFrom::End(0))?;
        file.write_all(format!("{}\n", serde_json::to_string(line)?).as_bytes())?;
        file.sync_all()
    }
}
