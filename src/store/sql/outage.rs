//! A database server that does not answer is waited for once, not by everybody.
//!
//! Who comes while nobody knows of an outage waits as long as a restart of the server takes. When that was in vain, one task
//! goes on asking; all others are told after a moment, until somebody has got a connection.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{ConnectOptions, Connection, Database, Pool, pool::PoolConnection};
use tokio::time::{sleep, timeout};

use super::reach::reached;
use crate::error::Fault;

/// What an outage that is known costs each caller.
const MOMENT: Duration = Duration::from_millis(250);

/// Whether the server is known to be away, and why.
#[derive(Clone)]
pub(crate) struct Outage(Arc<State>);

struct State {
    place: String,
    known: AtomicBool,
    /// What was found when it was last tried to reach the server.
    why: Mutex<Option<String>>,
}

impl Outage {
    /// Of the server at this place, which answers as far as is known.
    pub fn of(place: String) -> Self {
        Self(Arc::new(State { place, known: AtomicBool::new(false), why: Mutex::default() }))
    }

    /// A connection of this pool.
    pub async fn acquire<D: Database>(&self, pool: &Pool<D>) -> Result<PoolConnection<D>, Fault> {
        let acquired = if self.is_known() {
            timeout(MOMENT, pool.acquire()).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
        } else {
            pool.acquire().await
        };
        match acquired {
            Ok(connection) => {
                self.is_over();
                Ok(connection)
            }
            Err(error @ sqlx::Error::PoolClosed) => Err(error.into()),
            Err(error) => {
                if !self.0.known.swap(true, Ordering::Relaxed) {
                    drop(tokio::spawn(ask(pool.clone(), self.clone())));
                }
                Err(self.why().clone().map_or(Fault::Sql(error), Fault::Away))
            }
        }
    }

    fn is_known(&self) -> bool {
        self.0.known.load(Ordering::Relaxed)
    }

    fn is_because(&self, reason: String) {
        let mut why = self.why();
        // It may have ended meanwhile: then the next one must not be told of with this reason.
        if self.is_known() && why.as_ref() != Some(&reason) {
            tracing::error!("{reason}; it is asked again and again");
            *why = Some(reason);
        }
    }

    fn is_over(&self) {
        if self.0.known.swap(false, Ordering::Relaxed) && self.why().take().is_some() {
            tracing::info!("the database answers again");
        }
    }

    fn why(&self) -> MutexGuard<'_, Option<String>> {
        self.0.why.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Until there is a connection, or nobody wants any more. A connection of its own tells why there is none; those of the
/// pool only tell that time is up.
async fn ask<D: Database>(pool: Pool<D>, outage: Outage) {
    let options = pool.connect_options();
    while outage.is_known() && !pool.is_closed() {
        match reached(&outage.0.place, options.connect()).await {
            Ok(connection) => {
                connection.close().await.ok();
                if pool.acquire().await.is_ok() {
                    return outage.is_over();
                }
            }
            Err(error) => outage.is_because(error.to_string()),
        }
        sleep(MOMENT).await;
    }
}
