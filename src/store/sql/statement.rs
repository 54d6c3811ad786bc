//! A statement, and how it reads on each database.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use super::conn::System;

/// A statement with `?` for values. A plain text is one that reads the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sql {
    text: &'static str,
    mysql: Option<&'static str>,
    gives_id: bool,
    locks: bool,
}

/// Texts of statements, by database.
type Rendered = HashMap<(Sql, System), Arc<str>>;

impl Sql {
    /// The same on all databases.
    pub const fn new(text: &'static str) -> Self {
        Self { text, mysql: None, gives_id: false, locks: false }
    }

    /// With other words for MySQL and MariaDB.
    pub const fn mysql(self, text: &'static str) -> Self {
        Self { mysql: Some(text), ..self }
    }

    /// Inserts a row whose `id` the database makes: [`Answer::inserted`](super::Answer::inserted).
    pub const fn with_id(self) -> Self {
        Self { gives_id: true, ..self }
    }

    /// A `SELECT` of one table whose rows nobody else may change until the transaction ends. On SQLite, which has one
    /// writer, nobody else is there.
    pub const fn locking(self) -> Self {
        Self { locks: true, ..self }
    }

    /// Whether a row with the new id comes back.
    pub(super) fn returns_id(self, system: System) -> bool {
        self.gives_id && system == System::Postgres
    }

    /// As SQLite reads it.
    pub(super) fn plain(self) -> &'static str {
        self.text
    }

    /// As a database reads it.
    pub(super) fn rendered(self, system: System) -> SqlStr {
        match system {
            System::Sqlite => self.text.into_sql_str(),
            System::Mysql if !self.locks => self.mysql.unwrap_or(self.text).into_sql_str(),
            System::Mysql | System::Postgres => AssertSqlSafe(self.remembered(system)).into_sql_str(),
        }
    }

    fn remembered(self, system: System) -> Arc<str> {
        static RENDERED: LazyLock<Mutex<Rendered>> = LazyLock::new(Mutex::default);
        let mut rendered = RENDERED.lock().unwrap_or_else(PoisonError::into_inner);
        rendered.entry((self, system)).or_insert_with(|| self.render(system).into()).clone()
    }

    fn render(self, system: System) -> String {
        let mut text = match system {
            System::Postgres => numbered(self.text),
            System::Sqlite => self.text.to_owned(),
            System::Mysql => self.mysql.unwrap_or(self.text).to_owned(),
        };
        if self.locks {
            text.push_str(" FOR UPDATE");
        }
        if self.returns_id(system) {
            text.push_str(" RETURNING id");
        }
        text
    }
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self::new(text)
    }
}

/// `?` by `?` becomes `$1`, `$2`, … No statement of this crate has a question mark that is not a place for a value.
pub(super) fn numbered(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for (index, part) in text.split('?').enumerate() {
        if index > 0 {
            out.push('$');
            out.push_str(&index.to_string());
        }
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_rendered_for_their_database() {
        let select = Sql::new("SELECT a FROM t WHERE b = ? AND c = ?").locking();
        let text = |sql: Sql, system| sql.rendered(system).as_str().to_owned();
        assert_eq!(text(select, System::Sqlite), "SELECT a FROM t WHERE b = ? AND c = ?");
        assert_eq!(text(select, System::Postgres), "SELECT a FROM t WHERE b = $1 AND c = $2 FOR UPDATE");
        assert_eq!(text(select, System::Mysql), "SELECT a FROM t WHERE b = ? AND c = ? FOR UPDATE");
        let insert = Sql::new("INSERT INTO t (a) VALUES (?)").with_id();
        assert_eq!(text(insert, System::Postgres), "INSERT INTO t (a) VALUES ($1) RETURNING id");
        assert_eq!(text(insert, System::Mysql), "INSERT INTO t (a) VALUES (?)");
        let other = Sql::new("INSERT a").mysql("INSERT b");
        assert_eq!(text(other, System::Mysql), "INSERT b");
    }
}
