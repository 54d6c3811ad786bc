//! Alerts and dashboard ask only for what a server tells.

use std::collections::BTreeSet;

use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

use super::{WITH_A_BROKER, read};
use crate::world::program::Start;

fn yaml(file: &str) -> Yaml {
    let all = YamlLoader::load_from_str(&read(file)).unwrap_or_else(|error| panic!("deploy/{file}: {error}"));
    all.into_iter().next().unwrap()
}

/// The names of metrics in an expression.
fn metrics(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = |word: &&str| ["http_", "pikoci_", "process_"].iter().any(|start| word.starts_with(start));
    words.filter(ours).map(str::to_owned).collect()
}

/// Everything that a server without a broker may tell: samples, and families that have none yet.
fn told() -> BTreeSet<String> {
    let home = tempfile::tempdir().unwrap();
    let server = Start::new(home.path()).server();
    // A first answer, so that there is one to tell of.
    assert_eq!(server.api().get("/health").status, 200);
    let text =
        ureq::get(&format!("{}/metrics", server.url)).call().unwrap().body_mut().read_to_string().unwrap();
    let samples =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(['{', ' ']).next());
    let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    samples.chain(families).map(str::to_owned).collect()
}

fn alerts() -> Vec<String> {
    let file = yaml("prometheus/alerts.yml");
    let groups = file["groups"].as_vec().unwrap();
    let rules = groups.iter().flat_map(|group| group["rules"].as_vec().unwrap());
    rules
        .map(|rule| {
            assert!(rule["alert"].as_str().is_some() && rule["annotations"]["summary"].as_str().is_some());
            rule["expr"].as_str().unwrap().to_owned()
        })
        .collect()
}

fn dashboard() -> Vec<String> {
    let file: Value = serde_json::from_str(&read("grafana/pikoci.json")).unwrap();
    let panels = file["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn alerts_and_dashboard_name_metrics_that_a_server_has() {
    let told = told();
    let expressions = alerts().into_iter().chain(dashboard());
    for expression in expressions {
        let mut unknown: Vec<String> = metrics(&expression).difference(&told).cloned().collect();
        unknown.retain(|name| !WITH_A_BROKER.contains(&name.as_str()));
        assert!(unknown.is_empty(), "{expression}: {unknown:?}");
        let balanced = [('(', ')'), ('{', '}'), ('[', ']')]
            .iter()
            .all(|(open, close)| expression.matches(*open).count() == expression.matches(*close).count());
        assert!(balanced, "{expression}");
    }
}

/// Brokers repeat by themselves, and a repeated envelope does no harm: nobody is called for that.
#[test]
fn what_a_broker_repeats_alarms_nobody() {
    assert!(alerts().iter().all(|expression| !expression.contains("repeated")));
}

#[test]
fn the_scrape_reads_the_alerts_and_the_right_page() {
    let file = yaml("prometheus/prometheus.yml");
    assert_eq!(file["rule_files"][0].as_str(), Some("alerts.yml"));
    assert_eq!(file["scrape_configs"][0]["metrics_path"].as_str(), Some("/metrics"));
    assert_eq!(file["scrape_configs"][0]["job_name"].as_str(), Some("pikoci"));
}
