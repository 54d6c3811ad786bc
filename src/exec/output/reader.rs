//! The thread that reads the two pipes of a process.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use nix::fcntl::{FcntlArg, fcntl};
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use pikoci_model::log::Stream;
use pikoci_model::port::{Captured, LogSink};

use super::capture::Capture;
use super::gather::Gather;
use super::log::StepLog;
use super::mask::{Masker, Masking, Scanner};
use crate::sys::{deadline, descriptors};

/// Bytes read at once, and what is asked for as size of the pipe: a fast writer is then seldom kept waiting.
const BLOCK: usize = 128 * 1024;
const PIPE_SIZE: i32 = 1024 * 1024;
/// The thread keeps everything of size on the heap.
const STACK: usize = 128 * 1024;

/// What is to be read, and where it goes.
pub struct Reading {
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
    pub masking: Arc<Masking>,
    pub log: Arc<StepLog>,
    pub attempt: u32,
    /// None: read and thrown away.
    pub sink: Option<Arc<dyn LogSink>>,
    pub capture: bool,
    pub hide_stdout: bool,
    /// Whether output that comes after the process was given up on is still logged: a service's is, a step's is not.
    pub log_leaked: bool,
}

/// What came of it.
pub struct ReadingEnd {
    pub captured: Captured,
    /// A descendant still holds the output open.
    pub leaked: bool,
}

/// Tells the reader what it cannot see in the pipes.
#[derive(Debug)]
pub struct Lifeline {
    wake: EventFd,
    word: AtomicU8,
}

const READ_ON: u8 = 0;
const LEADER_ENDED: u8 = 1;
const ALL_GONE: u8 = 2;
const LET_GO: u8 = 3;

impl Lifeline {
    pub fn new() -> io::Result<Self> {
        let wake = EventFd::from_value_and_flags(0, EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        Ok(Self { wake, word: AtomicU8::new(READ_ON) })
    }

    /// The leader has ended: what it wrote is in the pipe. Descendants that hold the pipe have only a short while left.
    pub fn leader_ended(&self) {
        self.say(LEADER_ENDED);
    }

    /// Nothing of the process is alive. Who holds the pipe now is a stranger, whose output is nobody's business.
    pub fn all_gone(&self) {
        self.say(ALL_GONE);
    }

    /// Nobody waits any more: the thread ends, whoever holds the pipe.
    pub fn let_go(&self) {
        self.say(LET_GO);
    }

    fn say(&self, word: u8) {
        self.word.fetch_max(word, Ordering::AcqRel);
        let _ = self.wake.write(1);
    }

    fn word(&self) -> u8 {
        self.word.load(Ordering::Acquire)
    }
}

/// Starts the thread. `end` is called once, when the output is complete or given up on; output that comes later is
/// still read, so that its writer is neither stopped nor killed by it.
///
/// # Errors
/// The system gave no thread.
pub fn read_in_thread(
    reading: Reading,
    lifeline: Arc<Lifeline>,
    drain: Duration,
    end: impl FnOnce(ReadingEnd) + Send + 'static,
) -> io::Result<()> {
    let mut reader = Reader::new(reading, lifeline, drain)?;
    thread::Builder::new().name("output".into()).stack_size(STACK).spawn(move || {
        let leaked = reader.read_until_given_up();
        let captured = reader.capture.take().map(Capture::finish).unwrap_or_default();
        end(ReadingEnd { captured, leaked });
        if leaked {
            reader.read_what_leaks();
        }
    })?;
    Ok(())
}

/// One of the two streams.
struct Lane {
    pipe: Option<File>,
    stream: Stream,
    buffer: BytesMut,
    scanner: Scanner,
    /// Not shown.
    hidden: bool,
}

struct Reader {
    lanes: [Lane; 2],
    scratch: Vec<u8>,
    masking: Arc<Masking>,
    masker: Arc<Masker>,
    gather: Gather,
    log: Arc<StepLog>,
    attempt: u32,
    sink: Option<Arc<dyn LogSink>>,
    capture: Option<Capture>,
    log_leaked: bool,
    lifeline: Arc<Lifeline>,
    /// How long a descendant may hold the output after the leader's end.
    drain: Duration,
    drained_at: Option<Instant>,
}

impl Reader {
    fn new(reading: Reading, lifeline: Arc<Lifeline>, drain: Duration) -> io::Result<Self> {
        let lane = |pipe: OwnedFd, stream, hidden| -> io::Result<Lane> {
            descriptors::never_wait(&pipe)?;
            // A user over the system's budget for pipes keeps the usual size.
            let _ = fcntl(&pipe, FcntlArg::F_SETPIPE_SZ(PIPE_SIZE));
            let (pipe, buffer, scanner) = (Some(File::from(pipe)), BytesMut::new(), Scanner::default());
            Ok(Lane { pipe, stream, buffer, scanner, hidden })
        };
        let stdout = lane(reading.stdout, Stream::Out, reading.hide_stdout)?;
        let stderr = lane(reading.stderr, Stream::Err, false)?;
        Ok(Self {
            lanes: [stdout, stderr],
            scratch: vec![0; BLOCK],
            masker: reading.masking.current(),
            masking: reading.masking,
            gather: Gather::new(),
            log: reading.log,
            attempt: reading.attempt,
            sink: reading.sink,
            capture: reading.capture.then(Capture::default),
            log_leaked: reading.log_leaked,
            lifeline,
            drain,
            drained_at: None,
        })
    }

    /// Reads until both ends are reached, or the time after the leader's end is over. Says whether something is left.
    fn read_until_given_up(&mut self) -> bool {
        while self.is_open() {
            // Taken before the pipes are looked at: found empty after the leader's end, they hold nothing of the leader.
            let word = self.lifeline.word();
            if self.read_once() {
                continue;
            }
            if word == LET_GO || word != READ_ON && self.drain_is_over() {
                break;
            }
            self.sleep();
        }
        self.flush();
        self.is_open()
    }

    fn drain_is_over(&mut self) -> bool {
        let now = Instant::now();
        now >= *self.drained_at.get_or_insert(now + self.drain)
    }

    /// After the process was given up on. What is held back of an open stream stays so: it may be half a secret.
    fn read_what_leaks(&mut self) {
        self.drained_at = None;
        if !self.log_leaked {
            self.sink = None;
        }
        while self.is_open() && self.lifeline.word() < ALL_GONE {
            if !self.read_once() {
                self.sleep();
            }
        }
        self.flush();
    }

    fn is_open(&self) -> bool {
        self.lanes.iter().any(|lane| lane.pipe.is_some())
    }

    fn sleep(&mut self) {
        let until = [self.gather.deadline(), self.drained_at].into_iter().flatten().min();
        let open = self.lanes.iter().filter_map(|lane| lane.pipe.as_ref());
        let mut watched: Vec<PollFd<'_>> =
            open.map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)).collect();
        watched.push(PollFd::new(self.lifeline.wake.as_fd(), PollFlags::POLLIN));
        let _ = poll(&mut watched, deadline::timeout(until));
        let _ = self.lifeline.wake.read();
        if self.gather.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
            self.flush();
        }
    }

    /// Reads each pipe once; says whether anything came or ended.
    fn read_once(&mut self) -> bool {
        let mut moved = false;
        for index in 0..self.lanes.len() {
            moved |= self.read_lane(index);
        }
        moved
    }

    fn read_lane(&mut self, index: usize) -> bool {
        let lane = &mut self.lanes[index];
        let Some(pipe) = &mut lane.pipe else { return false };
        let read = match pipe.read(&mut self.scratch) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
            read => read.unwrap_or(0),
        };
        if read == 0 {
            lane.pipe = None;
        }
        let bytes = &self.scratch[..read];
        if let Some(capture) = &mut self.capture {
            capture.take(lane.stream == Stream::Out, bytes);
        }
        if self.sink.is_some() && !lane.hidden {
            lane.buffer.extend_from_slice(bytes);
        }
        self.pass_on(index);
        true
    }

    fn pass_on(&mut self, index: usize) {
        let masker = self.masking.current();
        if !Arc::ptr_eq(&masker, &self.masker) {
            self.lanes.iter_mut().for_each(|lane| lane.scanner.restart());
            self.masker = masker;
        }
        let lane = &mut self.lanes[index];
        let bytes = self.masker.scan(&mut lane.scanner, &mut lane.buffer, lane.pipe.is_none());
        let leaving = self.gather.take(lane.stream, bytes, Instant::now());
        self.hand_on(leaving);
    }

    fn flush(&mut self) {
        let leaving = self.gather.leave(Instant::now());
        self.hand_on(leaving);
    }

    fn hand_on(&self, leaving: Vec<(Stream, bytes::Bytes)>) {
        if let Some(sink) = &self.sink {
            for (stream, bytes) in leaving {
                self.log.append(sink, self.attempt, stream, bytes);
            }
        }
    }
}
