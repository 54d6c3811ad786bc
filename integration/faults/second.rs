//! A second host that takes over while the first is stopped or cut off: it has the database as it was, a state of its
//! own, and the same ledger. Or a second worker of the same host, with the first one's state and a database of its own.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use crate::{
    Fallible,
    events::Event,
    fault::Twist,
    kin,
    server::Server,
    yard::{HELLO, Yard},
};

/// The lease, and two seconds, and a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// A signal takes no longer, however busy the machine is.
const STANDSTILL: Duration = Duration::from_secs(10);

/// Starts it beside the first, which does not run now or whose worker is cut off, and waits until its attempts work.
///
/// # Errors
/// It does not start, or does not run the builds again.
pub fn take_over(yard: &Yard) -> Fallible<Server> {
    let mut start = yard.start.clone();
    "second".clone_into(&mut start.name);
    start.cable = None;
    copy_database_of(yard)?;
    let state = start.state();
    let text = |error: std::io::Error| format!("{}: {error}", state.display());
    fs::create_dir(&state).map_err(text)?;
    let key = state.join("host.key");
    fs::copy(yard.start.state().join("host.key"), &key).map_err(text)?;
    for path in [&state, &key] {
        std::os::unix::fs::chown(path, start.user, start.user).map_err(text)?;
    }
    let before = yard.ledger.all();
    let second = start.server()?;
    let works_again = |events: &[Event], build: &str| {
        let words = |word: &str| events.iter().filter(|e| e.build == build && e.word == word).count();
        words("work") > before.iter().filter(|e| e.build == build && e.word == "work").count()
            && words(HELLO) > 1
    };
    let all = |events: &[Event]| yard.builds.iter().all(|build| works_again(events, &build.name));
    if yard.ledger.wait(PATIENCE, all) {
        Ok(second)
    } else {
        Err(format!("the second host did not run all builds again:\n{}", start.said()))
    }
}

/// Starts another server with a worker, and gives it the state directory of the first.
///
/// # Errors
/// It does not start.
pub fn stand_beside(yard: &Yard) -> Fallible<Server> {
    let mut start = yard.start.clone();
    start.state_of = Some(std::mem::replace(&mut start.name, "beside".to_owned()));
    start.server()
}

/// A server that was not stopped stands still for that moment.
fn copy_database_of(yard: &Yard) -> Fallible<()> {
    let first = yard.server.as_ref().ok_or("no server")?;
    let runs = yard.cell.fault.twist == Twist::Cut;
    if runs {
        first.signal(libc::SIGSTOP);
        let deadline = Instant::now() + STANDSTILL;
        while !kin::is_stopped(first.pid) {
            if Instant::now() > deadline {
                return Err("the first server does not stand still".to_owned());
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
    let copied = copy_database(&yard.start.home, yard.start.user);
    if runs {
        first.signal(libc::SIGCONT);
    }
    copied
}

/// A stopped process does not write: what is there is a database as after a crash.
fn copy_database(home: &Path, user: Option<u32>) -> Fallible<()> {
    let text = |error: std::io::Error| format!("{}: {error}", home.display());
    for entry in fs::read_dir(home).map_err(text)? {
        let entry = entry.map_err(text)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix("first.db") else { continue };
        if rest.ends_with("-shm") || !entry.path().is_file() {
            continue;
        }
        let copy = home.join(format!("second.db{rest}"));
        fs::copy(entry.path(), &copy).map_err(text)?;
        std::os::unix::fs::chown(&copy, user, user).map_err(text)?;
    }
    Ok(())
}
