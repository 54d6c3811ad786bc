//! Signals: TERM and INT stop in order, QUIT drains; a second one is in a hurry.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    /// Take no new work, finish what runs, then end.
    Drain,
    /// End what runs with its services, then end.
    Stop,
}

/// The signals of this process.
pub struct Interrupts {
    term: Signal,
    int: Signal,
    quit: Signal,
    seen: u32,
}

impl Interrupts {
    /// Listens from now on.
    ///
    /// # Errors
    /// The system gives no signal handler.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            seen: 0,
        })
    }

    /// Waits for the next one.
    pub async fn asked(&mut self) -> Asked {
        let asked = tokio::select! {
            _ = self.term.recv() => Asked::Stop,
            _ = self.int.recv() => Asked::Stop,
            _ = self.quit.recv() => Asked::Drain,
        };
        self.seen += 1;
        asked
    }

    /// Waits for the next one, whichever.
    pub async fn next(&mut self) {
        self.asked().await;
    }

    /// How many came so far.
    pub fn seen(&self) -> u32 {
        self.seen
    }
}

/// Takes away children that have ended: as process 1 those of everybody, else orphans of a nursery that died.
pub fn reap() {
    match signal(SignalKind::child()) {
        Err(error) => tracing::warn!("ended children are not seen: {error}"),
        Ok(mut ended) => drop(tokio::spawn(async move {
            while ended.recv().await.is_some() {
                crate::wire::reap_orphans();
            }
        })),
    }
}
