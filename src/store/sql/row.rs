//! A row of an answer, and its columns.

use sqlx::{Row as _, mysql::MySqlRow, postgres::PgRow, sqlite::SqliteRow};

/// A row of any of the databases.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
    Mysql(MySqlRow),
}

/// What a column can be read as.
pub(crate) trait Column<'r>: Sized {
    /// Reads the column at this place.
    fn read(row: &'r Row, index: usize) -> Result<Self, sqlx::Error>;
}

macro_rules! columns {
    ($($type:ty),+) => {$(
        impl<'r> Column<'r> for $type {
            fn read(row: &'r Row, index: usize) -> Result<Self, sqlx::Error> {
                match row {
                    Row::Sqlite(row) => row.try_get(index),
                    Row::Postgres(row) => row.try_get(index),
                    Row::Mysql(row) => row.try_get(index),
                }
            }
        }
    )+};
}

columns!(i64, String, &'r str, Vec<u8>, &'r [u8]);
columns!(Option<i64>, Option<String>, Option<&'r str>, Option<Vec<u8>>);

impl Column<'_> for bool {
    fn read(row: &Row, index: usize) -> Result<Self, sqlx::Error> {
        Ok(i64::read(row, index)? != 0)
    }
}

impl Column<'_> for Option<bool> {
    fn read(row: &Row, index: usize) -> Result<Self, sqlx::Error> {
        Ok(Option::<i64>::read(row, index)?.map(|number| number != 0))
    }
}
