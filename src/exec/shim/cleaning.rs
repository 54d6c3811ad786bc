//! Around a stop: the directory that it needs, the data that its service leaves, and the record of what became of it.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use nix::errno::Errno;

use super::serve::Shim;
use super::unit::Service;
use crate::journal::{self, Strike, StrikeState};
use crate::protocol::{Command, Exit, StopOutcome};
use crate::sys::{descriptors, fork};

/// Set for a stop whose directory was gone and had to be made again.
const DIRECTORY_LOST: &str = "PIKOCI_WORKDIR_LOST";

/// Data of an adopted service may still be written to by what is ended only when this shim is done.
const DATA_TRIES: u32 = 200;
const DATA_AGAIN: Duration = Duration::from_millis(50);

/// A stop runs even if a step has removed its directory: it is made again, empty, and the stop is told.
pub(super) fn mend_directory(command: &mut Command) {
    let directory = Path::new(OsStr::from_bytes(&command.directory));
    let lost = fs::symlink_metadata(directory).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    if lost && fs::create_dir_all(directory).is_ok() {
        command.env.retain(|(name, _)| name != DIRECTORY_LOST);
        command.env.push((Bytes::from(DIRECTORY_LOST), Bytes::from("1")));
    }
}

impl Shim {
    /// Removes the data of a stopped service and strikes its intent, in a process of its own: disks may be slow.
    pub(super) fn clean_after(&mut self, service: Service, success: bool) {
        let strike = self.strike_of(&service, success);
        let Service { plan, intent, adopted, .. } = service;
        let data = plan.data.filter(|_| success);
        if data.is_none() && (strike.is_none() || intent.is_none()) {
            return;
        }
        let kept: Vec<_> = intent.as_ref().map(AsFd::as_fd).into_iter().collect();
        let clean = || {
            let removed = data.as_ref().is_none_or(|data| remove(data, adopted));
            let owed = strike.as_ref().zip(intent.as_ref());
            let struck = owed.is_none_or(|(strike, intent)| journal::strike(intent, strike).is_ok());
            i32::from(!removed || !struck)
        };
        let cleaner = fork::child(|| {
            descriptors::close_all_but(&kept);
            clean()
        });
        match cleaner {
            Ok(cleaner) => {
                self.cleaners.insert(cleaner);
            }
            // No process is to be had: better late than never.
            Err(_) => {
                clean();
            }
        }
    }

    /// What is written about the stop; none if it was not even tried.
    fn strike_of(&self, service: &Service, success: bool) -> Option<Strike> {
        let before = service.intent.as_ref().and_then(|intent| journal::read_strike(intent).ok());
        if let Some(ran) =
            before.as_ref().filter(|before| service.tries == 0 && before.state == StrikeState::Ran)
        {
            // It had run before this shim adopted what was left of the service.
            let tries = ran.tries.saturating_add(1);
            return Some(Strike { state: StrikeState::Stopped, tries, ..ran.clone() });
        }
        let by = service.striker(self.worker_lost || self.lease_lost);
        let state = if success { StrikeState::Stopped } else { StrikeState::Failed };
        let tries = service.tries.saturating_add(before.map_or(0, |before| before.tries));
        let detail = service.last_try.as_ref().filter(|_| !success).map(words).unwrap_or_default();
        (success || service.tries > 0).then(|| Strike::now(state, by, tries, &detail))
    }
}

fn words(outcome: &StopOutcome) -> String {
    match outcome {
        StopOutcome::Exit(Exit::Code(code)) => format!("exited with {code}"),
        StopOutcome::Exit(Exit::Signal(signal)) => format!("was ended by signal {signal}"),
        StopOutcome::Exit(Exit::Lost) => "its keeper was killed from outside".to_owned(),
        StopOutcome::TookTooLong(limit) => format!("took longer than its {} s", limit.as_secs_f64()),
        StopOutcome::NotStarted(fault) => {
            format!("could not be started: {}", Errno::from_raw(fault.errno).desc())
        }
    }
}

fn remove(data: &Path, may_be_in_use: bool) -> bool {
    let tries = if may_be_in_use { DATA_TRIES } else { 1 };
    (0..tries).any(|number| {
        if number > 0 {
            std::thread::sleep(DATA_AGAIN);
        }
        match fs::remove_dir_all(data) {
            Ok(()) => true,
            Err(error) => error.kind() == ErrorKind::NotFound,
        }
    })
}
