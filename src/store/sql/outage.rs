//! A database server that does not answer is waited for once, not by everybody.
//!
//! Who comes while nobody knows of an outage waits as long as a restart of the server takes. When that was in vain, one task
//! goes on asking; all others are told after a moment, until somebody has got a connection.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{Database, pool::PoolConnection};
use tokio::time::{sleep, timeout};

use crate::error::Fault;

/// What an outage that is known costs each caller.
const MOMENT: Duration = Duration::from_millis(250);

/// Whether the server is known to be away.
#[derive(Clone, Default)]
pub(crate) struct Outage(Arc<AtomicBool>);

impl Outage {
    /// A connection of this pool.
    pub async fn acquire<D: Database>(&self, pool: &sqlx::Pool<D>) -> Result<PoolConnection<D>, Fault> {
        let acquired = if self.0.load(Ordering::Relaxed) {
            timeout(MOMENT, pool.acquire()).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
        } else {
            pool.acquire().await
        };
        match &acquired {
            Ok(_) => self.is_over(),
            Err(sqlx::Error::PoolClosed) => {}
            Err(_) if self.0.swap(true, Ordering::Relaxed) => {}
            Err(error) => {
                tracing::error!("the database does not answer ({error}); it is asked again and again");
                drop(tokio::spawn(ask(pool.clone(), self.clone())));
            }
        }
        Ok(acquired?)
    }

    fn is_over(&self) {
        if self.0.swap(false, Ordering::Relaxed) {
            tracing::info!("the database answers again");
        }
    }
}

/// Until there is a connection, or nobody wants any more.
async fn ask<D: Database>(pool: sqlx::Pool<D>, outage: Outage) {
    while outage.0.load(Ordering::Relaxed) && !pool.is_closed() {
        match pool.acquire().await {
            Ok(_) => outage.is_over(),
            Err(_) => sleep(MOMENT).await,
        }
    }
}
