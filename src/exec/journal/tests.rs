//! The journal on a real file system.

use std::fs::{self, Permissions};
use std::os::fd::AsFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command as Program;
use std::time::Duration;

use bytes::Bytes;
use pikoci_model::id::{BuildId, Fence, InstanceId};
use pikoci_model::port::ItemBuild;

use super::intent::IntentBody;
use super::strike::moment;
use super::*;
use crate::protocol::{Command, ServiceForm, StopPlan};

pub(crate) fn build(number: i64) -> ItemBuild {
    ItemBuild {
        build: BuildId(number),
        fence: Fence::new(1, 7),
        run: 1,
        number: number.to_string(),
        job: "main/p/j".to_owned(),
    }
}

fn shim() -> ProcessLife {
    ProcessLife { pid: 1, since: 0 }
}

pub(crate) fn made(state: &StateDirectory, number: i64) -> NewItem {
    let item = state.create_item(&format!("b-{number}-1-x"), &build(number)).unwrap();
    state.publish(&item.directory, &build(number), Path::new("/work/place"), shim()).unwrap();
    item
}

pub(crate) fn intent(state: &StateDirectory, secret: &str) -> Intent {
    let command = Command {
        argv: vec![Bytes::from("sh")],
        env: vec![(Bytes::from("TOKEN"), Bytes::from(secret.to_owned()))],
        directory: Bytes::from("/work/place"),
        ..Command::default()
    };
    let stop = StopPlan { command, limit: Duration::from_secs(30), retries: Vec::new(), output: None };
    Intent {
        header: IntentHeader {
            build: BuildId(1),
            fence: Fence::new(1, 7),
            run: 1,
            instance: InstanceId(uuid::Uuid::now_v7()),
            name: "db".to_owned(),
            service_type: "postgres".to_owned(),
            group: 2,
            host: state.life().clone(),
            started_at: moment(),
            by_identity: true,
        },
        body: IntentBody { form: ServiceForm::Daemon, stop: Some(stop), data: Some(PathBuf::from("/data")) },
    }
}

fn file_of(place: &Path, item: &NewItem, intent: &Intent) -> PathBuf {
    place.join("items").join(item.directory.name()).join(format!("{}.intent", intent.header.instance))
}

#[test]
fn an_intent_is_read_as_it_was_written_and_shows_no_secret() {
    let place = tempfile::tempdir().unwrap();
    let state = StateDirectory::open(place.path()).unwrap();
    let item = made(&state, 1);
    let written = intent(&state, "hunter2");
    item.directory.write(&state, &written).unwrap();
    let on_disk = fs::read(file_of(place.path(), &item, &written)).unwrap();
    assert!(!on_disk.windows(7).any(|bytes| bytes == b"hunter2"));
    let read = StateDirectory::open(place.path()).unwrap();
    let records = read.item(item.directory.name()).unwrap().intents(&read).unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].header.as_ref(), Some(&written.header));
    assert_eq!(records[0].body, Ok(written.body));
    assert_eq!(records[0].strike.state, StrikeState::Standing);
}

#[test]
fn a_torn_changed_or_foreign_intent_is_kept_and_still_owed() {
    let place = tempfile::tempdir().unwrap();
    let state = StateDirectory::open(place.path()).unwrap();
    let item = made(&state, 1);
    let written = intent(&state, "x");
    item.directory.write(&state, &written).unwrap();
    let path = file_of(place.path(), &item, &written);
    let sound = fs::read(&path).unwrap();
    let other_name = written.header.name.len();
    for length in [0, 100, 512, 519, 528, 600, sound.len() - 1] {
        fs::write(&path, &sound[..length]).unwrap();
        let records = item.directory.intents(&state).unwrap();
        assert!(records[0].defect().is_some() && records[0].strike.is_owed(), "{length} bytes");
    }
    let mut changed = sound.clone();
    let at = changed.windows(other_name + 2).position(|bytes| bytes == b"\"db\"").unwrap();
    changed[at + 1] = b'x';
    fs::write(&path, &changed).unwrap();
    assert!(item.directory.intents(&state).unwrap()[0].defect().is_some(), "its header was changed");
    fs::write(&path, &sound).unwrap();
    fs::remove_file(place.path().join("host.key")).unwrap();
    let another_key = StateDirectory::open(place.path()).unwrap();
    let records = another_key.item(item.directory.name()).unwrap().intents(&another_key).unwrap();
    assert!(records[0].defect().is_some_and(|defect| defect.contains("another key")));
    assert_eq!(records[0].header.as_ref(), Some(&written.header), "what is in clear is still shown");
    assert!(!another_key.item(item.directory.name()).unwrap().settle(&another_key).unwrap());
    assert_eq!(fs::read(&path).unwrap(), sound);
}

#[test]
fn what_is_struck_is_forgotten_and_what_failed_stays() {
    let place = tempfile::tempdir().unwrap();
    let state = StateDirectory::open(place.path()).unwrap();
    let item = made(&state, 1);
    let (first, second) = (intent(&state, "x"), intent(&state, "y"));
    let one = item.directory.write(&state, &first).unwrap();
    let two = item.directory.write(&state, &second).unwrap();
    strike(&one, &Strike::now(StrikeState::Stopped, Striker::Shim, 1, "")).unwrap();
    note_started(&two).unwrap();
    strike(&two, &Strike::now(StrikeState::Failed, Striker::Shim, 3, "exit code 1")).unwrap();
    assert!(item.directory.owes() && state.needs_workdir(Path::new("/work/place")));
    assert!(!item.directory.settle(&state).unwrap());
    let left = item.directory.intents(&state).unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].strike.tries, left[0].strike.detail.as_str()), (3, "exit code 1"));
    strike(&two, &Strike::now(StrikeState::Stopped, Striker::Journal, 4, "")).unwrap();
    assert!(item.directory.settle(&state).unwrap());
    assert!(state.items().unwrap().is_empty() && !state.needs_workdir(Path::new("/work/place")));
}

#[test]
fn a_slot_is_skipped_as_long_as_its_last_item_owes_a_stop() {
    let place = tempfile::tempdir().unwrap();
    let state = StateDirectory::open(place.path()).unwrap();
    let first = made(&state, 1);
    let second = made(&state, 2);
    assert_eq!((first.directory.slot(), second.directory.slot()), (0, 1));
    let owed = first.directory.write(&state, &intent(&state, "x")).unwrap();
    drop(first.slot);
    let third = made(&state, 3);
    assert_eq!(third.directory.slot(), 2);
    strike(&owed, &Strike::now(StrikeState::Stopped, Striker::Journal, 1, "")).unwrap();
    let manifest = first.directory.manifest().unwrap();
    assert_eq!(first.directory.successor(&state, &manifest), None);
    let fourth = made(&state, 4);
    assert_eq!(fourth.directory.slot(), 0);
    assert_eq!(first.directory.successor(&state, &manifest), Some("4".to_owned()));
}

#[test]
fn links_and_what_others_may_write_to_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(elsewhere.path(), place.path().join("link")).unwrap();
    assert!(StateDirectory::open(&place.path().join("link")).is_err());
    symlink(elsewhere.path(), place.path().join("items")).unwrap();
    assert!(StateDirectory::open(place.path()).is_err());
    let open = place.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(StateDirectory::open(&open), Err(JournalError::Open { mode: 0o777, .. })));
    let state = StateDirectory::open(&place.path().join("good")).unwrap();
    assert_eq!(fs::metadata(state.path()).unwrap().permissions().mode() & 0o777, 0o700);
    let item = made(&state, 1);
    let name = format!("{}.intent", InstanceId(uuid::Uuid::now_v7()));
    let secret = elsewhere.path().join("secret");
    fs::write(&secret, "x").unwrap();
    symlink(&secret, state.path().join("items").join(item.directory.name()).join(name)).unwrap();
    let records = item.directory.intents(&state).unwrap();
    assert!(records[0].defect().is_some() && item.directory.owes());
    item.directory.remove_all();
    assert!(secret.exists() && state.items().unwrap().is_empty());
}

#[test]
fn a_directory_of_somebody_else_is_refused() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(place.path(), Some(65_534), None).unwrap();
    assert!(matches!(StateDirectory::open(place.path()), Err(JournalError::Foreign { found: 65_534, .. })));
}

#[test]
fn a_lock_is_seen_waited_for_and_free_again() {
    let place = tempfile::tempdir().unwrap();
    let state = StateDirectory::open(place.path()).unwrap();
    let item = made(&state, 1);
    let seen = item.directory.open_lock().unwrap();
    assert_eq!(seen.state().unwrap(), LockState::Free);
    let held = item.lock.try_hold().unwrap().unwrap();
    assert!(matches!(seen.state().unwrap(), LockState::Held(_)));
    assert!(seen.try_hold().unwrap().is_none());
    let waiting = std::thread::spawn(move || seen.wait_until_free().map(|()| seen.state()));
    drop(held);
    assert_eq!(waiting.join().unwrap().unwrap().unwrap(), LockState::Free);
    assert!(!item.lock.is_complete());
    mark_complete(item.lock.descriptor()).unwrap();
    assert!(item.lock.is_complete());
}

#[test]
fn who_had_an_intent_forgotten_and_why_is_written_down() {
    let place = tempfile::tempdir().unwrap();
    let state = StateDirectory::open(place.path()).unwrap();
    let item = made(&state, 1);
    let written = intent(&state, "x");
    item.directory.write(&state, &written).unwrap();
    state.forget(&item.directory, written.header.instance, "the engine is gone").unwrap();
    assert!(state.items().unwrap().is_empty());
    let line = fs::read_to_string(place.path().join("audit.log")).unwrap();
    let line: Forgotten = serde_json::from_str(&line).unwrap();
    assert_eq!((line.reason.as_str(), line.name.as_deref()), ("the engine is gone", Some("db")));
}

/// A small file system of its own, gone with this.
struct Small(tempfile::TempDir);

impl Small {
    fn mount() -> Option<Self> {
        let place = tempfile::tempdir().unwrap();
        let mounted = Program::new("mount")
            .args(["-t", "tmpfs", "-o", "size=128k,mode=0700", "tmpfs"])
            .arg(place.path())
            .status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(place))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Program::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn on_a_full_disk_no_intent_is_written_and_one_that_stands_can_be_struck() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let Some(small) = Small::mount() else { return };
    let state = StateDirectory::open(small.0.path()).unwrap();
    assert!(state.warning().is_some_and(|warning| warning.contains("tmpfs")));
    let item = made(&state, 1);
    let standing = item.directory.write(&state, &intent(&state, "x")).unwrap();
    let filler = small.0.path().join("filler");
    while fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(&filler)
        .and_then(|mut file| std::io::Write::write_all(&mut file, &[1; 4096]))
        .is_ok()
    {}
    let refused = item.directory.write(&state, &intent(&state, "y")).unwrap_err();
    assert!(matches!(refused, JournalError::Full { .. }), "{refused}");
    assert_eq!(item.directory.intents(&state).unwrap().len(), 1, "a record of what was never started");
    strike(standing.as_fd(), &Strike::now(StrikeState::Stopped, Striker::Shim, 1, "")).unwrap();
    assert!(!item.directory.owes());
}
