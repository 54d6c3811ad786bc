//! An intent: everything that the stop of one service instance needs. Its header can be read by anybody who may read the
//! file; the command with its environment is sealed, and the header with it, so that neither can be changed.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use pikoci_model::id::{BuildId, Fence, InstanceId};
use pikoci_model::port::{ItemBuild, ServiceLaunch};
use pikoci_seal::HostKey;
use serde::{Deserialize, Serialize};

use super::directory::StateDirectory;
use super::error::JournalError;
use super::host::HostLife;
use super::strike::{PAGE, Strike, moment};
use crate::protocol::{ServiceForm, ServicePlan, StopPlan};

/// Ending of an intent's file name.
pub(super) const SUFFIX: &str = ".intent";
/// After the page of the strike: what this is, and in which form.
const MARK: &[u8; 8] = b"PIKOINT1";
const LENGTHS_AT: usize = PAGE + MARK.len();
const HEADER_AT: usize = LENGTHS_AT + 8;

/// What everybody may know of an intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntentHeader {
    /// Which build.
    pub build: BuildId,
    /// Under which claim.
    pub fence: Fence,
    /// Its run.
    pub run: u32,
    /// Which instance.
    pub instance: InstanceId,
    /// The service's name in the job.
    pub name: String,
    /// Label of its type.
    pub service_type: String,
    /// Services of one group are stopped together, groups from the highest down.
    pub group: u32,
    /// The life of the host in which it was started.
    pub host: HostLife,
    /// When its start was asked for.
    pub started_at: DateTime<Utc>,
    /// Its stop acts by identity and can hit no other instance; else it may act by name.
    pub by_identity: bool,
}

/// What is sealed. Fields have their names with them, so that a later program can read what an earlier one wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IntentBody {
    pub form: ServiceForm,
    pub stop: Option<StopPlan>,
    pub data: Option<PathBuf>,
}

/// An intent to be written.
#[derive(Debug, Clone)]
pub struct Intent {
    pub(crate) header: IntentHeader,
    pub(crate) body: IntentBody,
}

impl Intent {
    /// Of a service that is about to be started.
    pub(crate) fn of(
        state: &StateDirectory,
        build: &ItemBuild,
        launch: &ServiceLaunch,
        plan: &ServicePlan,
    ) -> Self {
        let header = IntentHeader {
            build: build.build,
            fence: build.fence,
            run: build.run,
            instance: launch.instance,
            name: launch.name.clone(),
            service_type: launch.service_type.clone(),
            group: launch.group,
            host: state.life().clone(),
            started_at: moment(),
            by_identity: launch.by_identity,
        };
        let body = IntentBody { form: plan.form, stop: plan.stop.clone(), data: plan.data.clone() };
        Self { header, body }
    }
}

/// An intent as it was found.
#[derive(Debug)]
pub struct IntentRecord {
    /// By its file's name.
    pub instance: InstanceId,
    /// What it is about; none if it cannot be read.
    pub header: Option<IntentHeader>,
    /// Whether its stop is still owed.
    pub strike: Strike,
    /// How to stop it, or why that cannot be known.
    pub(crate) body: Result<IntentBody, String>,
    /// The file, for striking it.
    pub(crate) file: Option<OwnedFd>,
}

impl IntentRecord {
    pub(super) fn unreadable(instance: InstanceId, reason: String) -> Self {
        Self { instance, header: None, strike: Strike::standing(), body: Err(reason), file: None }
    }

    /// Why its stop cannot be run, if it cannot.
    pub fn defect(&self) -> Option<&str> {
        self.body.as_ref().err().map(String::as_str)
    }
}

/// The file's content.
pub(super) fn encode(key: &HostKey, intent: &Intent) -> Result<Vec<u8>, JournalError> {
    let never = |error: String| JournalError::System {
        path: PathBuf::from(format!("{}{SUFFIX}", intent.header.instance)),
        reason: std::io::Error::other(error),
    };
    let header = serde_json::to_string(&intent.header).map_err(|error| never(error.to_string()))?;
    let body = rmp_serde::to_vec_named(&intent.body).map_err(|error| never(error.to_string()))?;
    let sealed = pikoci_seal::seal(key, &context(&header), &body)?;
    let mut content = Vec::with_capacity(HEADER_AT + header.len() + sealed.len());
    content.extend_from_slice(&Strike::standing().page());
    content.extend_from_slice(MARK);
    for length in [header.len(), sealed.len()] {
        let length = u32::try_from(length).map_err(|_| never("a command of more than 4 GB".to_owned()))?;
        content.extend_from_slice(&length.to_le_bytes());
    }
    content.extend_from_slice(header.as_bytes());
    content.extend_from_slice(&sealed);
    Ok(content)
}

fn context(header: &str) -> String {
    format!("intent:{header}")
}

/// What a file says, whatever state it is in.
pub(super) fn decode(
    key: &HostKey,
    instance: InstanceId,
    content: &[u8],
    file: Option<OwnedFd>,
) -> IntentRecord {
    let page = content.first_chunk::<PAGE>();
    let strike = page.and_then(Strike::of_page).unwrap_or_else(Strike::standing);
    let (header, body) = match parts(content) {
        Ok((header, sealed)) => match serde_json::from_str::<IntentHeader>(header) {
            Ok(read) if read.instance == instance => (Some(read), unseal(key, header, sealed)),
            Ok(_) => (None, Err("it is another instance's record".to_owned())),
            Err(error) => (None, Err(format!("its header cannot be read: {error}"))),
        },
        Err(reason) => (None, Err(reason.to_owned())),
    };
    IntentRecord { instance, header, strike, body, file }
}

fn unseal(key: &HostKey, header: &str, sealed: &[u8]) -> Result<IntentBody, String> {
    let body = pikoci_seal::open(key, &context(header), sealed).map_err(|error| error.to_string())?;
    rmp_serde::from_slice(&body).map_err(|error| format!("its command cannot be read: {error}"))
}

fn parts(content: &[u8]) -> Result<(&str, &[u8]), &'static str> {
    let torn = "it was written in part";
    let (fixed, rest) = content.split_at_checked(HEADER_AT).ok_or(torn)?;
    if &fixed[PAGE..LENGTHS_AT] != MARK {
        return Err("it has not the form of an intent that this program knows");
    }
    let length = |at: usize| fixed[at..].first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
    let (header, sealed) = rest.split_at_checked(length(LENGTHS_AT) as usize).ok_or(torn)?;
    if sealed.len() != length(LENGTHS_AT + 4) as usize {
        return Err(torn);
    }
    Ok((std::str::from_utf8(header).map_err(|_| torn)?, sealed))
}
