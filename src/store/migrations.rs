//! Numbered migrations, embedded in the program.

use std::borrow::Cow;

use sqlx::{
    SqlSafeStr as _,
    migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator},
};

use crate::options::OpenError;

/// Number, name, statements.
type Step = (i64, &'static str, &'static str);

const SQLITE: &[Step] = &[
    (1, "initial", include_str!("migrations/sqlite/0001_initial.sql")),
    (2, "stops", include_str!("migrations/sqlite/0002_stops.sql")),
    (3, "worker salts", include_str!("migrations/sqlite/0003_worker_salts.sql")),
    (4, "ended builds", include_str!("migrations/sqlite/0004_ended_builds.sql")),
];
const SQLITE_LOG: &[Step] = &[(1, "initial", include_str!("migrations/sqlite-log/0001_initial.sql"))];
const POSTGRES: &[Step] = &[(1, "initial", include_str!("migrations/postgresql/0001_initial.sql"))];
const MYSQL: &[Step] = &[(1, "initial", include_str!("migrations/mysql/0001_initial.sql"))];

/// The steps of a database, in order.
#[derive(Clone, Copy)]
pub(crate) struct Steps(&'static [Step]);

/// Of the state's file.
pub(crate) fn sqlite_state() -> Steps {
    Steps(SQLITE)
}

/// Of the logs' file.
pub(crate) fn sqlite_log() -> Steps {
    Steps(SQLITE_LOG)
}

/// Of state and logs on PostgreSQL.
pub(crate) fn postgres_state() -> Steps {
    Steps(POSTGRES)
}

/// Of state and logs on MySQL and MariaDB.
pub(crate) fn mysql_state() -> Steps {
    Steps(MYSQL)
}

/// Brings a database up to date, each step in a transaction where definitions can be rolled back.
///
/// # Errors
/// It was written by a newer program, its steps are not ours, or one fails.
pub(crate) async fn migrate<C: Migrate>(conn: &mut C, place: &str, steps: Steps) -> Result<(), OpenError> {
    let place = place.to_owned();
    match migrator(steps.0).run_direct(None, conn, false).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(found)) => {
            let newest = steps.0.last().map_or(0, |(version, _, _)| *version);
            Err(OpenError::Newer { place, found, known: newest })
        }
        Err(MigrateError::Dirty(version)) => {
            let reason = format!(
                "migration {version} was interrupted; restore a backup, or begin with an empty database"
            );
            Err(OpenError::Migration { place, reason })
        }
        Err(error) => Err(OpenError::Migration { place, reason: error.to_string() }),
    }
}

fn migrator(known: &[Step]) -> Migrator {
    let migration = |&(version, name, sql): &Step| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(known.iter().map(migration).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [&[Step]; 4] = [SQLITE, SQLITE_LOG, POSTGRES, MYSQL];
    /// Tables of what is known from other tables.
    const DERIVED: &str = "DROP TABLE BUILD_COUNTS;";

    /// A migration that drops data, or adds a column that old rows cannot fill, is written by mistake.
    #[test]
    fn no_migration_is_dangerous() {
        for (index, (version, name, sql)) in ALL.into_iter().flatten().enumerate() {
            let text = sql.to_uppercase().replace(DERIVED, "");
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
        for list in ALL {
            let numbers: Vec<i64> = list.iter().map(|(version, _, _)| *version).collect();
            assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>());
        }
    }
}
