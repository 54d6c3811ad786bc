//! What is listed is complete, and nothing else is listed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use super::page::{Page, code_words, root};
use crate::world::program::{self, Start};

/// What `--help` of a command says.
fn help(command: &[&str]) -> String {
    let home = tempfile::tempdir().unwrap();
    let output = program::run(home.path(), &[command, &["--help"]].concat());
    String::from_utf8(output.stdout).unwrap()
}

/// The flags of a command with what is said of each.
fn flags(command: &[&str]) -> BTreeMap<String, String> {
    let mut flags: BTreeMap<String, String> = BTreeMap::new();
    let mut current = String::new();
    for line in help(command).lines() {
        let words = line.trim_start();
        if words.starts_with('-') {
            let flag = words.split_whitespace().find(|word| word.starts_with("--")).unwrap();
            current = flag.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        }
        flags.entry(current.clone()).or_default().push_str(line);
    }
    flags.remove("");
    flags.remove("--help");
    flags
}

/// The commands below a command.
fn commands(command: &[&str]) -> Vec<String> {
    let help = help(command);
    let lines =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names =
        lines.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The first words of the rows that begin like this.
fn listed(page: &Page, start: impl Fn(&str) -> bool) -> BTreeSet<String> {
    page.rows().into_iter().map(|(word, _)| word).filter(|word| start(word)).collect()
}

/// `"word"` after each `mark`.
fn quoted_after(text: &str, mark: &str) -> BTreeSet<String> {
    let quoted =
        text.split(mark).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
    quoted.map(str::to_owned).collect()
}

#[test]
fn every_setting_of_the_server_is_listed_with_its_default() {
    let page = Page::read("docs/operations.md");
    let flags = flags(&["server"]);
    assert_eq!(listed(&page, |word| word.starts_with("--")), flags.keys().cloned().collect());
    let rows: BTreeMap<String, Vec<String>> = page.rows().into_iter().collect();
    for (flag, said) in flags {
        let Some((_, default)) = said.split_once("[default: ") else { continue };
        let default = format!("`{}`", default.split(']').next().unwrap());
        assert_eq!(rows[&flag][0], default, "{flag}");
    }
}

#[test]
fn every_metric_is_listed() {
    let home = tempfile::tempdir().unwrap();
    let server = Start::new(home.path()).server();
    let text =
        ureq::get(&format!("{}/metrics", server.url)).call().unwrap().body_mut().read_to_string().unwrap();
    let names =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(['{', ' ']).next());
    let histograms: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" histogram")).collect();
    let family = |name: &str| {
        let part = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
        part.filter(|family| histograms.contains(family)).unwrap_or(name).to_owned()
    };
    // A family that has no samples yet announces itself.
    let announced = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let all: BTreeSet<String> = names.map(family).chain(announced.map(str::to_owned)).collect();
    let page = Page::read("docs/operations.md");
    let metric = |word: &str| ["http_", "pikoci_", "process_"].iter().any(|start| word.starts_with(start));
    assert_eq!(listed(&page, metric), all);
}

#[test]
fn every_command_is_listed() {
    let page = Page::read("docs/client.md");
    let groups = commands(&["client"]);
    let mut all = BTreeSet::new();
    for group in &groups {
        let below = commands(&["client", group]);
        all.extend(below.iter().map(|command| format!("{group} {command}")));
        all.extend(below.is_empty().then(|| group.clone()));
    }
    let client = |word: &str| groups.iter().any(|group| word.split(' ').next() == Some(group));
    assert_eq!(listed(&page, client), all);
    for command in commands(&[]) {
        let named = Page::guides().iter().any(|page| page.text.contains(&format!("pikoci {command}")));
        assert!(named, "no page names `pikoci {command}`");
    }
}

#[test]
fn every_flag_of_a_local_run_is_listed() {
    let page = Page::read("docs/client.md");
    let flags: BTreeSet<String> = flags(&["run"]).into_keys().collect();
    assert_eq!(listed(&page, |word| word.starts_with("--")), flags);
}

/// One built-in type: kind, name, parameters, defaults.
struct Builtin {
    kind: String,
    name: String,
    params: BTreeSet<String>,
    defaults: Vec<(String, String)>,
}

fn builtins() -> Vec<Builtin> {
    let mut all = Vec::new();
    for entry in fs::read_dir(root().join("builtin")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for part in text.split("\n}").filter(|part| part.contains("_type \"")) {
            let head = part.lines().find(|line| line.contains("_type \"")).unwrap();
            let (kind, rest) = head.split_once(" \"").unwrap();
            let params =
                part.split_once("params = [").map_or("", |(_, rest)| rest.split(']').next().unwrap());
            let defaults =
                part.split_once("defaults {").map_or("", |(_, rest)| rest.split('}').next().unwrap());
            let pairs = defaults.lines().filter_map(|line| line.split_once('='));
            all.push(Builtin {
                kind: kind.to_owned(),
                name: rest.split('"').next().unwrap().to_owned(),
                params: params.split('"').skip(1).step_by(2).map(str::to_owned).collect(),
                defaults: pairs
                    .map(|(name, value)| (name.trim().to_owned(), value.trim().replace('"', "")))
                    .collect(),
            });
        }
    }
    all
}

#[test]
fn every_built_in_service_is_listed_with_its_parameters_and_defaults() {
    let page = Page::read("docs/services.md");
    let rows: BTreeMap<String, String> =
        page.rows().into_iter().map(|(word, cells)| (word, cells.join(" | "))).collect();
    let services = builtins().into_iter().filter(|builtin| builtin.kind == "service_type");
    for builtin in services {
        let row = rows.get(&builtin.name).unwrap_or_else(|| panic!("{} is not listed", builtin.name));
        for param in &builtin.params {
            let common = rows.contains_key(param);
            assert!(
                common || row.contains(&format!("`{param}`")),
                "{}: `{param}` is not listed",
                builtin.name
            );
        }
        for (param, default) in builtin.defaults.iter().filter(|(param, _)| param != "runtime") {
            let shown = format!("`{param}` {default}");
            assert!(row.contains(&shown), "{}: {shown} is not in its row", builtin.name);
        }
    }
}

#[test]
fn every_other_built_in_type_is_described_with_its_parameters() {
    let page = Page::read("docs/language.md");
    for builtin in builtins().into_iter().filter(|builtin| builtin.kind != "service_type") {
        let heading = match builtin.kind.as_str() {
            "resource_type" => "Built-in resource types",
            _ => "Built-in secret types",
        };
        let words: BTreeSet<String> = code_words(&page.section(heading)).into_iter().collect();
        assert!(words.contains(&builtin.name), "{heading}: `{}` is missing", builtin.name);
        let missing: Vec<&String> = builtin.params.difference(&words).collect();
        assert!(missing.is_empty(), "{heading}: {} has {missing:?}", builtin.name);
    }
}

#[test]
fn every_function_is_listed() {
    let mut known = BTreeSet::new();
    for entry in fs::read_dir(root().join("src/language/functions")).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            let text = fs::read_to_string(entry.path()).unwrap();
            for way in ["exactly", "at_least", "between"] {
                known.extend(quoted_after(&text, &format!("Function::{way}(")));
            }
        }
    }
    let page = Page::read("docs/language.md");
    let listed: BTreeSet<String> = code_words(&page.section("List of functions")).into_iter().collect();
    assert_eq!(listed, known);
}

#[test]
fn every_code_is_listed() {
    let page = Page::read("docs/language.md");
    let code = |word: &str, family: char| {
        word.len() == 4 && word.starts_with(family) && word[1..].chars().all(|c| c.is_ascii_digit())
    };
    let bad = fs::read_dir(root().join("src/language/tests/bad")).unwrap();
    let provoked: BTreeSet<String> =
        bad.map(|entry| entry.unwrap().file_name().to_string_lossy()[..4].to_owned()).collect();
    assert_eq!(listed(&page, |word| code(word, 'L') || code(word, 'W')), provoked);
    let outcome = read("actors/model/outcome.rs");
    let catalogue =
        outcome.lines().filter_map(|line| line.trim().strip_suffix(',')).filter(|word| code(word, 'R'));
    assert_eq!(listed(&page, |word| code(word, 'R')), catalogue.map(str::to_owned).collect());
}

/// Every word that the language knows, also those that it only refuses.
#[test]
fn every_block_and_attribute_is_described() {
    let table = read("src/language/schema/table.rs");
    let mut words = BTreeSet::new();
    for mark in [" attribute(", "&[attribute(", "later_attribute(", " block(", "&[block(", "special("] {
        words.extend(quoted_after(&table, mark));
    }
    assert!(words.len() > 50, "the table is read wrongly: {words:?}");
    let described: BTreeSet<String> = code_words(&Page::read("docs/language.md").text).into_iter().collect();
    let missing: Vec<&String> = words.difference(&described).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
