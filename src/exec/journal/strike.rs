//! The first page of an intent file: whether its stop is still owed. It is written in full when the intent is made, and
//! overwritten in place later, so that it needs no room on the disk.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use chrono::{DateTime, Utc};
use nix::sys::uio::{pread, pwrite};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::fdatasync;
use serde::{Deserialize, Serialize};

/// Size of the page: a disk writes so much at once or not at all.
pub(super) const PAGE: usize = 512;
const TEXT_AT: usize = 14;
const CHECK_AT: usize = PAGE - 8;
const LONGEST_TEXT: usize = CHECK_AT - TEXT_AT;

/// Whether a stop is still owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrikeState {
    /// It has not been run, or nobody could say how it ended.
    Standing,
    /// It has completed with success: nothing is owed any more.
    Stopped,
    /// All its tries failed; it is still owed.
    Failed,
    /// Its start has ended by itself, so one stop is enough; it is still owed.
    Started,
    /// Its start was cut, and the first of the two stops that are owed for that has run.
    RanOnce,
    /// The stop has run with success; what is owed is to end and remove what it has left.
    Ran,
}

/// Who ran the stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Striker {
    /// Nobody yet.
    Nobody,
    /// The shim, asked by its build.
    Build,
    /// The shim, when its worker was gone.
    Shim,
    /// A later life, from the journal.
    Journal,
}

impl Striker {
    /// As records name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Nobody => "",
            Self::Build => "build",
            Self::Shim => "shim",
            Self::Journal => "journal",
        }
    }
}

/// What became of a stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strike {
    /// Whether it is still owed.
    pub state: StrikeState,
    /// By whom it was run last.
    pub by: Striker,
    /// How often it was tried so far.
    pub tries: u16,
    /// When that was written.
    pub at: DateTime<Utc>,
    /// How the last try ended, if not well. Cut at a bound.
    pub detail: String,
}

impl Strike {
    /// Nothing has been run.
    pub fn standing() -> Self {
        Self::now(StrikeState::Standing, Striker::Nobody, 0, "")
    }

    /// This, as of now.
    pub fn now(state: StrikeState, by: Striker, tries: u16, detail: &str) -> Self {
        Self { state, by, tries, at: moment(), detail: detail.to_owned() }
    }

    /// Whether the stop is still owed.
    pub fn is_owed(&self) -> bool {
        self.state != StrikeState::Stopped
    }

    pub(super) fn page(&self) -> [u8; PAGE] {
        let mut page = [0; PAGE];
        page[0] = self.state as u8;
        page[1] = self.by as u8;
        page[2..4].copy_from_slice(&self.tries.to_le_bytes());
        page[4..12].copy_from_slice(&self.at.timestamp_micros().to_le_bytes());
        let text = &self.detail.as_bytes()[..self.detail.floor_char_boundary(LONGEST_TEXT)];
        let length = u16::try_from(text.len()).unwrap_or(0);
        page[12..TEXT_AT].copy_from_slice(&length.to_le_bytes());
        page[TEXT_AT..TEXT_AT + text.len()].copy_from_slice(text);
        let check = checksum(&page[..CHECK_AT]);
        page[CHECK_AT..].copy_from_slice(&check);
        page
    }

    /// What a page says; none if it was torn.
    pub(super) fn of_page(page: &[u8; PAGE]) -> Option<Self> {
        let number = |from: usize| u16::from_le_bytes([page[from], page[from + 1]]);
        let state = match page[0] {
            0 => StrikeState::Standing,
            1 => StrikeState::Stopped,
            2 => StrikeState::Failed,
            3 => StrikeState::Started,
            4 => StrikeState::RanOnce,
            5 => StrikeState::Ran,
            _ => return None,
        };
        let by = match page[1] {
            0 => Striker::Nobody,
            1 => Striker::Build,
            2 => Striker::Shim,
            3 => Striker::Journal,
            _ => return None,
        };
        let micros = i64::from_le_bytes(page[4..12].try_into().ok()?);
        let text = page
            .get(TEXT_AT..TEXT_AT + usize::from(number(12)))
            .filter(|_| number(12) as usize <= LONGEST_TEXT)?;
        if checksum(&page[..CHECK_AT]) != page[CHECK_AT..] {
            return None;
        }
        let detail = String::from_utf8_lossy(text).into_owned();
        Some(Self { state, by, tries: number(2), at: DateTime::from_timestamp_micros(micros)?, detail })
    }
}

/// Finds a page that was written in part: a checksum against accidents, not against people.
fn checksum(bytes: &[u8]) -> [u8; 8] {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash.to_le_bytes()
}

/// Says in an open intent file what became of its stop; on disk when this returns. Waits for the disk, and so is called
/// by a process or thread that may. It needs no room: a full disk is no hindrance.
///
/// # Errors
/// The disk refuses.
pub fn strike(intent: impl AsFd, strike: &Strike) -> io::Result<()> {
    write_all_at_start(intent.as_fd(), &strike.page())?;
    Ok(fdatasync(intent.as_fd())?)
}

/// Notes that the service's start has ended by itself: whoever has to run the stop later need not fear that something
/// is still being made. What is known of its stop already stays as it is. Does not wait for the disk: after a restart of
/// the host no start runs any more.
///
/// # Errors
/// The disk refuses.
pub fn note_started(intent: impl AsFd) -> io::Result<()> {
    if read_strike(&intent)?.state != StrikeState::Standing {
        return Ok(());
    }
    write_all_at_start(intent.as_fd(), &Strike::now(StrikeState::Started, Striker::Nobody, 0, "").page())
}

/// Notes that a stop has run with success, as soon as it has: whoever takes over from here does not run it again. `last` says
/// whether another is owed. Does not wait for the disk: that is done when nothing of the service is left.
///
/// # Errors
/// The disk refuses.
pub fn note_run(intent: impl AsFd, by: Striker, last: bool) -> io::Result<()> {
    let before = read_strike(&intent)?;
    if !before.is_owed() {
        return Ok(());
    }
    let state = if last { StrikeState::Ran } else { StrikeState::RanOnce };
    write_all_at_start(intent.as_fd(), &Strike::now(state, by, before.tries, "").page())
}

/// What an open intent file says of its stop. A page that was torn says nothing: the stop is still owed.
///
/// # Errors
/// The file cannot be read.
pub fn read_strike(intent: impl AsFd) -> io::Result<Strike> {
    let mut page = [0; PAGE];
    let length = pread(intent.as_fd(), &mut page, 0)?;
    Ok(Strike::of_page(&page).filter(|_| length == PAGE).unwrap_or_else(Strike::standing))
}

/// Without a second descriptor: closing one would lose this process's locks of the file.
pub(super) fn write_all_at_start(file: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        let at = i64::try_from(written).unwrap_or(0);
        match pwrite(file, &bytes[written..], at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(length) => written += length,
            Err(nix::Error::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The wall clock, for records that other processes read.
pub(crate) fn moment() -> DateTime<Utc> {
    let now = clock_gettime(ClockId::CLOCK_REALTIME).ok();
    let micros = now.map_or(0, |now| now.tv_sec() * 1_000_000 + now.tv_nsec() / 1000);
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_was_written_and_a_torn_one_says_nothing() {
        let strike = Strike::now(StrikeState::Failed, Striker::Journal, 3, "exit code 1");
        let page = strike.page();
        assert_eq!(Strike::of_page(&page), Some(strike));
        for at in [0, 1, 5, 20, CHECK_AT] {
            let mut torn = page;
            torn[at] ^= 0x10;
            assert_eq!(Strike::of_page(&torn), None, "byte {at}");
        }
    }

    #[test]
    fn a_long_text_is_cut_between_letters() {
        let strike = Strike::now(StrikeState::Failed, Striker::Shim, 1, &"ü".repeat(400));
        let read = Strike::of_page(&strike.page()).unwrap();
        assert_eq!(read.detail, "ü".repeat(LONGEST_TEXT / 2));
    }

    #[test]
    fn a_start_that_ends_late_hides_no_stop() {
        let intent = tempfile::tempfile().unwrap();
        let state = || read_strike(&intent).unwrap().state;
        strike(&intent, &Strike::standing()).unwrap();
        note_started(&intent).unwrap();
        assert_eq!(state(), StrikeState::Started);
        note_run(&intent, Striker::Shim, false).unwrap();
        note_started(&intent).unwrap();
        assert_eq!(state(), StrikeState::RanOnce);
        note_run(&intent, Striker::Shim, true).unwrap();
        assert_eq!(state(), StrikeState::Ran);
        strike(&intent, &Strike::now(StrikeState::Stopped, Striker::Journal, 1, "")).unwrap();
        note_started(&intent).unwrap();
        note_run(&intent, Striker::Shim, true).unwrap();
        assert_eq!(state(), StrikeState::Stopped);
    }
}
