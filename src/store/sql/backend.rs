//! What the three drivers call differently.

use futures::TryStreamExt as _;
use sqlx::{
    Arguments as _, Either, Executor as _, SqlStr,
    mysql::{MySqlArguments, MySqlConnection},
    postgres::{PgArguments, PgConnection},
    sqlite::{SqliteArguments, SqliteConnection},
};

use super::{conn::Answer, row::Row, value::Value};
use crate::error::Fault;

/// Statements or one statement, with their values.
pub(super) struct Order {
    pub text: SqlStr,
    pub values: Vec<Value>,
    /// Whether the same text comes again.
    pub again: bool,
    /// Answers that are expected; statements of one text are answered in turn.
    pub statements: usize,
}

macro_rules! backend {
    ($name:ident, $connection:ty, $arguments:ty, $row:ident, $text:expr, $inserted:expr) => {
        /// Carries it out; an answer for each statement.
        pub(super) async fn $name(conn: &mut $connection, order: Order) -> Result<Vec<Answer>, Fault> {
            let mut arguments = <$arguments>::default();
            for value in order.values {
                match value {
                    Value::Int(value) => arguments.add(value),
                    Value::Text(value) => arguments.add(value.map($text)),
                    Value::Bytes(value) => arguments.add(value),
                }
                .map_err(sqlx::Error::Encode)?;
            }
            let query = sqlx::query_with(order.text, arguments).persistent(order.again);
            let mut parts = conn.fetch_many(query);
            let mut answers = Vec::with_capacity(order.statements);
            let mut open = Answer::default();
            while let Some(part) = parts.try_next().await? {
                match part {
                    Either::Right(row) => open.rows.push(Row::$row(row)),
                    Either::Left(done) => {
                        open.changes = done.rows_affected();
                        open.inserted = $inserted(&done);
                        answers.push(std::mem::take(&mut open));
                    }
                }
            }
            if answers.len() == order.statements {
                return Ok(answers);
            }
            let (got, sent) = (answers.len(), order.statements);
            Err(Fault::Refused(format!("{got} of {sent} statements were answered")))
        }
    };
}

backend!(
    sqlite,
    SqliteConnection,
    SqliteArguments,
    Sqlite,
    std::convert::identity,
    sqlx::sqlite::SqliteQueryResult::last_insert_rowid
);
backend!(postgres, PgConnection, PgArguments, Postgres, without_nul, no_id);
backend!(mysql, MySqlConnection, MySqlArguments, Mysql, std::convert::identity, inserted);

/// PostgreSQL takes every character in a text but one.
fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// PostgreSQL gives it in a row.
fn no_id(_: &sqlx::postgres::PgQueryResult) -> i64 {
    0
}

fn inserted(done: &sqlx::mysql::MySqlQueryResult) -> i64 {
    done.last_insert_id().cast_signed()
}
