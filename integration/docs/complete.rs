//! What is listed is complete, and nothing else is listed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use super::page::{Page, code_words, root};
use crate::world::program;

fn set<'a>(words: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    words.into_iter().map(str::to_owned).collect()
}

/// The flags of a command with their defaults, as `--help` shows them.
fn flags(command: &[&str]) -> BTreeMap<String, String> {
    let home = tempfile::tempdir().unwrap();
    let output = program::run(home.path(), &[command, &["--help"]].concat());
    let help = String::from_utf8(output.stdout).unwrap();
    let mut flags = BTreeMap::new();
    for line in help.lines().map(str::trim_start) {
        let flag = line.split(' ').find_map(|word| word.strip_prefix("--"));
        if let Some(flag) = flag.filter(|_| line.starts_with('-')) {
            let name: String = flag.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            flags.insert(format!("--{name}"), String::new());
        }
        if let (Some((_, default)), Some(mut last)) = (line.split_once("[default: "), flags.last_entry()) {
            let _ = (default, last.get_mut());
        }
    }
    flags.remove("--help");
    flags
}
