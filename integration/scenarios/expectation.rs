//! Comparing what came of a scenario with what is written.

use serde_json::Value;

use super::{
    record::flat,
    script::{Expected, Script},
};
use crate::world::api::Api;

/// Compares every build that is named; a job that is named may have no others.
pub fn check(script: &Script, api: &Api, fill: &dyn Fn(&str) -> String) {
    let mut problems = Vec::new();
    for (name, expected) in &script.build {
        let build = api.done(&script.name, name);
        let before = problems.len();
        compare(script, api, name, &build, expected, fill, &mut problems);
        if problems.len() > before {
            problems.extend(said(script, api, name, &build));
        }
    }
    let jobs: std::collections::BTreeSet<&str> =
        script.build.keys().map(|name| name.split_once('/').unwrap().0).collect();
    for job in jobs {
        let path = format!("/api/v1/teams/main/pipelines/{}/jobs/{job}/builds?limit=500", script.name);
        for build in api.get(&path).body["data"].as_array().unwrap() {
            let name = format!("{job}/{}", build["build_number"].as_str().unwrap());
            if !script.build.contains_key(&name) {
                problems.push(format!("{name} exists and is {}", build["status"]));
            }
        }
    }
    assert!(problems.is_empty(), "{} ({}):\n{}", script.name, script.about, problems.join("\n"));
}

fn compare(
    script: &Script,
    api: &Api,
    name: &str,
    build: &Value,
    expected: &Expected,
    fill: &dyn Fn(&str) -> String,
    problems: &mut Vec<String>,
) {
    let mut differ = |what: &str, found: &str, wanted: &str| {
        problems.push(format!("{name}: {what} is {found:?}, expected {wanted:?}; error: {}", build["error"]));
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text(&build["status"]) != expected.status {
        differ("status", &text(&build["status"]), &expected.status);
    }
    if let Some(part) = &expected.error {
        let (error, wanted) = (text(&build["error"]), fill(part));
        if !(error.contains(&wanted) || (wanted == "-" && error.is_empty())) {
            differ("error", &error, &wanted);
        }
    }
    for (field, wanted) in
        [("cause", expected.cause.clone()), ("run", expected.run.map(|run| run.to_string()))]
    {
        if let Some(wanted) = wanted
            && text(&build[field]) != wanted
        {
            differ(field, &text(&build[field]), &wanted);
        }
    }
    for (path, wanted) in &expected.steps {
        let found = find(flat(&build["steps"]), "path", path)
            .map_or("absent".to_owned(), |step| text(&step["status"]));
        if found != *wanted {
            differ(&format!("step {path}"), &found, wanted);
        }
    }
    for (service, wanted) in &expected.services {
        let found = find(flat(&build["services"]), "name", service)
            .map_or("absent".to_owned(), |s| text(&s["status"]));
        if found != *wanted {
            differ(&format!("service {service}"), &found, wanted);
        }
    }
    for (step, wanted) in &expected.log {
        let (log, wanted) = (api.log(&script.name, name, step), fill(wanted));
        let fits = match (wanted.strip_prefix('~'), wanted.strip_prefix('!')) {
            (Some(part), _) => log.contains(part),
            (_, Some(part)) => !log.contains(part),
            _ => log == wanted,
        };
        if !fits {
            differ(&format!("log of {step}"), &log, &wanted);
        }
    }
    let whole = build.to_string();
    for secret in &script.nowhere {
        if whole.contains(secret.as_str()) {
            differ("the answer", "a text that may appear nowhere", secret);
        }
    }
}

/// What the steps of a build said last: why a server did not start stands nowhere else.
fn said(script: &Script, api: &Api, name: &str, build: &Value) -> Vec<String> {
    let steps = flat(&build["steps"]).into_iter().filter_map(|step| step["path"].as_str());
    let logs = steps.map(|path| (path, api.log(&script.name, name, path)));
    logs.filter(|(_, log)| !log.is_empty())
        .map(|(path, log)| {
            let lines: Vec<&str> = log.lines().collect();
            format!("{name}: {path} said:\n  {}", lines[lines.len().saturating_sub(100)..].join("\n  "))
        })
        .collect()
}

fn find<'a>(list: Vec<&'a Value>, key: &str, wanted: &str) -> Option<&'a Value> {
    list.into_iter().find(|item| item[key] == wanted)
}
