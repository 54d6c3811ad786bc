//! Connections that are shared among those who need one.

use std::time::Duration;

use futures::future::BoxFuture;
use sqlx::{
    MySqlPool, PgPool, SqlitePool,
    mysql::{MySqlConnectOptions, MySqlConnection, MySqlPoolOptions},
    pool::PoolConnectionMetadata,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};

use super::{
    conn::{Conn, Pooled},
    outage::Outage,
};
use crate::error::Fault;

/// Connections for reading at once: more only wait for the two or four cores that small machines have.
const READERS: u32 = 4;
/// How long somebody waits for a connection to a server: a restart of the server is shorter.
pub(super) const WAIT: Duration = Duration::from_secs(5);
/// One that nobody has used for so long is asked whether it is still there.
const FRESH: Duration = Duration::from_secs(1);

/// The connections to one database.
#[derive(Clone)]
pub(crate) enum Pool {
    /// Connections that cannot write.
    Sqlite(SqlitePool),
    Postgres(PgPool, Outage),
    Mysql(MySqlPool, Outage),
}

impl Pool {
    /// Connections that cannot write.
    pub async fn sqlite(options: &SqliteConnectOptions) -> Result<Self, Fault> {
        let options = options.clone().create_if_missing(false).pragma("query_only", "ON");
        let pool = SqlitePoolOptions::new().max_connections(READERS).test_before_acquire(false);
        Ok(Self::Sqlite(pool.connect_with(options).await?))
    }

    /// Connections are made when they are needed.
    pub fn postgres(options: PgConnectOptions, place: String, most: u32) -> Self {
        let pool = PgPoolOptions::new().max_connections(most).acquire_timeout(WAIT);
        let pool = pool.test_before_acquire(false).before_acquire(|conn, meta| is_there(conn, &meta));
        Self::Postgres(pool.connect_lazy_with(options), Outage::of(place))
    }

    /// Connections are made when they are needed.
    pub fn mysql(options: MySqlConnectOptions, place: String, most: u32) -> Self {
        let pool = MySqlPoolOptions::new().max_connections(most).acquire_timeout(WAIT);
        let pool = pool.test_before_acquire(false).before_acquire(|conn, meta| is_there(conn, &meta));
        let pool = pool.after_connect(|conn, _| Box::pin(prepare_mysql(conn)));
        Self::Mysql(pool.connect_lazy_with(options), Outage::of(place))
    }

    /// A connection.
    pub async fn acquire(&self) -> Result<Conn, Fault> {
        Ok(match self {
            Self::Sqlite(pool) => Conn::SqlitePooled(Pooled::new(pool.acquire().await?)),
            Self::Postgres(pool, outage) => Conn::Postgres(Pooled::new(outage.acquire(pool).await?)),
            Self::Mysql(pool, outage) => Conn::Mysql(Pooled::new(outage.acquire(pool).await?)),
        })
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool, _) => pool.close().await,
            Self::Mysql(pool, _) => pool.close().await,
        }
    }
}

/// After a restart of the server the old connections are gone; one that does not answer is not given to anybody.
fn is_there<'c, C: sqlx::Connection>(
    conn: &'c mut C,
    meta: &PoolConnectionMetadata,
) -> BoxFuture<'c, Result<bool, sqlx::Error>> {
    let fresh = meta.idle_for < FRESH;
    Box::pin(async move { Ok(fresh || conn.ping().await.is_ok()) })
}

/// What every session needs: reads see what is committed, a lock is not awaited for ever, and what does not fit is
/// refused instead of cut.
pub(crate) async fn prepare_mysql(conn: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    for words in [
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET SESSION innodb_lock_wait_timeout = 10",
        "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')",
    ] {
        sqlx::raw_sql(words).execute(&mut *conn).await?;
    }
    Ok(())
}
