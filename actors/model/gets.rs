//! The gets of a job, each with a key of its own.
//!
//! Several gets of a job may share a name: two of one resource with different `passed`, or two of resources that differ
//! in their type only. Everything that is kept for a get, from its watermark to the version it takes in a build, is kept
//! under its key. The key follows from the steps and stands in no definition.

use std::{borrow::Cow, collections::BTreeMap};

use crate::{
    pipeline::Job,
    step::{GetStep, StepKind},
};

/// A get of a job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyedGet<'a> {
    /// Unique in the job: `app`, and `app#2`, `app#3` … for the later gets of the name. No name holds a `#`.
    pub key: Cow<'a, str>,
    /// Its place among the steps.
    pub index: usize,
    /// What it does.
    pub step: &'a GetStep,
}

impl Job {
    /// Its gets, in plan order. Hooks have none.
    pub fn gets(&self) -> impl Iterator<Item = KeyedGet<'_>> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        self.steps.iter().enumerate().filter_map(move |(index, step)| {
            let StepKind::Get(get) = &step.kind else { return None };
            let count = counts.entry(step.name.as_str()).or_default();
            *count += 1;
            let key = match *count {
                1 => Cow::Borrowed(step.name.as_str()),
                number => Cow::Owned(format!("{}#{number}", step.name)),
            };
            Some(KeyedGet { key, index, step: get })
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn step(name: &str, kind: &serde_json::Value) -> serde_json::Value {
        let hooks = json!({ "on_success": [], "on_failure": [], "on_cancel": [], "ensure": [] });
        json!({ "name": name, "kind": kind, "timeout": null, "attempts": 1, "hooks": hooks })
    }

    fn get(resource: &str) -> serde_json::Value {
        json!({ "get": { "resource": resource, "trigger": true, "passed": [], "mode": "every" } })
    }

    fn job(steps: &[serde_json::Value]) -> Job {
        serde_json::from_value(json!({
            "name": "test", "description": "", "tags": [], "concurrency": 0, "serial_groups": [], "timeout": null,
            "disable_retry": false, "allow_failure": false, "interruptible": false, "on_worker_loss": "retry",
            "steps": steps, "hooks": { "on_success": [], "on_failure": [], "on_cancel": [], "ensure": [] }
        }))
        .unwrap()
    }

    #[test]
    fn each_get_has_a_key_of_its_own() {
        let put = json!({ "put": { "resource": "git.app", "params": {}, "skip_get": false } });
        let job = job(&[
            step("app", &get("git.app")),
            step("lib", &get("git.lib")),
            step("app", &put),
            step("app", &get("fs.app")),
            step("app", &get("git.app")),
        ]);
        let found: Vec<(String, usize, &str)> =
            job.gets().map(|get| (get.key.into_owned(), get.index, get.step.resource.as_str())).collect();
        let expected =
            [("app", 0, "git.app"), ("lib", 1, "git.lib"), ("app#2", 3, "fs.app"), ("app#3", 4, "git.app")];
        assert_eq!(found, expected.map(|(key, index, resource)| (key.to_owned(), index, resource)));
    }
}
