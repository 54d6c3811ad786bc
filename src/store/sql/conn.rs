//! A connection to one of the databases.

use std::time::Duration;

use sqlx::{
    AssertSqlSafe, Connection as _, Database, MySql, Postgres, SqlSafeStr as _, Sqlite, pool::PoolConnection,
    sqlite::SqliteConnection,
};
use tokio::{runtime::Handle, time::timeout};

use super::{
    backend::{self, Order},
    query::Text,
    row::{Column as _, Row},
    statement::numbered,
    value::Value,
};
use crate::error::Fault;

/// A statement that a server has not answered by then never will be.
const STATEMENT: Duration = Duration::from_secs(30);
/// Of a copy: it may hold all logs in a statement, and waits with one connection while it reads with another.
const OF_A_COPY: Duration = Duration::from_secs(4 * 3600);

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum System {
    Sqlite,
    Postgres,
    /// MySQL or MariaDB.
    Mysql,
}

/// What became of one statement.
#[derive(Default)]
pub(crate) struct Answer {
    pub rows: Vec<Row>,
    /// Rows that it changed.
    pub changes: u64,
    /// The id of the row that was inserted.
    pub inserted: i64,
}

impl Answer {
    /// The one row of a statement that finds one or none.
    pub fn row(self) -> Option<Row> {
        self.rows.into_iter().next()
    }
}

/// A connection of a pool. While it is in doubt — its transaction is open, or it did not answer — dropping it closes it, so
/// that the server rolls back and nobody is given a connection in an unknown state.
pub(crate) struct Pooled<D: Database> {
    /// There until it is dropped.
    conn: Option<PoolConnection<D>>,
    in_doubt: bool,
    /// How long a statement is waited for.
    limit: Duration,
    runtime: Handle,
}

impl<D: Database> Pooled<D> {
    pub(super) fn new(conn: PoolConnection<D>) -> Self {
        Self { conn: Some(conn), in_doubt: false, limit: STATEMENT, runtime: Handle::current() }
    }

    fn conn(&mut self) -> Result<&mut PoolConnection<D>, sqlx::Error> {
        self.conn.as_mut().ok_or(sqlx::Error::PoolClosed)
    }
}

impl<D: Database> Drop for Pooled<D> {
    fn drop(&mut self) {
        let Some(mut conn) = self.conn.take() else { return };
        if self.in_doubt || self.limit != STATEMENT {
            conn.close_on_drop();
        }
        // Going back to the pool takes a task; when a process ends, the last ones are dropped outside of any runtime.
        let _inside = self.runtime.enter();
        drop(conn);
    }
}

/// A connection.
pub(crate) enum Conn {
    /// A writer's own.
    Sqlite(Box<SqliteConnection>),
    /// One of the readers.
    SqlitePooled(Pooled<Sqlite>),
    Postgres(Pooled<Postgres>),
    Mysql(Pooled<MySql>),
}

impl Conn {
    pub fn system(&self) -> System {
        match self {
            Self::Sqlite(_) | Self::SqlitePooled(_) => System::Sqlite,
            Self::Postgres(_) => System::Postgres,
            Self::Mysql(_) => System::Mysql,
        }
    }

    /// Whether other servers write to this database.
    pub fn is_shared(&self) -> bool {
        self.system() != System::Sqlite
    }

    /// Carries out one statement.
    pub(super) async fn carry_out(&mut self, text: Text, values: Vec<Value>) -> Result<Answer, Fault> {
        let system = self.system();
        let (text, again, returns_id) = match text {
            Text::Known(sql) => (sql.rendered(system), true, sql.returns_id(system)),
            Text::Made(text) if system == System::Postgres => {
                (AssertSqlSafe(numbered(&text)).into_sql_str(), false, false)
            }
            Text::Made(text) => (AssertSqlSafe(text).into_sql_str(), false, false),
        };
        let mut answers = self.send(Order { text, values, again, statements: 1 }).await?;
        let mut answer = answers.pop().unwrap_or_default();
        if returns_id && let Some(row) = answer.rows.pop() {
            answer.inserted = i64::read(&row, 0)?;
        }
        Ok(answer)
    }

    /// What is read and written with it takes as long as it takes: neither this side nor the server ends it. Nobody else
    /// is given it afterwards.
    pub async fn be_patient(&mut self) -> Result<(), Fault> {
        match self {
            Self::Sqlite(_) | Self::SqlitePooled(_) => Ok(()),
            Self::Mysql(pooled) => {
                pooled.limit = OF_A_COPY;
                Ok(())
            }
            Self::Postgres(pooled) => {
                pooled.limit = OF_A_COPY;
                self.say("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0").await
            }
        }
    }

    fn limit(&self) -> Duration {
        match self {
            Self::Sqlite(_) | Self::SqlitePooled(_) => STATEMENT,
            Self::Postgres(pooled) => pooled.limit,
            Self::Mysql(pooled) => pooled.limit,
        }
    }

    pub(super) async fn send(&mut self, order: Order) -> Result<Vec<Answer>, Fault> {
        let limit = self.limit();
        let done = match self {
            Self::Sqlite(conn) => return backend::sqlite(conn, order).await,
            Self::SqlitePooled(pooled) => return backend::sqlite(pooled.conn()?, order).await,
            Self::Postgres(pooled) => timeout(limit, backend::postgres(pooled.conn()?, order)).await,
            Self::Mysql(pooled) => timeout(limit, backend::mysql(pooled.conn()?, order)).await,
        };
        self.noted(done.unwrap_or(Err(Fault::Late(limit))))
    }

    /// Begins a transaction that writes. Each of its statements sees what is committed when it begins, so a row that was
    /// locked is as nobody else can change it.
    pub async fn begin(&mut self) -> Result<(), Fault> {
        self.doubt(true);
        self.say("BEGIN").await
    }

    /// Begins a transaction that reads one moment.
    pub async fn begin_moment(&mut self) -> Result<(), Fault> {
        self.doubt(true);
        match self.system() {
            System::Sqlite => self.say("BEGIN").await,
            System::Postgres => self.say("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await,
            System::Mysql => {
                self.say("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
                self.say("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").await
            }
        }
    }

    pub async fn commit(&mut self) -> Result<(), Fault> {
        self.end("COMMIT").await
    }

    pub async fn roll_back(&mut self) -> Result<(), Fault> {
        self.end("ROLLBACK").await
    }

    async fn end(&mut self, how: &'static str) -> Result<(), Fault> {
        self.say(how).await?;
        self.doubt(false);
        Ok(())
    }

    /// Goes on with ids behind those that were inserted as they are; the other databases do so by themselves.
    pub async fn take_up_ids(&mut self) -> Result<(), Fault> {
        if self.system() != System::Postgres {
            return Ok(());
        }
        self.say(
            "DO $$ DECLARE t TEXT; BEGIN FOR t IN SELECT table_name FROM information_schema.columns \
             WHERE table_schema = current_schema() AND is_identity = 'YES' LOOP \
             EXECUTE format('SELECT setval(pg_get_serial_sequence(%L, ''id''), GREATEST(MAX(id), 1), \
             MAX(id) IS NOT NULL) FROM %I', t, t); END LOOP; END $$",
        )
        .await
    }

    /// What is not prepared: it has no values, and not every database would.
    pub async fn say(&mut self, words: &'static str) -> Result<(), Fault> {
        let limit = self.limit();
        let said = timeout(limit, async {
            match self {
                Self::Sqlite(conn) => sqlx::raw_sql(words).execute(&mut **conn).await.map(drop),
                Self::SqlitePooled(pooled) => {
                    sqlx::raw_sql(words).execute(&mut **pooled.conn()?).await.map(drop)
                }
                Self::Postgres(pooled) => sqlx::raw_sql(words).execute(&mut **pooled.conn()?).await.map(drop),
                Self::Mysql(pooled) => sqlx::raw_sql(words).execute(&mut **pooled.conn()?).await.map(drop),
            }
        });
        let said = said.await.map_or(Err(Fault::Late(limit)), |said| said.map_err(Fault::Sql));
        self.noted(said)
    }

    fn noted<T>(&mut self, done: Result<T, Fault>) -> Result<T, Fault> {
        if done.as_ref().is_err_and(Fault::is_lost) {
            self.doubt(true);
        }
        done
    }

    fn doubt(&mut self, doubt: bool) {
        match self {
            Self::Sqlite(_) => {}
            Self::SqlitePooled(pooled) => pooled.in_doubt = doubt,
            Self::Postgres(pooled) => pooled.in_doubt = doubt,
            Self::Mysql(pooled) => pooled.in_doubt = doubt,
        }
    }

    /// Closes a writer's connection; the last one of a file checkpoints. One of a pool goes back to it.
    pub async fn close(self) {
        if let Self::Sqlite(conn) = self
            && let Err(error) = conn.close().await
        {
            tracing::warn!(%error, "the database was not closed cleanly");
        }
    }
}
