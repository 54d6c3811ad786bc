//! Databases of real servers, one for each test. Where they are is told by `PIKOCI_TEST_POSTGRESQL` and
//! `PIKOCI_TEST_MARIADB`; one that is missing is a failure.

use pikoci_model::text::SecretValue;
use pikoci_seal::HostKey;
use pikoci_store::{Database, DatabaseOptions, OpenError, OpenOptions, SqlStore};
use sqlx::{AssertSqlSafe, Connection};

/// What a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Postgresql,
    Mariadb,
}

pub(crate) const ALL: [Server; 2] = [Server::Postgresql, Server::Mariadb];

impl Server {
    fn url(self) -> String {
        let name = match self {
            Self::Postgresql => "PIKOCI_TEST_POSTGRESQL",
            Self::Mariadb => "PIKOCI_TEST_MARIADB",
        };
        std::env::var(name).unwrap_or_else(|_| {
            panic!(
                "{name} is not set; start the servers with `eval \"$(integration/backends env)\"` and `up`"
            )
        })
    }

    /// The server, with a user who may do everything.
    pub fn options(self) -> DatabaseOptions {
        match self.url().parse().unwrap() {
            Database::Server(options) => options,
            other => panic!("{other:?} is no server"),
        }
    }

    /// Says something to the server itself.
    pub async fn say(self, words: &str) {
        let words = sqlx::raw_sql(AssertSqlSafe(words.to_owned()));
        match self {
            Self::Postgresql => {
                let mut conn = sqlx::PgConnection::connect(&self.url()).await.unwrap();
                words.execute(&mut conn).await.unwrap();
            }
            Self::Mariadb => {
                let mut conn = sqlx::MySqlConnection::connect(&self.url()).await.unwrap();
                words.execute(&mut conn).await.unwrap();
            }
        }
    }

    /// A new, empty database.
    pub async fn fresh(self) -> DatabaseOptions {
        let name = format!("pikoci_{}", uuid::Uuid::new_v4().simple());
        self.say(&format!("CREATE DATABASE {name}")).await;
        DatabaseOptions { name, connections: 8, ..self.options() }
    }

    /// Removes a database, whoever still uses it.
    pub async fn drop(self, database: &DatabaseOptions) {
        let force = if self == Self::Postgresql { " WITH (FORCE)" } else { "" };
        self.say(&format!("DROP DATABASE {}{force}", database.name)).await;
    }
}

/// A store on this database.
pub(crate) async fn open(database: &DatabaseOptions, key: &HostKey) -> Result<SqlStore, OpenError> {
    let database = Database::Server(database.clone());
    SqlStore::open(OpenOptions { database, host_key: key.clone() }).await
}

fn key() -> HostKey {
    HostKey::random().unwrap()
}

#[tokio::test]
async fn what_is_wrong_with_a_database_is_named() {
    for server in ALL {
        let database = server.fresh().await;
        let refused = async |change: &dyn Fn(&mut DatabaseOptions)| {
            let mut changed = database.clone();
            change(&mut changed);
            open(&changed, &key()).await.err().unwrap()
        };
        let missing = refused(&|database| database.name = "nowhere".into()).await;
        assert!(matches!(missing, OpenError::Missing { .. }), "{server:?}: {missing}");
        let denied = refused(&|database| {
            database.user = "nobody".into();
            database.password = Some(SecretValue::new("wrong"));
        });
        let denied = denied.await;
        assert!(matches!(denied, OpenError::Denied { .. }), "{server:?}: {denied}");
        assert!(!denied.to_string().contains("wrong"), "{denied}");
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = nobody.local_addr().unwrap().port();
        drop(nobody);
        let unreachable = refused(&|database| database.port = Some(port)).await;
        assert!(matches!(unreachable, OpenError::Unreachable { .. }), "{server:?}: {unreachable}");
        assert!(unreachable.to_string().contains(&port.to_string()), "{unreachable}");
        server.drop(&database).await;
    }
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    for server in ALL {
        let database = server.fresh().await;
        open(&database, &key()).await.unwrap().close().await;
        let (blob, table) = match server {
            Server::Postgresql => ("'\\x00'", "_sqlx_migrations".to_owned()),
            Server::Mariadb => ("x'00'", format!("{}._sqlx_migrations", database.name)),
        };
        let insert = format!(
            "INSERT INTO {table} (version, description, success, checksum, execution_time) \
             VALUES (999, 'future', TRUE, {blob}, 0)"
        );
        say_in(server, &database, &insert).await;
        let error = open(&database, &key()).await.err().unwrap();
        assert!(matches!(error, OpenError::Newer { found: 999, .. }), "{error}");
        assert!(error.to_string().contains("newer version"), "{error}");
        server.drop(&database).await;
    }
}

/// Says something in a database.
pub(crate) async fn say_in(server: Server, database: &DatabaseOptions, words: &str) {
    let words = sqlx::raw_sql(AssertSqlSafe(words.to_owned()));
    match server {
        Server::Postgresql => {
            let options: sqlx::postgres::PgConnectOptions = server.url().parse().unwrap();
            let mut conn = sqlx::PgConnection::connect_with(&options.database(&database.name)).await.unwrap();
            words.execute(&mut conn).await.unwrap();
        }
        Server::Mariadb => {
            let options: sqlx::mysql::MySqlConnectOptions = server.url().parse().unwrap();
            let mut conn =
                sqlx::MySqlConnection::connect_with(&options.database(&database.name)).await.unwrap();
            words.execute(&mut conn).await.unwrap();
        }
    }
}

/// Several servers start at once on an empty database.
#[tokio::test]
async fn migrations_run_once() {
    for server in ALL {
        let (database, key) = (server.fresh().await, key());
        let opened = futures::future::join_all((0..4).map(|_| open(&database, &key))).await;
        for store in opened {
            store.unwrap().close().await;
        }
        server.drop(&database).await;
    }
}
