//! `good/*.hcl` becomes the model of its snapshot, `bad/*.hcl` the messages of its snapshot.

use std::path::PathBuf;

use pikoci_language::Code;
use pikoci_model::port::Compiler;
use serde_json::Value;

use crate::case::Case;

fn cases(folder: &str) -> Vec<Case> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "hcl"));
    files.sort();
    files.iter().map(|path| Case::read(path)).collect()
}

fn snapshot(folder: &str, name: &str, text: &str) {
    insta::with_settings!({
        snapshot_path => folder,
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, text);
    });
}

#[tokio::test]
async fn good_files_become_models() {
    for case in cases("good") {
        let (compilation, messages) = case.compile().await;
        let pipeline =
            compilation.pipeline.unwrap_or_else(|| panic!("{} is refused:\n{messages}", case.name));
        let mut text =
            serde_json::to_string_pretty(&shown(serde_json::to_value(pipeline).unwrap(), &case)).unwrap();
        if !messages.is_empty() {
            text = format!("{text}\n\n{messages}");
        }
        snapshot("good", &case.name, &text);
    }
}

#[tokio::test]
async fn bad_files_are_refused_with_exact_messages() {
    let mut shown = Vec::new();
    for case in cases("bad") {
        let (compilation, messages) = case.compile().await;
        let code = case.name.split('_').next().unwrap_or_default();
        assert!(
            compilation.diagnostics.iter().any(|diagnostic| diagnostic.code == code),
            "{} does not show {code}:\n{messages}",
            case.name
        );
        assert_eq!(compilation.pipeline.is_some(), code.starts_with('W'), "{}:\n{messages}", case.name);
        snapshot("bad", &case.name, &messages);
        shown.push(code.to_owned());
    }
    for code in Code::ALL {
        assert!(shown.contains(&code.to_string()), "no bad/{code}_*.hcl");
    }
}

#[tokio::test]
async fn formatted_files_mean_the_same_and_stay_as_they_are() {
    let compiler = pikoci_language::LanguageCompiler::default();
    for case in cases("good") {
        let (before, _) = case.compile().await;
        let formatted = case.format(&compiler);
        assert_eq!(formatted.format(&compiler).text(), formatted.text(), "{} is not stable", case.name);
        let (after, messages) = formatted.compile().await;
        assert_eq!(
            after.pipeline.map(strip),
            before.pipeline.map(strip),
            "{} changes its meaning:\n{messages}\n{}",
            case.name,
            formatted.text()
        );
    }
    let _: &dyn Compiler = &compiler;
}

/// The model without what is empty; of built-ins only that they are there, because they have tests of their own.
fn shown(mut pipeline: Value, case: &Case) -> Value {
    for kind in ["resource_type", "secret_type", "service_type"] {
        let types = pipeline.get_mut(format!("{kind}s")).and_then(Value::as_object_mut).unwrap();
        for (label, definition) in types {
            let declared = case.text().contains(&format!("{kind} \"{label}\""));
            let sourced = case.text().contains(&format!("{kind} \"{label}\" {{\n  source = \"pikoci://"));
            if !declared || sourced {
                *definition = Value::from("built-in");
            }
        }
    }
    for source in pipeline.get_mut("sources").and_then(Value::as_array_mut).unwrap() {
        let url = source["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        source["url"] = Value::from(url);
    }
    without_empty(pipeline)
}

fn without_empty(value: Value) -> Value {
    let is_empty = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_u64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
    };
    match value {
        Value::Object(entries) => entries
            .into_iter()
            .map(|(key, value)| (key, without_empty(value)))
            .filter(|(_, value)| !is_empty(value))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_empty).collect(),
        other => other,
    }
}

/// Without what depends on the server's port.
fn strip(mut pipeline: pikoci_model::pipeline::Pipeline) -> pikoci_model::pipeline::Pipeline {
    pipeline.sources.clear();
    pipeline
}
