//! What a play leaves behind that must be the same in every play: statuses, causes, and every byte of every log.

use std::collections::BTreeMap;

use serde_json::Value;

use super::script::Script;
use crate::world::api::Api;

/// What came of a play, by what it is of: `job/number` or `job/number path`.
#[derive(Default, Debug, PartialEq, Eq)]
pub struct Record(BTreeMap<String, String>);

impl Record {
    /// Fails with every difference.
    pub fn assert_same(&self, other: &Self, name: &str) {
        let keys = self.0.keys().chain(other.0.keys());
        let differences: std::collections::BTreeSet<String> = keys
            .filter(|key| self.0.get(*key) != other.0.get(*key))
            .map(|key| format!("{key}:\n  plain:  {:?}\n  faulty: {:?}", self.0.get(key), other.0.get(key)))
            .collect();
        let text: Vec<String> = differences.into_iter().collect();
        assert!(text.is_empty(), "{name} differs on a faulty transport:\n{}", text.join("\n"));
    }
}

/// Records every build that the script names. `places` are texts of this play and what stands for them.
pub fn record(script: &Script, api: &Api, places: &[(&str, &str)]) -> Record {
    let mut record = BTreeMap::new();
    for name in script.build.keys() {
        let build = api.done(&script.name, name);
        record.insert(name.clone(), format!("{} {} {}", build["status"], build["cause"], build["run"]));
        for step in flat(&build["steps"]) {
            let path = step["path"].as_str().unwrap();
            let key = format!("{name} {path}");
            if script.varying.contains(&key) {
                continue;
            }
            let log = places
                .iter()
                .fold(api.log(&script.name, name, path), |log, (text, place)| log.replace(text, place));
            record.insert(key, format!("{} {}\n{log}", step["status"], step["attempt"]));
        }
    }
    Record(record)
}

/// Steps with what belongs to them.
pub fn flat(steps: &Value) -> Vec<&Value> {
    let own = |step| std::iter::once(step);
    let list = steps.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().flat_map(|step| own(step).chain(flat(&step["sub_steps"]))).collect()
}
