//! Asking secret types: layer by layer, each (type, path) once, the answer never logged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pikoci_model::id::StepPath;
use pikoci_model::outcome::{Failure, RunCode};
use pikoci_model::pipeline::SecretType;
use pikoci_model::plan::Types;
use pikoci_model::port::{LogSink, ProcessEnd};
use pikoci_model::text::{SecretRef, SecretValue, Text, Value};

use super::conduct::{Conducted, Ear, Halt, Order, Runner, conduct, ended_failure};
use super::secrets::{Fetch, Secrets, closure, next_layer, pick, secret_type_of};
use super::site::{Ground, Layers, Specifics};
use super::step_log::Tail;
use crate::decide::walk::duration_text;

/// What is kept of a failing command's error output, in bytes.
const KEPT: usize = 4096;

/// Resolves `roots` with everything they need, and gives every value to the masker before it is used.
///
/// # Errors
/// `R101`, `R102`, `R103`; none of them holds a value.
pub(crate) async fn resolve(
    ground: &Ground,
    types: &Types,
    roots: BTreeSet<SecretRef>,
    ear: &mut Ear,
) -> Result<Secrets, Failure> {
    let mut known = Secrets::default();
    let given: Vec<SecretValue> = types.given_secrets.values().cloned().collect();
    ground.item.mask(&given);
    let needed = closure(roots, types, &mut known)?;
    let mut layer = 0;
    while let Some(fetches) = next_layer(&needed, &known, types, layer)? {
        for (index, fetch) in fetches.iter().enumerate() {
            let step = StepPath(format!("secret.{layer}.{index}"));
            let values = ask(ground, types, fetch, &known, &step, ear).await?;
            let plain: Vec<SecretValue> = values.iter().map(|(_, value)| value.clone()).collect();
            ground.item.mask(&plain);
            for (reference, value) in values {
                known.insert(reference, value);
            }
        }
        layer += 1;
    }
    Ok(known)
}

async fn ask(
    ground: &Ground,
    types: &Types,
    fetch: &Fetch,
    known: &Secrets,
    step: &StepPath,
    ear: &mut Ear,
) -> Result<Vec<(SecretRef, SecretValue)>, Failure> {
    let declared = secret_type_of(&fetch.secret_type, types)?;
    let path = path_of(fetch, declared);
    let refused = |reason: &str| {
        let text = format!("secret {}:{path}: {reason}", fetch.secret_type);
        Failure::coded(RunCode::R103, text)
    };
    if !ground.settings.fetch_secrets {
        return Err(refused("fetching secrets is not allowed here; give the value of its variable"));
    }
    let mut params = declared.config.clone();
    params.insert("path".to_owned(), Value::Scalar(path.clone()));
    let plain = ground.ports.workplace.secret_environment();
    let specifics = Specifics { params, plain, ..Specifics::default() };
    let nothing = BTreeMap::new();
    let tail = Tail::new(KEPT);
    let sink: Arc<dyn LogSink> = Arc::clone(&tail) as _;
    let layers = Layers {
        step_env: None,
        command: &declared.get,
        exports: &nothing,
        specifics: &specifics,
        hook: None,
        output: None,
        cache_dir: None,
    };
    let order = Order {
        layers,
        step,
        attempt: 1,
        sink: Some(&sink),
        capture: true,
        hide_stdout: true,
        limit: Some(ground.settings.secret_limit),
    };
    let runner = Runner { types: &types.runner_types, host_services: false, labels: &[] };
    let conducted = conduct(ground, known, runner, order, ear).await?;
    let told = conducted.end.as_ref().and_then(answer).unwrap_or_default();
    let end = succeeded(conducted).map_err(|reason| refused(&with_output(&reason, &tail, &told)))?;
    let object = answer(&end).ok_or_else(|| refused("the last line of its answer is not a JSON object"))?;
    let about = (fetch.secret_type.as_str(), path);
    let picked = fetch.wanted.iter().map(|(reference, key)| {
        let key = known.clear(key)?;
        Ok((reference.clone(), pick(&object, about, &key.text)?))
    });
    picked.collect()
}

/// A reference without a path means the one that its type names.
fn path_of<'a>(fetch: &'a Fetch, declared: &'a SecretType) -> &'a Text {
    match declared.config.get("path") {
        Some(Value::Scalar(own)) if fetch.path.is_empty() => own,
        _ => &fetch.path,
    }
}

fn succeeded(conducted: Conducted) -> Result<ProcessEnd, String> {
    match conducted {
        Conducted { halt: Some(Halt::Interrupted(_)), .. } => Err("it was interrupted".to_owned()),
        Conducted { halt: Some(Halt::TimedOut(limit)), .. } => {
            Err(format!("it took longer than {}", duration_text(limit)))
        }
        Conducted { end: Some(end), .. } if end.ended.is_success() => Ok(end),
        Conducted { end: Some(end), .. } => Err(ended_failure(&end.ended).to_string()),
        Conducted { end: None, .. } => Err("its command is empty".to_owned()),
    }
}

/// The error output was masked on its way here, but not with what a command that failed has answered all the same.
fn with_output(reason: &str, tail: &Tail, told: &serde_json::Map<String, serde_json::Value>) -> String {
    let mut output = tail.text().trim().to_owned();
    let mut values: Vec<&str> = told.values().flat_map(strings).filter(|value| !value.is_empty()).collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    for value in values {
        output = output.replace(value, "***");
    }
    if output.is_empty() { reason.to_owned() } else { format!("{reason}: {output}") }
}

/// Every text in a value.
fn strings(value: &serde_json::Value) -> Vec<&str> {
    match value {
        serde_json::Value::String(text) => vec![text],
        serde_json::Value::Array(items) => items.iter().flat_map(strings).collect(),
        serde_json::Value::Object(items) => items.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

fn answer(end: &ProcessEnd) -> Option<serde_json::Map<String, serde_json::Value>> {
    let line = end.captured.last_line.as_ref().filter(|_| !end.captured.cut)?;
    serde_json::from_slice(line).ok()
}
