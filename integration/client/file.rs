//! `pipeline validate`, `fmt` and `graph`: a file without a server.

use serde_json::Value;

use super::shell::Shell;

const GOOD: &str = "variable \"word\" {}\n\njob \"say\" {\n  task \"it\" {\n    run \"exec\" {\n      path = \"echo\"\n      args = [var.word]\n    }\n  }\n}\n";
const BAD: &str = "job \"a\" {\n  get \"git\" \"app\" { trigger = true }\n}\njobb \"b\" {}\n";

#[test]
fn validate_says_valid_or_everything_that_is_wrong() {
    let shell = Shell::new();
    shell.write("good.hcl", GOOD);
    shell.write("bad.hcl", BAD);
    let said = shell.expect(0, &["pipeline", "validate", "good.hcl", "--var", "word=hello"]);
    assert_eq!(said.out, "Valid.\n");
    let said = shell.expect(2, &["pipeline", "validate", "good.hcl"]);
    assert!(said.err.contains("L023") && said.err.contains("\"word\""), "{said:#?}");
    let said = shell.expect(2, &["pipeline", "validate", "bad.hcl"]);
    assert!(said.err.contains("bad.hcl:2,") && said.err.contains("L012"), "{said:#?}");
    assert!(said.err.contains("bad.hcl:4,") && said.err.contains("did you mean \"job\"?"), "{said:#?}");
    shell.expect(2, &["pipeline", "validate", "absent.hcl"]);
    shell.write("fragment.hcl", "job \"a\" {\n  get \"git\" \"app\" { trigger = true }\n}\n");
    shell.expect(2, &["pipeline", "validate", "fragment.hcl"]);
    shell.expect(0, &["pipeline", "validate", "fragment.hcl", "--fragment"]);
    shell.expect(2, &["pipeline", "validate", "fragment.hcl", "--fragment", "--strict"]);
}

#[test]
fn sources_by_http_are_refused_here_as_on_a_server() {
    let shell = Shell::new();
    shell.write("p.hcl", "resource_type \"a\" {\n  source = \"http://127.0.0.1:1/a.hcl\"\n}\n");
    let said = shell.expect(2, &["pipeline", "validate", "p.hcl"]);
    assert!(said.err.contains("p.hcl:2,") && said.err.contains("L040"), "{said:#?}");
    assert!(said.err.contains("--allow-insecure-sources"), "{said:#?}");
    let said = shell.expect(2, &["pipeline", "validate", "p.hcl", "--allow-insecure-sources"]);
    assert!(said.err.contains("L046") && !said.err.contains("L040"), "{said:#?}");
    let said = shell.expect(2, &["run", "--pipeline-config", "p.hcl", "--job", "x"]);
    assert!(said.err.contains("L040"), "{said:#?}");
}

#[test]
fn validate_speaks_json() {
    let shell = Shell::new();
    shell.write("bad.hcl", BAD);
    let said = shell.expect(2, &["pipeline", "validate", "bad.hcl", "--format", "json"]);
    let answer: Value = serde_json::from_str(&said.out).unwrap();
    let first = &answer["errors"][0];
    assert_eq!(answer["valid"], false);
    assert!(first["code"].is_string() && first["line"].is_u64() && first["column"].is_u64(), "{answer:#}");
}

#[test]
fn fmt_rewrites_keeps_comments_and_is_stable() {
    let shell = Shell::new();
    shell.write("p.hcl", "# a word\njob \"a\"   {\n task \"x\" {\n# inside\n   run \"exec\" {\n path=\"echo\"\n  args =  [ \"b\" ]\n }\n}\n}\n");
    shell.expect(1, &["pipeline", "fmt", "--check", "p.hcl"]);
    shell.expect(0, &["pipeline", "fmt", "p.hcl"]);
    let text = std::fs::read_to_string(shell.dir().join("p.hcl")).unwrap();
    assert!(
        text.contains("# a word") && text.contains("# inside") && text.contains("      path = \"echo\""),
        "{text}"
    );
    shell.expect(0, &["pipeline", "fmt", "--check", "p.hcl"]);
    shell.write("torn.hcl", "job \"a\" {\n");
    shell.expect(2, &["pipeline", "fmt", "torn.hcl"]);
    assert_eq!(std::fs::read_to_string(shell.dir().join("torn.hcl")).unwrap(), "job \"a\" {\n");
}

#[test]
fn graph_draws() {
    let shell = Shell::new();
    shell.write("good.hcl", GOOD);
    let dot = shell.expect(0, &["pipeline", "graph", "good.hcl", "--var", "word=x", "--format", "dot"]);
    assert!(dot.out.starts_with("strict digraph") && dot.out.contains("say"), "{}", dot.out);
    let svg = shell.expect(0, &["pipeline", "graph", "good.hcl", "--var", "word=x", "--format", "svg"]);
    assert!(svg.out.contains("<svg") && svg.out.contains("say"), "{}", svg.out);
    shell.write("bad.hcl", BAD);
    shell.expect(2, &["pipeline", "graph", "bad.hcl", "--format", "dot"]);
}

#[test]
fn what_is_not_known_is_refused_with_a_suggestion() {
    let shell = Shell::new();
    let said = shell.expect(2, &["server", "--db-sistem", "mem"]);
    assert!(said.err.contains("--db-system"), "{said:#?}");
    let said = shell.expect(2, &["pipelin", "validate"]);
    assert!(said.err.contains("pipeline"), "{said:#?}");
    shell.write("p.toml", "db-sistem = \"mem\"\n");
    let said = shell.expect(2, &["server", "--config", "p.toml"]);
    assert!(said.err.contains("db-system"), "{said:#?}");
    let said = shell.expect(2, &["server", "--pubsub-system", "mem", "--run-worker=false"]);
    assert!(said.err.contains("run-worker"), "{said:#?}");
    shell.write("bad.hcl", BAD);
    let said = shell.expect(2, &["server", "--listen", "127.0.0.1:0", "--pipeline-config", "bad.hcl"]);
    assert!(said.err.contains("bad.hcl:4,"), "{said:#?}");
}
