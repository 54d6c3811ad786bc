//! The same story on every database and every broker: one test for each pair.
//!
//! Where the servers are is told by `PIKOCI_TEST_POSTGRESQL`, `PIKOCI_TEST_MARIADB`, `PIKOCI_TEST_NATS`,
//! `PIKOCI_TEST_RABBITMQ` and `PIKOCI_TEST_KAFKA`; one that is missing is a failure.

mod broker;
pub mod database;
mod replacement;
mod site;
mod story;

use self::{broker::Broker, database::Database, story::tell};

macro_rules! cells {
    ($($name:ident: $database:ident, $broker:ident;)*) => {
        $(#[test]
        fn $name() {
            tell(Database::$database, Broker::$broker);
        })*
    };
}

cells! {
    memory_and_no_broker: Memory, Local;
    memory_and_nats: Memory, Nats;
    memory_and_rabbitmq: Memory, Rabbitmq;
    memory_and_kafka: Memory, Kafka;
    sqlite_and_no_broker: Sqlite, Local;
    sqlite_and_nats: Sqlite, Nats;
    sqlite_and_rabbitmq: Sqlite, Rabbitmq;
    sqlite_and_kafka: Sqlite, Kafka;
    postgresql_and_no_broker: Postgresql, Local;
    postgresql_and_nats: Postgresql, Nats;
    postgresql_and_rabbitmq: Postgresql, Rabbitmq;
    postgresql_and_kafka: Postgresql, Kafka;
    mariadb_and_no_broker: Mariadb, Local;
    mariadb_and_nats: Mariadb, Nats;
    mariadb_and_rabbitmq: Mariadb, Rabbitmq;
    mariadb_and_kafka: Mariadb, Kafka;
}
