//! Numbered migrations, embedded in the program.

use std::{borrow::Cow, path::Path};

use sqlx::{
    SqlSafeStr as _,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use crate::{database::Conn, options::OpenError};

const STATE: &[(i64, &str, &str)] = &[
    (1, "initial", include_str!("migrations/sqlite/0001_initial.sql")),
    (2, "stops", include_str!("migrations/sqlite/0002_stops.sql")),
    (3, "worker salts", include_str!("migrations/sqlite/0003_worker_salts.sql")),
];
const LOG: &[(i64, &str, &str)] = &[(1, "initial", include_str!("migrations/sqlite-log/0001_initial.sql"))];

/// Brings the state's database up to date.
pub(crate) async fn migrate_state(conn: &mut Conn, path: &Path) -> Result<(), OpenError> {
    migrate(conn, path, STATE).await
}

/// Brings the logs' database up to date.
pub(crate) async fn migrate_log(conn: &mut Conn, path: &Path) -> Result<(), OpenError> {
    migrate(conn, path, LOG).await
}

async fn migrate(
    conn: &mut Conn,
    path: &Path,
    known: &[(i64, &'static str, &'static str)],
) -> Result<(), OpenError> {
    let path = path.to_owned();
    match migrator(known).run(&mut *conn).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(found)) => {
            let newest = known.last().map_or(0, |(version, _, _)| *version);
            Err(OpenError::Newer { path, found, known: newest })
        }
        Err(error) => Err(OpenError::Migration { path, reason: error.to_string() }),
    }
}

fn migrator(known: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migration = |&(version, name, sql): &(i64, &'static str, &'static str)| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(known.iter().map(migration).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A migration that drops data, or adds a column that old rows cannot fill, is written by mistake.
    #[test]
    fn no_migration_is_dangerous() {
        for (index, (version, name, sql)) in STATE.iter().chain(LOG).enumerate() {
            let text = sql.to_uppercase();
            assert!(
                !text.contains("DROP TABLE") && !text.contains("DROP COLUMN"),
                "{index}: {version} {name}"
            );
            let added = text.split(';').filter(|statement| statement.contains("ADD COLUMN"));
            assert!(
                added.clone().all(|s| !s.contains("NOT NULL") || s.contains("DEFAULT")),
                "{version} {name}"
            );
        }
    }

    #[test]
    fn numbers_grow_by_one() {
        for list in [STATE, LOG] {
            let numbers: Vec<i64> = list.iter().map(|(version, _, _)| *version).collect();
            assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>());
        }
    }
}
