//! Settings that the files of `deploy/` give are settings of the program.

use std::{collections::BTreeSet, fs, path::Path};

use super::directory;
use crate::world::program::run;

/// `PIKOCI_…` names in all files below a directory.
fn given(directory: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            names.extend(given(&entry.path()));
            continue;
        }
        let text = fs::read_to_string(entry.path()).unwrap();
        let words = text.split(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_');
        let named = words.filter_map(|word| word.strip_prefix("PIKOCI_"));
        // The addresses of servers for the tests are no settings.
        names.extend(named.filter(|word| !word.starts_with("TEST_")).map(str::to_owned));
    }
    names.remove("OUTPUT");
    names
}

#[test]
fn every_variable_is_a_setting_of_server_or_worker() {
    let home = tempfile::tempdir().unwrap();
    let help = ["server", "worker"].map(|command| {
        let output = run(home.path(), &[command, "--help"]);
        String::from_utf8(output.stdout).unwrap()
    });
    let flags: BTreeSet<String> = help
        .concat()
        .split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '-')
        .filter_map(|word| word.strip_prefix("--"))
        .map(|flag| flag.to_uppercase().replace('-', "_"))
        .collect();
    let unknown: Vec<String> = given(&directory()).difference(&flags).cloned().collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
