//! Which database this is: the names that the aggregates use for its types.

use sqlx::{
    ConnectOptions, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePoolOptions, SqliteRow},
};

use crate::error::Fault;

/// A connection, inside a transaction or not.
pub(crate) type Conn = SqliteConnection;
/// A row of an answer.
pub(crate) type Row = SqliteRow;
/// Connections for reading.
pub(crate) type Readers = SqlitePool;

/// Connections for reading at once: more only wait for the two or four cores that small machines have.
const READERS: u32 = 4;

/// Connections that cannot write.
pub(crate) async fn readers(options: &SqliteConnectOptions) -> Result<Readers, Fault> {
    let options = options.clone().create_if_missing(false).pragma("query_only", "ON");
    let pool = SqlitePoolOptions::new().max_connections(READERS).test_before_acquire(false);
    Ok(pool.connect_with(options).await?)
}

/// One connection, for a writer.
pub(crate) async fn connect(options: &SqliteConnectOptions) -> Result<Conn, Fault> {
    Ok(options.connect().await?)
}
