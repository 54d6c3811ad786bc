//! A SQLite file serves one server at a time.

use std::path::Path;

use tempfile::tempdir;

use crate::world::program::{Server, Start, run};

fn start(home: &Path) -> Server {
    Start::new(home)
        .args(&["--db-system=sqlite", "--db-name=ci.db", "--admin-password=correct horse"])
        .server()
}

#[test]
fn a_second_server_on_the_same_file_is_refused_until_the_first_is_gone() {
    let home = tempdir().unwrap();
    std::os::unix::fs::symlink("ci.db", home.path().join("other.db")).unwrap();
    let first = start(home.path());
    for name in ["ci.db", "other.db"] {
        let db = format!("--db-name={name}");
        let said = run(home.path(), &["server", "--listen=127.0.0.1:0", "--db-system=sqlite", &db]);
        let error = String::from_utf8(said.stderr).unwrap();
        let expected = format!(
            "error: database {name} is in use by process {}; a SQLite file serves one server at a time: \
             stop that one, or name another file\n",
            first.pid()
        );
        assert!(error.ends_with(&expected), "{error}");
        assert_eq!((said.status.code(), said.stdout), (Some(1), Vec::new()));
    }

    first.signal("KILL");
    first.wait();
    let second = start(home.path());
    second.signal("TERM");
    let (status, log) = second.wait();
    assert!(status.success(), "{log}");
}
