//! What the scripts say, in the order in which they say it, with the processes that say it held.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader},
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Fallible, kernel,
    kernel::Held,
    kin::{self, Mark},
};

/// One word of a script.
#[derive(Clone, Debug)]
pub struct Event {
    pub word: String,
    /// `job/number`.
    pub build: String,
    /// The fence: another one with each run.
    pub fence: String,
    /// The service instance, `-` outside services.
    pub instance: String,
    pub pid: i32,
    pub at: Instant,
    /// The process, unless it was gone before it could be held.
    pub held: Option<Arc<Held>>,
    /// The shim that it runs below, as far as that can still be seen; for `stopping` alone.
    pub shim: Option<i32>,
    /// How many processes of the build's earlier runs were alive when this was said; for `work` alone.
    pub overlapped: usize,
}

/// The words that name processes of steps: none of them may meet a later run's.
const OF_STEPS: [&str; 2] = ["work", "orphan"];
const END: &str = "end-of-words";

/// The open ledger. Reading ends when it is dropped.
pub struct Ledger {
    shared: Arc<Shared>,
    pipe: File,
}

#[derive(Default)]
struct Shared {
    events: Mutex<Vec<Event>>,
    grown: Condvar,
}

impl Shared {
    fn events(&self) -> MutexGuard<'_, Vec<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// Makes the pipe and reads it from now on.
    pub fn open(path: &Path, mark: Mark) -> Fallible<Self> {
        kernel::make_pipe(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let open = || OpenOptions::new().read(true).write(true).open(path);
        let pipe = open().map_err(|error| format!("{}: {error}", path.display()))?;
        let reader = BufReader::new(open().map_err(|error| error.to_string())?);
        let shared = Arc::new(Shared::default());
        let ours = Arc::clone(&shared);
        thread::spawn(move || {
            for line in reader.lines().map_while(Result::ok).take_while(|line| line != END) {
                if let Some(event) = parse(&line, &mark) {
                    let mut events = ours.events();
                    let event = Event { overlapped: overlap(&events, &event), ..event };
                    events.push(event);
                    ours.grown.notify_all();
                }
            }
        });
        Ok(Self { shared, pipe })
    }

    /// All words so far.
    pub fn all(&self) -> Vec<Event> {
        self.shared.events().clone()
    }

    /// Waits until the words satisfy; says whether they did in time.
    pub fn wait(&self, limit: Duration, satisfied: impl Fn(&[Event]) -> bool) -> bool {
        let events = self.shared.events();
        let waited = self.shared.grown.wait_timeout_while(events, limit, |events| !satisfied(events));
        let (events, _) = waited.unwrap_or_else(PoisonError::into_inner);
        satisfied(&events)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        // The reader's end is open for writing too: it never sees an end of file.
        let _ = std::io::Write::write_all(&mut self.pipe, format!("{END}\n").as_bytes());
    }
}

fn parse(line: &str, mark: &Mark) -> Option<Event> {
    let mut words = line.split(' ');
    let mut next = || words.next().map(str::to_owned);
    let (word, build, fence, instance, pid) = (next()?, next()?, next()?, next()?, next()?);
    let pid: i32 = pid.parse().ok()?;
    // In a pid namespace of its own a script names a number that means a stranger here.
    let held = Held::open(pid).filter(|_| mark.is_on(pid)).map(Arc::new);
    let at = Instant::now();
    let shim = if word == "stopping" { kin::ancestor(pid, "pikoci-shim") } else { None };
    Some(Event { word, build, fence, instance, pid, at, held, shim, overlapped: 0 })
}

fn overlap(events: &[Event], now: &Event) -> usize {
    if now.word != "work" {
        return 0;
    }
    let earlier = events.iter().filter(|e| e.build == now.build && e.fence != now.fence);
    let of_steps = earlier.filter(|e| OF_STEPS.contains(&e.word.as_str()));
    of_steps.filter(|e| e.held.as_ref().is_some_and(|held| held.is_alive())).count()
}
