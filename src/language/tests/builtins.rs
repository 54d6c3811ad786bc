//! Every built-in type can be used, declared, undeclared and under each of its names.

use std::path::PathBuf;

use pikoci_language::LanguageCompiler;
use pikoci_model::port::{CompileRequest, Compiler};

/// What every built-in service takes.
const COMMON: [&str; 7] = ["runtime", "version", "port", "image", "env", "data_tmpfs", "pull_policy"];

/// Kind and name of every built-in type, read from the files themselves.
fn builtins() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../builtin");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let (kind, name) = (words.next().unwrap_or(""), words.next().unwrap_or("").trim_matches('"'));
            if kind.ends_with("_type") {
                found.push((kind.to_owned(), name.to_owned()));
            }
        }
    }
    let aliases = [("service_type", "postgres"), ("service_type", "pg"), ("service_type", "rabbit")];
    found.extend(aliases.map(|(kind, name)| (kind.to_owned(), name.to_owned())));
    found
}

fn usage(kind: &str, name: &str) -> String {
    match kind {
        "resource_type" => {
            format!("resource \"{name}\" \"it\" {{}}\njob \"a\" {{\n  get \"{name}\" \"it\" {{}}\n}}\n")
        }
        "secret_type" => format!(
            "variable \"s\" {{\n  secret \"{name}\" {{\n    path = \"p\"\n    key  = \"k\"\n  }}\n}}\njob \"a\" {{\n  \
             task \"t\" {{\n    run \"exec\" {{\n      env = {{ S = var.s }}\n    }}\n  }}\n}}\n"
        ),
        _ => format!("job \"a\" {{\n  service \"{name}\" {{}}\n}}\n"),
    }
}

#[tokio::test]
async fn built_ins_need_no_declaration_and_may_have_one() {
    let compiler = LanguageCompiler::default();
    for (kind, name) in builtins() {
        let used = usage(&kind, &name);
        let sourced = format!("{kind} \"{name}\" {{\n  source = \"pikoci://{name}\"\n}}\n{used}");
        let overlaid = format!("{kind} \"{name}\" {{\n  params = [\"extra\"]\n}}\n{used}");
        for text in [used, sourced, overlaid] {
            let request = CompileRequest {
                file: "pipeline.hcl".to_owned(),
                source: text.clone().into_bytes(),
                vars: std::collections::BTreeMap::new(),
                now: chrono::DateTime::UNIX_EPOCH,
                fragment: false,
                lenient_vars: false,
                fetch: false,
                strict: true,
            };
            let compilation = compiler.compile(request).await;
            let messages: Vec<String> =
                compilation.diagnostics.iter().map(|it| compiler.render(it)).collect();
            assert_eq!(messages, Vec::<String>::new(), "{text}");
            let pipeline = compilation.pipeline.unwrap();
            match kind.as_str() {
                "resource_type" => assert!(pipeline.resource_types.contains_key(&name)),
                "secret_type" => assert!(pipeline.secret_types.contains_key(&name)),
                _ => {
                    let service = &pipeline.service_types[&name];
                    assert!(service.builtin.is_some());
                    for param in COMMON {
                        assert!(service.params.iter().any(|it| it == param), "{name} does not take {param}");
                    }
                }
            }
        }
    }
}
