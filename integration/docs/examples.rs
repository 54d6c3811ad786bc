//! Every example is run: pipelines are validated, what a terminal shows is typed into one.

use std::fs;

use super::{
    page::{Block, Page},
    terminal::Terminal,
};
use crate::world::{
    program,
    servers::{Login, POSTGRESQL, address, say_to_postgresql},
};

/// A pipeline file in the text must be valid without a warning; a `fragment` may name what it does not declare; with
/// `error L012` it must fail with that code and no other, with `warning W003` it must be warned of.
fn validate(page: &Page, block: &Block) -> Option<String> {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("pipeline.hcl"), &block.text).unwrap();
    let mut args = vec!["pipeline", "validate", "pipeline.hcl", "--no-fetch"];
    let words: Vec<&str> = block.words.iter().map(String::as_str).collect();
    if words.contains(&"fragment") {
        args.push("--fragment");
    }
    let output = program::run(home.path(), &args);
    let said = String::from_utf8(output.stderr).unwrap();
    let codes: Vec<&str> = said
        .split_whitespace()
        .zip(said.split_whitespace().skip(1))
        .filter(|(kind, _)| matches!(*kind, "error" | "warning"))
        .map(|(_, code)| code.trim_end_matches(':'))
        .collect();
    let (valid, expected) = match words.as_slice() {
        ["error", code] => (false, vec![*code]),
        ["warning", code] => (true, vec![*code]),
        ["fragment"] => (true, codes.clone()),
        [] => (true, Vec::new()),
        // A saved file is used in a terminal below, with its values.
        [file] if file.ends_with(".hcl") => {
            (codes.is_empty(), codes.iter().copied().filter(|code| *code == "L023").collect())
        }
        other => return Some(format!("{}: hcl {other:?} means nothing", page.at(block.line))),
    };
    (output.status.success() != valid || codes != expected)
        .then(|| format!("{}: {said}", page.at(block.line)))
}

#[test]
fn every_pipeline_in_the_text_is_as_the_text_says() {
    let mut findings = Vec::new();
    for page in Page::all() {
        let blocks = page.blocks();
        findings.extend(blocks.iter().filter(|b| b.language == "hcl").filter_map(|b| validate(&page, b)));
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

fn play(name: &str) {
    play_in(name, Terminal::open());
}

/// The blocks of a page in order, in one directory: a file is saved, commands are typed.
fn play_in(name: &str, mut terminal: Terminal) {
    let page = Page::read(&format!("docs/{name}.md"));
    for block in page.blocks() {
        match (block.language.as_str(), block.words.first()) {
            ("hcl" | "toml" | "json" | "sh", Some(file)) if file.contains('.') => {
                terminal.save(file, &block.text)
            }
            ("console", None) => terminal.play(&page, &block),
            _ => {}
        }
    }
    terminal.close();
}

#[test]
fn first_pipeline() {
    play("first-pipeline");
}

#[test]
fn language() {
    play("language");
}

#[test]
fn services() {
    play("services");
}

#[test]
fn operations() {
    play("operations");
}

#[test]
fn guarantee() {
    play("guarantee");
}

#[test]
fn client() {
    play("client");
}

/// Its servers are those that the tests were given.
#[test]
fn scaling() {
    for words in ["DROP DATABASE IF EXISTS pikoci WITH (FORCE)", "DROP ROLE IF EXISTS pikoci"] {
        say_to_postgresql(words).unwrap();
    }
    let database = Login::of(POSTGRESQL);
    let place = |there: &str, here: String| (there.to_owned(), here);
    let places = vec![
        place("postgres@database.internal:5432", database.text()),
        place("database.internal", database.host),
        place("5432", database.port),
        place("broker.internal:4222", address("PIKOCI_TEST_NATS").trim_start_matches("nats://").to_owned()),
    ];
    play_in("scaling", Terminal::among(places));
}

#[test]
fn every_guide_is_played() {
    let played = ["client", "first-pipeline", "guarantee", "language", "operations", "scaling", "services"];
    let guides: Vec<String> = Page::guides().iter().map(Page::name).collect();
    assert_eq!(guides, played, "a test is missing for a page, or a page for a test");
}
