//! Services as processes of this machine.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use super::{path_with, perform};

/// No Vault server is packaged. This stand-in takes the arguments of one, and answers what a ready check asks.
const VAULT: &str = r#"#!/bin/sh -e
for argument in "$@"; do
  case "$argument" in -dev-listen-address=*) ADDRESS="${argument#*=}" ;; esac
done
mkdir -p files/v1/sys files/v1/auth/token
echo '{"initialized":true,"sealed":false}' > files/v1/sys/seal-status
echo '{"data":{"policies":["root"]}}' > files/v1/auth/token/lookup-self
exec busybox httpd -f -p "$ADDRESS" -h files
"#;

#[test]
fn every_service_type_runs_as_a_process_of_the_machine() {
    let jars = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/kafka"));
    assert!(jars.is_dir(), "{} is missing: integration/test fetches the jars of Kafka", jars.display());
    let bin = tempfile::tempdir().unwrap();
    let vault = bin.path().join("vault");
    fs::write(&vault, VAULT).unwrap();
    fs::set_permissions(&vault, fs::Permissions::from_mode(0o755)).unwrap();
    perform("host", |script| {
        script.env.insert("KAFKA_HOME".to_owned(), jars.canonicalize().unwrap().display().to_string());
        script.env.insert("PATH".to_owned(), path_with(bin.path()));
        script.concurrency = 8;
    });
}

#[test]
fn a_service_that_can_run_neither_way_says_what_is_missing() {
    perform("missing", |_| {});
}
