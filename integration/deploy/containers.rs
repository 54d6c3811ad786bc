//! The compose file and the Dockerfile fit each other. They are not built here: no registry has their base images.

use yaml_rust2::{Yaml, YamlLoader};

use super::{directory, read};

fn compose() -> Yaml {
    YamlLoader::load_from_str(&read("docker/compose.yaml")).unwrap().remove(0)
}

/// The stages that the Dockerfile names.
fn stages() -> Vec<String> {
    let text = read("docker/Dockerfile");
    let froms = text.lines().filter_map(|line| line.strip_prefix("FROM "));
    froms.filter_map(|from| Some(from.split_once(" AS ")?.1.to_owned())).collect()
}

#[test]
fn services_are_built_from_stages_that_exist_or_have_an_image() {
    let (compose, stages) = (compose(), stages());
    for (name, service) in compose["services"].as_hash().unwrap() {
        let name = name.as_str().unwrap();
        if let Some(target) = service["build"]["target"].as_str() {
            assert!(stages.iter().any(|stage| stage == target), "{name}: no stage {target} in {stages:?}");
            let root = directory().join("docker").join(service["build"]["context"].as_str().unwrap());
            assert!(root.join(service["build"]["dockerfile"].as_str().unwrap()).is_file(), "{name}");
        } else {
            assert!(service["image"].as_str().is_some(), "{name}");
        }
        for (other, _) in service["depends_on"].as_hash().into_iter().flatten() {
            assert!(!compose["services"][other.as_str().unwrap()].is_badvalue(), "{name} needs {other:?}");
        }
    }
}

#[test]
fn a_worker_has_time_to_stop_its_services() {
    let compose = compose();
    let grace = compose["services"]["worker"]["stop_grace_period"].as_str().unwrap();
    let seconds: u32 = grace.strip_suffix('s').unwrap().parse().unwrap();
    // A step's grace and the time for all stops of a build.
    assert!(seconds > 10 + 300);
}

#[test]
fn every_stage_begins_from_an_image_or_an_earlier_stage() {
    let text = read("docker/Dockerfile");
    let mut known: Vec<&str> = Vec::new();
    for from in text.lines().filter_map(|line| line.strip_prefix("FROM ")) {
        let (base, stage) = from.split_once(" AS ").unwrap();
        assert!(known.contains(&base) || base.contains(':'), "{base}");
        known.push(stage);
    }
    assert!(
        text.lines()
            .filter(|line| line.starts_with("COPY --from="))
            .all(|copy| { known.iter().any(|stage| copy.starts_with(&format!("COPY --from={stage} "))) })
    );
}
