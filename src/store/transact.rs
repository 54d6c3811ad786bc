//! Where other servers write too: each command in a transaction of its own, tried again when another was in the way.
//!
//! Nothing is remembered between two transactions. What keeps commands of several servers apart are locks of rows, always
//! taken in one order: the pipeline's state, then the rest. A build that waits for nobody is claimed under the lock of its
//! own row alone.

use std::{sync::Arc, time::Duration};

use pikoci_model::port::StoreError;
use tokio::time::sleep;

use crate::{
    error::{Fault, Trouble},
    sql::Pool,
    writer::{Command, Shared, Tx},
};

/// How often a transaction is tried that others were in the way of.
const TRIES: u32 = 10;
/// How often one is tried whose connection was lost.
const LOST: u32 = 4;
/// The first pause, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(250));

/// Commands on a database of a server.
pub(crate) struct Transactions {
    pool: Pool,
    shared: Arc<Shared>,
}

/// How often a command was tried for nothing.
#[derive(Default)]
struct Patience {
    conflicts: u32,
    losses: u32,
}

impl Patience {
    /// How long to wait before the next try; none if there is to be none.
    fn pause(&mut self, trouble: Trouble) -> Option<Duration> {
        let (count, most) = match trouble {
            Trouble::Conflict => (&mut self.conflicts, TRIES),
            Trouble::Lost => (&mut self.losses, LOST),
            Trouble::Down | Trouble::Full | Trouble::Corrupt | Trouble::Refused => return None,
        };
        *count += 1;
        (*count < most).then(|| PAUSE.1.min(PAUSE.0 * 2_u32.saturating_pow(*count - 1)))
    }
}

impl Transactions {
    pub fn new(pool: Pool, shared: Arc<Shared>) -> Self {
        Self { pool, shared }
    }

    /// Runs a command; answers after its commit. A commit whose answer was lost is tried again like everything else:
    /// commands are conditional, and say of what is done already that it is.
    pub async fn run<C: Command>(&self, command: &C) -> Result<C::Answer, StoreError> {
        let mut patience = Patience::default();
        loop {
            let fault = match self.attempt(command).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            let Some(pause) = patience.pause(fault.trouble()) else { return Err(fault.into()) };
            tracing::debug!(%fault, "a transaction is tried again");
            // Two that met do not meet again at once.
            sleep(pause + pause.mul_f64(jitter())).await;
        }
    }

    async fn attempt<C: Command>(&self, command: &C) -> Result<C::Answer, Fault> {
        let mut conn = self.pool.acquire().await?;
        conn.begin().await?;
        let mut tx = Tx::alone(&mut conn, &self.shared);
        let done = match command.run(&mut tx).await {
            Ok(answer) => tx.finish().await.map(|()| answer),
            Err(fault) => Err(fault),
        };
        match &done {
            Ok(_) => conn.commit().await?,
            // A connection that is lost rolls back by being dropped.
            Err(fault) if fault.is_lost() => {}
            // One that does not even roll back is closed.
            Err(_) => drop(conn.roll_back().await),
        }
        done
    }
}

/// A number from 0 to 1 that is another one each time.
fn jitter() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_fields().0) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends() {
        let mut patience = Patience::default();
        let pauses: Vec<Duration> = std::iter::from_fn(|| patience.pause(Trouble::Conflict)).collect();
        assert_eq!((pauses.len(), pauses[0], pauses[8]), (9, PAUSE.0, PAUSE.1));
        assert!(patience.pause(Trouble::Lost).is_some());
        assert_eq!(patience.pause(Trouble::Refused), None);
    }
}
