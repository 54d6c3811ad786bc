//! Opening a store on a server: PostgreSQL, MySQL, MariaDB.

use std::{sync::Arc, sync::Mutex, time::Duration};

use pikoci_seal::HostKey;
use sqlx::{
    ConnectOptions as _, Connection as _,
    mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode},
    postgres::{PgConnectOptions, PgConnection, PgSslMode},
};

use crate::{
    account::Users,
    definitions::Definitions,
    log::Log,
    migrations::{migrate, mysql_state, postgres_state},
    options::{DatabaseOptions, DatabaseSystem, OpenError, Tls},
    sql::{Pool, prepare_mysql, reached, refused},
    store::SqlStore,
    transact::Transactions,
    writer::{Shared, Writer},
};

/// How long another server may take for its migrations.
const MIGRATING: Duration = Duration::from_secs(300);
/// The first PostgreSQL that is known to do, as it numbers itself.
const POSTGRES: u32 = 13_00_00;

/// Reaches the database, brings it up to date, and opens it.
pub(crate) async fn open(options: &DatabaseOptions, key: HostKey) -> Result<SqlStore, OpenError> {
    let pool = match options.system {
        DatabaseSystem::Postgresql => open_postgres(options).await?,
        DatabaseSystem::Mysql => open_mysql(options).await?,
    };
    let shared = Arc::new(Shared { definitions: Definitions::default(), key });
    let transactions = Arc::new(Transactions::new(pool.clone(), shared.clone()));
    Ok(SqlStore {
        readers: pool.clone(),
        log_readers: pool,
        writer: Writer::Direct(transactions.clone()),
        log: Log::Direct(transactions),
        shared,
        users: Users::forgetful(),
        file: Mutex::new(None),
    })
}

async fn open_postgres(options: &DatabaseOptions) -> Result<Pool, OpenError> {
    let place = options.place();
    let settings = postgres(options);
    let mut conn: PgConnection = reached(&place, settings.connect()).await?;
    let found = conn.server_version_num().unwrap_or_default();
    if found < POSTGRES {
        return Err(OpenError::TooOld { place, found: format!("PostgreSQL {}", found / 10_000) });
    }
    // Somebody else's migrations may take longer than a statement of ours.
    let patient = sqlx::raw_sql("SET statement_timeout = 0; SET lock_timeout = 0");
    patient.execute(&mut conn).await.map_err(|error| refused(&place, &error))?;
    migrate(&mut conn, &place, postgres_state()).await?;
    conn.close().await.map_err(|error| refused(&place, &error))?;
    Ok(Pool::postgres(settings, place, options.connections))
}

async fn open_mysql(options: &DatabaseOptions) -> Result<Pool, OpenError> {
    let place = options.place();
    let settings = mysql(options);
    let mut conn: MySqlConnection = reached(&place, settings.connect()).await?;
    let failed = |error: sqlx::Error| refused(&place, &error);
    prepare_mysql(&mut conn).await.map_err(failed)?;
    let found: String = sqlx::query_scalar("SELECT VERSION()").fetch_one(&mut conn).await.map_err(failed)?;
    if !is_new_enough(&found) {
        return Err(OpenError::TooOld { place, found: format!("version {found}") });
    }
    // Definitions cannot be rolled back there, so that only this lock keeps two servers apart.
    let lock = "SELECT GET_LOCK(CONCAT('pikoci migrations of ', SHA1(DATABASE())), ?)";
    let lock = sqlx::query_scalar(lock).bind(MIGRATING.as_secs());
    let got: Option<i64> = lock.fetch_one(&mut conn).await.map_err(failed)?;
    if got != Some(1) {
        let reason = format!("another server has been at it for {} s", MIGRATING.as_secs());
        return Err(OpenError::Migration { place, reason });
    }
    migrate(&mut conn, &place, mysql_state()).await?;
    // The lock goes with the connection.
    conn.close().await.map_err(failed)?;
    Ok(Pool::mysql(settings, place, options.connections))
}

/// `10.11.6-MariaDB…`, `5.5.5-10.11.6-MariaDB`, `8.0.36`.
fn is_new_enough(version: &str) -> bool {
    let mariadb = version.contains("MariaDB");
    let plain = version.strip_prefix("5.5.5-").filter(|_| mariadb).unwrap_or(version);
    let mut numbers = plain.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    found >= if mariadb { (10, 5) } else { (8, 0) }
}

fn postgres(options: &DatabaseOptions) -> PgConnectOptions {
    let settings = PgConnectOptions::new_without_pgpass()
        .host(&options.host)
        .port(options.port())
        .username(&options.user)
        .database(&options.name)
        .application_name("pikoci")
        .statement_cache_capacity(256)
        .options([
            ("statement_timeout", "30s"),
            ("lock_timeout", "10s"),
            ("idle_in_transaction_session_timeout", "60s"),
        ])
        // Statements are never logged: what is bound to them may be private.
        .disable_statement_logging();
    let settings = match &options.password {
        Some(password) => settings.password(password.reveal()),
        None => settings,
    };
    match &options.tls {
        Tls::Off => settings.ssl_mode(PgSslMode::Disable),
        Tls::Encrypted => settings.ssl_mode(PgSslMode::Require),
        Tls::Verified { ca: None } => settings.ssl_mode(PgSslMode::VerifyFull),
        Tls::Verified { ca: Some(ca) } => settings.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(ca),
    }
}

fn mysql(options: &DatabaseOptions) -> MySqlConnectOptions {
    let settings = MySqlConnectOptions::new()
        .host(&options.host)
        .port(options.port())
        .username(&options.user)
        .database(&options.name)
        .statement_cache_capacity(256)
        .disable_statement_logging();
    let settings = match &options.password {
        Some(password) => settings.password(password.reveal()),
        None => settings,
    };
    match &options.tls {
        Tls::Off => settings.ssl_mode(MySqlSslMode::Disabled),
        Tls::Encrypted => settings.ssl_mode(MySqlSslMode::Required),
        Tls::Verified { ca: None } => settings.ssl_mode(MySqlSslMode::VerifyIdentity),
        Tls::Verified { ca: Some(ca) } => settings.ssl_mode(MySqlSslMode::VerifyIdentity).ssl_ca(ca),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        field::get,
        options::Database,
        sql::{Conn, query},
    };

    /// A copy of a large database lasts longer than the limits of everyday, and nobody inherits its connections.
    #[tokio::test]
    async fn a_patient_connection_has_no_limits_and_is_used_once() {
        let server = std::env::var("PIKOCI_TEST_POSTGRESQL")
            .expect("PIKOCI_TEST_POSTGRESQL is set: `eval \"$(integration/backends env)\"` and `up`");
        let Ok(Database::Server(options)) = server.parse() else { panic!("{server} is no server") };
        let pool = Pool::postgres(postgres(&options), options.place(), 1);
        let limits = async |conn: &mut Conn| {
            let words = "SELECT current_setting('statement_timeout') || ' ' || \
                         current_setting('idle_in_transaction_session_timeout')";
            get::<String>(&query(words).fetch_one(conn).await.unwrap(), 0).unwrap()
        };
        let mut conn = pool.acquire().await.unwrap();
        assert_eq!(limits(&mut conn).await, "30s 1min");
        conn.be_patient().await.unwrap();
        assert_eq!(limits(&mut conn).await, "0 0");
        drop(conn);
        assert_eq!(limits(&mut pool.acquire().await.unwrap()).await, "30s 1min");
        pool.close().await;
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        for good in ["10.11.6-MariaDB-0+deb12u1", "5.5.5-10.5.1-MariaDB", "11.4.2-MariaDB", "8.0.36", "9.1.0"]
        {
            assert!(is_new_enough(good), "{good}");
        }
        for bad in ["10.4.34-MariaDB", "5.5.5-10.3.1-MariaDB", "5.7.44-log", "", "x"] {
            assert!(!is_new_enough(bad), "{bad}");
        }
    }
}
