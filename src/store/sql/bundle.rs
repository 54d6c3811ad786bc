//! Several statements in one go to the database.
//!
//! A connection to SQLite has a thread of its own; each way there and back costs more than most statements do. So
//! statements travel together: a bundle is carried out in its order, and each statement has its answer. The first that
//! fails ends it. SQLite's driver takes statements in one text; for the other databases a bundle is a loop.

use sqlx::{AssertSqlSafe, SqlSafeStr as _};

use super::{
    backend::Order,
    conn::{Answer, Conn},
    query::Text,
    statement::Sql,
    value::Value,
};
use crate::error::Fault;

/// Statements of a long bundle. Shorter ones are kept prepared: the same come again and again.
const LONG: usize = 8;

/// Statements that wait to be sent.
#[derive(Default)]
pub(crate) struct Bundle {
    /// Each with where its values begin.
    statements: Vec<(Sql, usize)>,
    values: Vec<Value>,
}

/// A statement to which values are bound, in the order of its `?`.
pub(crate) struct Binding<'b>(&'b mut Bundle);

impl Binding<'_> {
    pub fn bind(self, value: impl Into<Value>) -> Self {
        self.0.values.push(value.into());
        self
    }
}

impl Bundle {
    /// Adds a statement.
    pub fn add(&mut self, statement: impl Into<Sql>) -> Binding<'_> {
        self.statements.push((statement.into(), self.values.len()));
        Binding(self)
    }

    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// Whether more statements would only make it slower.
    pub fn is_long(&self) -> bool {
        self.statements.len() >= LONG
    }

    /// Has the statements carried out; answers one by one.
    pub async fn send(self, conn: &mut Conn) -> Result<Vec<Answer>, Fault> {
        if conn.is_shared() { self.send_each(conn).await } else { conn.send(self.together()).await }
    }

    /// As one text.
    fn together(self) -> Order {
        let Self { statements, values } = self;
        let mut text = String::with_capacity(statements.iter().map(|(sql, _)| sql.plain().len() + 2).sum());
        for (sql, _) in &statements {
            text.push_str(sql.plain());
            text.push_str(";\n");
        }
        let (again, statements) = (statements.len() <= LONG, statements.len());
        Order { text: AssertSqlSafe(text).into_sql_str(), values, again, statements }
    }

    async fn send_each(mut self, conn: &mut Conn) -> Result<Vec<Answer>, Fault> {
        let mut answers = Vec::with_capacity(self.statements.len());
        let ends: Vec<usize> =
            self.statements.iter().skip(1).map(|(_, begin)| *begin).chain([self.values.len()]).collect();
        let mut values = self.values.drain(..);
        let mut taken = 0;
        for ((sql, _), end) in self.statements.into_iter().zip(ends) {
            let own: Vec<Value> = values.by_ref().take(end - taken).collect();
            taken = end;
            answers.push(conn.carry_out(Text::Known(sql), own).await?);
        }
        Ok(answers)
    }
}
