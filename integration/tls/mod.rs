//! TLS to every database and broker: real servers that speak nothing else, an authority of the test's own, and another one
//! that signed nothing. What does not fit is named with its place, what it was and what would be right.

mod yard;

use self::yard::{Encrypted, Said};

/// With the right authority a server starts; with a foreign one, none, or no TLS it says what would be right.
fn a_database_is_reached_by_tls_only(system: &str) {
    let yard = Encrypted::start(system);
    let place = format!("pikoci@localhost:{}/", yard.port);
    let verified = |ca: &str| yard.database(&["--db-tls=verified", &format!("--db-ca={ca}")]);
    yard.try_database(&verified(&yard.ca), Said::Ready);
    yard.try_database(&yard.database(&["--db-tls=encrypted"]), Said::Ready);
    let untrusted = [place.as_str(), "invalid peer certificate", "the system trusts or that --db-ca names"];
    yard.try_database(&verified(&yard.foreign), Said::Refused(&untrusted));
    yard.try_database(&yard.database(&["--db-tls=verified"]), Said::Refused(&untrusted));
    yard.try_database(&yard.database(&[]), Said::Refused(&[&place, "does not let us in"]));
    let mut flags = yard.database(&["--db-tls=encrypted", &format!("--db-port={}", yard.plain)]);
    flags.retain(|flag| *flag != format!("--db-port={}", yard.port));
    yard.try_database(&flags, Said::Refused(&["server does not support TLS", "or --db-tls off"]));
}

#[test]
fn postgresql_is_reached_by_tls_only() {
    a_database_is_reached_by_tls_only("postgresql");
}

#[test]
fn mariadb_is_reached_by_tls_only() {
    a_database_is_reached_by_tls_only("mariadb");
}

/// The server starts whatever the broker does, and says in `/health` and in its log how the way to it stands.
fn a_broker_is_reached_by_tls_only(system: &str, flag: &str, encrypted: &str) {
    let yard = Encrypted::start(if system == "rabbit" { "rabbitmq" } else { system });
    let to = |address: &str, more: &[&str]| {
        let mut flags = vec![format!("--pubsub-system={system}"), format!("--{flag}={address}")];
        flags.extend(more.iter().map(|more| (*more).to_owned()));
        flags
    };
    let place = format!("localhost:{}", yard.port);
    let here = format!("{encrypted}{place}");
    let login = ["--pubsub-user=pikoci", "--pubsub-password=open-sesame"];
    let trusting = |ca: &str| to(&here, &[&login[..], &[&format!("--pubsub-ca={ca}")]].concat());
    yard.try_broker(&trusting(&yard.ca), &["ok"]);
    let untrusted = format!("{place} shows a certificate that is not trusted");
    yard.try_broker(&trusting(&yard.foreign), &[&untrusted, "that --pubsub-ca names"]);
    yard.try_broker(&to(&here, &login), &[&untrusted]);
    let clear = here.replace(encrypted, if system == "nats" { "nats://" } else { "amqp://" });
    // NATS says itself that it wants TLS, and the client follows: what it misses then is the authority.
    let expected =
        if system == "nats" { untrusted } else { format!("{place} speaks TLS; expected {encrypted}") };
    yard.try_broker(&to(&clear, &login), &[&expected]);
    let authority = format!("--pubsub-ca={}", yard.ca);
    let wrong = to(&here, &["--pubsub-user=pikoci", "--pubsub-password=no", &authority]);
    yard.try_broker(&wrong, &[if system == "nats" { "authorization violation" } else { "ACCESS_REFUSED" }]);
    let plain = format!("localhost:{}", yard.plain);
    yard.try_broker(&to(&format!("{encrypted}{plain}"), &[]), &[&format!("{plain} does not speak TLS")]);
}

#[test]
fn nats_is_reached_by_tls_only() {
    a_broker_is_reached_by_tls_only("nats", "nats-server-url", "tls://");
}

#[test]
fn rabbitmq_is_reached_by_tls_only() {
    a_broker_is_reached_by_tls_only("rabbit", "rabbit-server-url", "amqps://");
}

/// With the feature `kafka-tls` it is the transport's own tests that reach one.
#[test]
fn kafka_with_tls_needs_its_feature() {
    let home = tempfile::tempdir().unwrap();
    let flags = ["server", "--pubsub-system=kafka", "--kafka-brokers=tls://localhost:1"];
    let said = crate::world::program::run(home.path(), &flags);
    let error = String::from_utf8(said.stderr).unwrap();
    assert_eq!(said.status.code(), Some(1), "{error}");
    assert!(error.contains("expected one that was built with --features kafka-tls"), "{error}");
}
