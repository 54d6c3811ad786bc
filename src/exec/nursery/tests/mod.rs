//! Nursery and shims, spoken to directly: what happens when a worker, or one of them, does what a launcher never would.

mod conversation;
mod holding;
mod leases;
mod losses;

use std::ffi::{CStr, c_char, c_int};
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{NurseryHandle, nursery_main, start_nursery};
use crate::protocol::{Command, Event, Hatch, Order, Request, ServiceForm, ServicePlan, StopPlan, UnitId};
use crate::sys::packet::{self, Received};
use crate::sys::{deadline, descriptors};

/// Whatever is waited for is there long before this.
const DEADLINE: Duration = Duration::from_secs(60);

const NURSERY: &str = "nursery-exec";
/// Plays the program that runs the stops of an item: the shell script that follows.
const REPLAY: &str = "replay-script";

/// Runs before `main`, and so before the test harness makes threads.
extern "C" fn become_another(count: c_int, arguments: *const *const c_char) {
    let argument = |at: c_int| {
        // SAFETY: the C library hands over as many arguments as it says.
        (at < count).then(|| unsafe { CStr::from_ptr(*arguments.add(usize::try_from(at).unwrap())) })
    };
    match argument(1).and_then(|command| command.to_str().ok()) {
        Some(NURSERY) => std::process::exit(nursery_main(0)),
        Some(REPLAY) => {
            let script = argument(2).unwrap().to_str().unwrap();
            let status = std::process::Command::new("/bin/sh").args(["-c", script]).status().unwrap();
            std::process::exit(status.code().unwrap_or(1));
        }
        _ => {}
    }
}

#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn(c_int, *const *const c_char) = become_another;

fn nursery() -> NurseryHandle {
    start_nursery(NURSERY).unwrap()
}

fn hatch(item: &str) -> Hatch {
    Hatch {
        item: item.to_owned(),
        stop_budget: DEADLINE,
        lease: None,
        lock: false,
        slot: false,
        replay: Vec::new(),
    }
}

/// The worker's end of a shim, with its number.
struct Shim {
    control: OwnedFd,
    pid: i32,
}

impl Shim {
    fn of(nursery: &NurseryHandle, hatch: Hatch, others: &[BorrowedFd<'_>]) -> Self {
        let control = ask(nursery, hatch, others);
        let Some(Event::Ready { pid }) = next(&control) else { panic!("no shim") };
        Self { control, pid }
    }

    fn send(&self, order: &Order, descriptors: &[BorrowedFd<'_>]) {
        packet::send(&self.control, order, descriptors).unwrap();
    }

    /// Runs a step.
    fn run(&self, unit: UnitId, script: &str) {
        let null = null();
        self.send(&Order::Run { unit, command: shell(script) }, &[null.as_fd(), null.as_fd()]);
    }

    /// Starts a service, with its intent.
    fn serve(&self, unit: UnitId, start: &str, stop: &str, intent: Option<&File>) {
        let null = null();
        let mut handed = vec![null.as_fd(), null.as_fd()];
        handed.extend(intent.map(AsFd::as_fd));
        self.send(&Order::Serve { unit, service: Box::new(daemon(Some(start), stop)) }, &handed);
    }

    fn next(&self) -> Option<Event> {
        next(&self.control)
    }

    /// Waits for this event, whatever comes before.
    fn wait_for(&self, wanted: impl Fn(&Event) -> bool) -> Event {
        let mut seen = Vec::new();
        loop {
            match self.next() {
                Some(event) if wanted(&event) => return event,
                Some(event) => seen.push(event),
                None => panic!("the shim is gone after {seen:?}"),
            }
        }
    }

    fn finish(&self) {
        self.send(&Order::Finish, &[]);
        self.wait_for(|event| *event == Event::Empty);
        assert_eq!(self.next(), None);
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid), signal).unwrap();
    }
}

fn ask(nursery: &NurseryHandle, hatch: Hatch, others: &[BorrowedFd<'_>]) -> OwnedFd {
    let (control, shims) = packet::pair().unwrap();
    let mut handed = vec![shims.as_fd()];
    handed.extend_from_slice(others);
    packet::send(&nursery.socket, &Request::Hatch(hatch), &handed).unwrap();
    control
}

fn next(control: &OwnedFd) -> Option<Event> {
    let until = Instant::now() + DEADLINE;
    loop {
        match packet::receive(control).unwrap() {
            Received::Message(event, _) => return Some(event),
            Received::Closed => return None,
            Received::Refused(reason) => panic!("{reason}"),
            Received::Nothing => wait(control.as_fd(), until),
        }
    }
}

fn wait(descriptor: BorrowedFd<'_>, until: Instant) {
    assert!(Instant::now() < until, "it takes too long");
    let _ = poll(&mut [PollFd::new(descriptor, PollFlags::POLLIN)], deadline::timeout(Some(until)));
}

fn null() -> File {
    OpenOptions::new().read(true).write(true).open("/dev/null").unwrap()
}

fn shell(script: &str) -> Command {
    let argv = ["sh", "-c", script].map(|word| Bytes::copy_from_slice(word.as_bytes()));
    Command {
        argv: argv.to_vec(),
        env: vec![(Bytes::from("PATH"), Bytes::from("/usr/local/bin:/usr/bin:/bin"))],
        directory: Bytes::from("/"),
        ..Command::default()
    }
}

fn daemon(start: Option<&str>, stop: &str) -> ServicePlan {
    ServicePlan {
        form: ServiceForm::Daemon,
        start: start.map(shell),
        start_was_cut: false,
        stop: Some(StopPlan {
            command: shell(stop),
            limit: Duration::from_secs(30),
            retries: vec![Duration::from_millis(50)],
            output: None,
        }),
        group: 0,
        data: None,
    }
}

/// A file that can be struck.
fn intent(place: &Path) -> File {
    let path = place.join("intent");
    fs::write(&path, [0; 1024]).unwrap();
    OpenOptions::new().read(true).write(true).open(path).unwrap()
}

/// A named pipe that processes hold open: its end proves that the last of them is dead.
struct Holders {
    path: std::path::PathBuf,
    reader: File,
    heard: Vec<u8>,
}

impl Holders {
    fn new(place: &Path, name: &str) -> Self {
        let path = place.join(name);
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let reader = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
        Self { path, reader, heard: Vec::new() }
    }

    /// A shell command that holds it, says so, and sleeps.
    fn sleeper(&self) -> String {
        format!("exec 9>{}; echo up >&9; exec sleep 1000", self.path.display())
    }

    /// A shell command that leaves such a process behind.
    fn daemon(&self) -> String {
        format!("setsid sh -c '{}' >/dev/null 2>&1 &", self.sleeper())
    }

    fn wait_for_lines(&mut self, lines: usize) {
        self.wait(|heard, _| heard.iter().filter(|byte| **byte == b'\n').count() >= lines);
    }

    fn wait_until_gone(&mut self) {
        self.wait(|_, ended| ended);
    }

    /// Whether somebody holds it at this moment; asked only after somebody did.
    fn are_there(&mut self) -> bool {
        !self.read_once()
    }

    fn wait(&mut self, done: impl Fn(&[u8], bool) -> bool) {
        let until = Instant::now() + DEADLINE;
        let mut ended = false;
        while !done(&self.heard, ended) {
            wait(self.reader.as_fd(), until);
            ended = self.read_once();
        }
    }

    fn read_once(&mut self) -> bool {
        let mut buffer = [0; 4096];
        match self.reader.read(&mut buffer) {
            Ok(0) => return true,
            Ok(length) => self.heard.extend_from_slice(&buffer[..length]),
            Err(_) => {}
        }
        false
    }
}

/// Asks for the end of a dead shim's orphans; readable when they are gone.
fn end_orphans(nursery: &NurseryHandle, item: &str, shim: i32) -> OwnedFd {
    let (done, nurserys) = descriptors::pipe().unwrap();
    let request = Request::EndOrphans { item: item.to_owned(), shim };
    packet::send(&nursery.socket, &request, &[nurserys.as_fd()]).unwrap();
    done
}
