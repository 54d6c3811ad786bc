//! One statement with its values, carried out at once.

use super::{
    conn::{Answer, Conn},
    row::Row,
    statement::Sql,
    value::Value,
};
use crate::error::Fault;

/// What is carried out.
pub(super) enum Text {
    /// A constant of this crate; kept prepared.
    Known(Sql),
    /// Made of constants, as long as there are values; prepared for this time only.
    Made(String),
}

/// A statement to which values are bound, in the order of its `?`.
pub(crate) struct Query {
    text: Text,
    values: Vec<Value>,
}

/// A statement.
pub(crate) fn query(sql: impl Into<Sql>) -> Query {
    Query { text: Text::Known(sql.into()), values: Vec::new() }
}

/// A statement whose number of values is not known beforehand. The text must be made of constants.
pub(crate) fn query_text(text: String) -> Query {
    Query { text: Text::Made(text), values: Vec::new() }
}

/// `?, ?, …` for so many values.
pub(crate) fn places(count: usize) -> String {
    vec!["?"; count].join(", ")
}

impl Query {
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    pub fn bind_all<V: Into<Value>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        self.values.extend(values.into_iter().map(Into::into));
        self
    }

    pub async fn execute(self, conn: &mut Conn) -> Result<Answer, Fault> {
        conn.carry_out(self.text, self.values).await
    }

    pub async fn fetch_all(self, conn: &mut Conn) -> Result<Vec<Row>, Fault> {
        Ok(self.execute(conn).await?.rows)
    }

    pub async fn fetch_optional(self, conn: &mut Conn) -> Result<Option<Row>, Fault> {
        Ok(self.execute(conn).await?.row())
    }

    pub async fn fetch_one(self, conn: &mut Conn) -> Result<Row, Fault> {
        Ok(self.fetch_optional(conn).await?.ok_or(sqlx::Error::RowNotFound)?)
    }
}
