//! Servers of one database have host key and jwt secret in common; who comes with another one is told what to set.

use std::path::Path;

use crate::{
    cells::database::{Database, Place},
    world::program::{Server, Start, fresh_mark, run},
};

const SECRET: &str = "--jwt-secret=of all servers, long enough";

fn start(home: &Path, place: &Place, more: &[&str]) -> Server {
    let mut start = Start::new(home).args(&["--admin-password=correct horse"]).args(more);
    start.args.extend(place.flags(home));
    start.server()
}

/// What is said to a server that does not fit.
fn refused(home: &Path, place: &Place, more: &[&str]) -> String {
    let flags = place.flags(home);
    let state = format!("--state-dir={}", home.join("state").display());
    let mut args = vec!["server", "--listen=127.0.0.1:0", &state];
    args.extend(more);
    args.extend(flags.iter().map(String::as_str));
    let said = run(home, &args);
    assert_eq!((said.status.code(), said.stdout.as_slice()), (Some(1), &b""[..]));
    String::from_utf8(said.stderr).unwrap()
}

fn end(server: Server) {
    server.signal("TERM");
    let (status, log) = server.wait();
    assert!(status.success(), "{log}");
}

fn servers_agree(database: Database) {
    let place = Place::new(database, &format!("agree_{}", fresh_mark().replace('-', "_")));
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = start(one.path(), &place, &[SECRET]);
    let error = refused(two.path(), &place, &[SECRET]);
    assert!(error.contains("the host key is not the one that this database was made with"), "{error}");
    assert!(error.contains("--host-key-file"), "{error}");
    let key = format!("--host-key-file={}", one.path().join("state/host.key").display());
    for other in [&["--jwt-secret=another one, long enough", &key][..], &[&key]] {
        let error = refused(two.path(), &place, other);
        assert!(error.contains("expected the same --jwt-secret or --jwt-secret-file for all"), "{error}");
    }
    end(start(two.path(), &place, &[SECRET, &key]));
    end(start(two.path(), &place, &["--jwt-secret=another one, long enough", &key, "--replace-jwt-secret"]));
    end(first);
    let error = refused(one.path(), &place, &[SECRET]);
    assert!(error.contains("--replace-jwt-secret once"), "{error}");
}

#[test]
fn servers_of_one_postgresql_agree() {
    servers_agree(Database::Postgresql);
}

#[test]
fn servers_of_one_mariadb_agree() {
    servers_agree(Database::Mariadb);
}
