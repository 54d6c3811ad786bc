//! Several statements in one go to the database.
//!
//! A connection has a thread of its own; each way there and back costs more than most statements do. So statements
//! travel together: a bundle is carried out in its order, and each statement has its answer. The first that fails ends
//! it. SQLite's driver takes statements in one text; for a database without that, a bundle is a loop.

use futures::TryStreamExt as _;
use sqlx::{
    Arguments as _, AssertSqlSafe, Either, Encode, Executor as _, Sqlite, Type, sqlite::SqliteArguments,
};

use crate::{
    database::{Conn, Row},
    error::Fault,
};

/// Statements of a long bundle. Shorter ones are kept prepared: the same come again and again.
const LONG: usize = 8;

/// Statements that wait to be sent.
#[derive(Default)]
pub(crate) struct Bundle {
    text: String,
    values: SqliteArguments,
    len: usize,
    fault: Option<Fault>,
}

/// What became of one statement.
#[derive(Default)]
pub(crate) struct Answer {
    pub rows: Vec<Row>,
    /// Rows that it changed.
    pub changes: u64,
    /// The id of the row that was inserted last.
    pub inserted: i64,
}

impl Answer {
    /// The one row of a statement that finds one or none.
    pub fn row(self) -> Option<Row> {
        self.rows.into_iter().next()
    }
}

/// A statement to which values are bound, in the order of its `?`.
pub(crate) struct Binding<'b>(&'b mut Bundle);

impl Binding<'_> {
    pub fn bind<'v, T: Encode<'v, Sqlite> + Type<Sqlite>>(self, value: T) -> Self {
        if let Err(error) = self.0.values.add(value) {
            self.0.fault = Some(Fault::Sql(sqlx::Error::Encode(error)));
        }
        self
    }
}

impl Bundle {
    /// Adds a statement.
    pub fn add(&mut self, statement: &'static str) -> Binding<'_> {
        self.text.push_str(statement);
        self.text.push_str(";\n");
        self.len += 1;
        Binding(self)
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether more statements would only make it slower.
    pub fn is_long(&self) -> bool {
        self.len >= LONG
    }

    /// Has the statements carried out; answers one by one.
    pub async fn send(self, conn: &mut Conn) -> Result<Vec<Answer>, Fault> {
        let Self { text, values, len, fault } = self;
        if let Some(fault) = fault {
            return Err(fault);
        }
        // Every statement is a constant of this crate; what is variable is bound.
        let query = sqlx::query_with(AssertSqlSafe(text), values).persistent(len <= LONG);
        let mut parts = conn.fetch_many(query);
        let mut answers = Vec::with_capacity(len);
        let mut open = Answer::default();
        while let Some(part) = parts.try_next().await? {
            match part {
                Either::Right(row) => open.rows.push(row),
                Either::Left(done) => {
                    open.changes = done.rows_affected();
                    open.inserted = done.last_insert_rowid();
                    answers.push(std::mem::take(&mut open));
                }
            }
        }
        if answers.len() == len {
            return Ok(answers);
        }
        Err(Fault::Refused(format!("{} of {len} statements of a bundle were answered", answers.len())))
    }
}
