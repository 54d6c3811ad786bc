//! Copying everything from one database to another, of whatever kind.

mod side;
mod tables;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use pikoci_model::port::StoreError;

use crate::{
    error::Fault,
    options::{Database, OpenError},
    sql::{Conn, Row, Value, places, query_text},
    sqlite::log_path,
    store::SqlStore,
};
use side::{From, To};
use tables::{Kind, LOG, STATE, Table};

/// How many rows of each table were copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// By name of the table.
    pub rows: BTreeMap<&'static str, u64>,
}

/// Why nothing, or not everything, was copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One of them cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A store in memory is gone when it is closed.
    #[error("a database in memory can neither be copied nor copied to")]
    Memory,
    /// There is something in the target.
    #[error("database {place} is not empty: its table {table} has rows; name one that is")]
    NotEmpty {
        /// Which database.
        place: String,
        /// The table that has rows.
        table: &'static str,
    },
    /// A table could not be read or written. What was written of the state is rolled back; make the target anew.
    #[error("table {table} was not copied: {reason}")]
    Table {
        /// Which table.
        table: &'static str,
        /// What is wrong.
        reason: StoreError,
    },
}

/// Copies everything from one database to another, which is empty, and made if it is a file. `progress` is told the rows
/// of a table that are copied so far.
///
/// What is sealed stays sealed: the servers of the copy need the host key of the original. The source is read as it is at
/// one moment; a SQLite file must not be in use.
///
/// # Errors
/// One of them cannot be opened, the target is not empty, or a table cannot be copied.
pub async fn copy(
    from: Database,
    to: Database,
    mut progress: impl FnMut(&str, u64) + Send,
) -> Result<Copied, CopyError> {
    let (mut from, mut to) = (From::open(from).await?, To::open(to).await?);
    let done = copy_all(&mut from, &mut to, &mut progress).await;
    from.close().await;
    to.close().await;
    done
}

impl SqlStore {
    /// Copies everything, as it is at one moment, to a SQLite file that does not exist, with its logs in the file beside
    /// it: those two are the answer. The store goes on being used meanwhile; what is sealed stays sealed.
    ///
    /// # Errors
    /// The files cannot be made, or a table cannot be copied.
    pub async fn export(&self, to: &Path) -> Result<[PathBuf; 2], CopyError> {
        let failed = |fault: Fault| CopyError::Table { table: "teams", reason: fault.into() };
        let mut to_file = To::open(Database::File(to.to_owned())).await?;
        let mut from = From::of(self).await.map_err(failed)?;
        let done = copy_all(&mut from, &mut to_file, &mut |_, _| {}).await;
        from.close().await;
        to_file.close().await;
        done.map(|_| [to.to_owned(), log_path(to)])
    }
}

async fn copy_all(
    from: &mut From,
    to: &mut To,
    progress: &mut (dyn FnMut(&str, u64) + Send),
) -> Result<Copied, CopyError> {
    for table in STATE {
        refuse_rows(&mut to.state, table, &to.place).await?;
    }
    refuse_rows(&mut to.log, &LOG, &to.place).await?;
    let failed = |table: &'static str| move |fault: Fault| CopyError::Table { table, reason: fault.into() };
    let mut copied = Copied::default();
    to.state.begin().await.map_err(failed("teams"))?;
    for table in STATE {
        let count = copy_table(table, &mut from.state, &mut to.state, progress).await;
        copied.rows.insert(table.name, count.map_err(failed(table.name))?);
    }
    let count = copy_table(&LOG, &mut from.log, &mut to.log, progress).await.map_err(failed(LOG.name))?;
    copied.rows.insert(LOG.name, count);
    side::finish(&mut to.state).await.map_err(failed(LOG.name))?;
    to.state.commit().await.map_err(failed("teams"))?;
    Ok(copied)
}

async fn refuse_rows(conn: &mut Conn, table: &Table, place: &str) -> Result<(), CopyError> {
    let failed = |fault: Fault| CopyError::Table { table: table.name, reason: fault.into() };
    let any = query_text(format!("SELECT 1 FROM {} LIMIT 1", table.name));
    match any.fetch_optional(conn).await.map_err(failed)? {
        Some(_) => Err(CopyError::NotEmpty { place: place.to_owned(), table: table.name }),
        None => Ok(()),
    }
}

async fn copy_table(
    table: &Table,
    from: &mut Conn,
    to: &mut Conn,
    progress: &mut (dyn FnMut(&str, u64) + Send),
) -> Result<u64, Fault> {
    let mut count = 0;
    let mut after: Option<Vec<Value>> = None;
    loop {
        let rows = next_rows(table, from, after.as_deref()).await?;
        let rows = rows.iter().map(|row| values(table, row)).collect::<Result<Vec<_>, Fault>>()?;
        let Some(last) = rows.last() else { return Ok(count) };
        after = Some(last[..table.key].to_vec());
        count += rows.len() as u64;
        insert(table, to, rows).await?;
        progress(table.name, count);
    }
}

/// The rows behind those whose keys were seen. The key is the first columns.
async fn next_rows(table: &Table, from: &mut Conn, after: Option<&[Value]>) -> Result<Vec<Row>, Fault> {
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    let keys = &names[..table.key];
    let condition = if after.is_some() { format!("WHERE {}", behind(keys)) } else { String::new() };
    let (columns, order, batch) = (names.join(", "), keys.join(", "), table.batch);
    let text = format!("SELECT {columns} FROM {} {condition} ORDER BY {order} LIMIT {batch}", table.name);
    query_text(text).bind_all(after.map(behind_values).unwrap_or_default()).fetch_all(from).await
}

/// `a >= ? AND (a > ? OR (b > ?))`: behind a row in the order of these columns, in words that every index serves.
fn behind(keys: &[&str]) -> String {
    match keys {
        [] => "1 = 0".into(),
        [last] => format!("{last} > ?"),
        [first, rest @ ..] => format!("{first} >= ? AND ({first} > ? OR ({}))", behind(rest)),
    }
}

fn behind_values(keys: &[Value]) -> Vec<Value> {
    match keys {
        [] => Vec::new(),
        [last] => vec![last.clone()],
        [first, rest @ ..] => [vec![first.clone(), first.clone()], behind_values(rest)].concat(),
    }
}

fn values(table: &Table, row: &Row) -> Result<Vec<Value>, Fault> {
    use crate::field::get;
    let value = |(index, (_, kind)): (usize, &(&str, Kind))| {
        Ok(match kind {
            Kind::Int => Value::Int(get(row, index)?),
            Kind::Text => Value::Text(get(row, index)?),
            Kind::Bytes => Value::Bytes(get(row, index)?),
        })
    };
    table.columns.iter().enumerate().map(value).collect()
}

async fn insert(table: &Table, to: &mut Conn, rows: Vec<Vec<Value>>) -> Result<(), Fault> {
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    let row = format!("({})", places(names.len()));
    let all = vec![row.as_str(); rows.len()].join(", ");
    let text = format!("INSERT INTO {} ({}) VALUES {all}", table.name, names.join(", "));
    query_text(text).bind_all(rows.into_iter().flatten()).execute(to).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_behind_a_row_are_told_by_their_keys() {
        assert_eq!(behind(&["a"]), "a > ?");
        assert_eq!(behind(&["a", "b", "c"]), "a >= ? AND (a > ? OR (b >= ? AND (b > ? OR (c > ?))))");
        let values = behind_values(&[1, 2, 3_i64].map(Value::from));
        assert_eq!(values.len(), 5);
    }
}
