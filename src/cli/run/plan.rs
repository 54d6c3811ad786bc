//! What is local about a local run, as a change of the plan: pure.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use pikoci_model::{
    pipeline::{CheckInterval, Job, Pipeline, Resource, ResourceType},
    step::{Command, Hook, Hooks, Step, StepKind},
    text::{SecretValue, Text, Value},
    version::VersionValue,
};

use super::Asked;

/// Type of the resources that stand for a directory of this machine. No user's type has a name with a dot.
const LOCAL_TYPE: &str = "local.copy";

/// A job that is ready to be given versions.
pub struct Prepared {
    pub name: String,
    pub pipeline: Pipeline,
    pub job: Job,
    pub secrets: BTreeMap<String, SecretValue>,
    /// Steps that were taken out, as shown: `put git app`.
    pub skipped: Vec<String>,
    /// Versions that are known already, by canonical of the resource.
    pub known: BTreeMap<String, VersionValue>,
}

/// Takes the job out of the pipeline, with overrides in place of resources and without what is skipped.
///
/// # Errors
/// There is no such job, a get's resource is neither declared nor overridden, or a secret would have to be fetched.
pub fn prepare(
    asked: &Asked,
    name: &str,
    mut pipeline: Pipeline,
    secrets: BTreeMap<String, SecretValue>,
) -> Result<Prepared, String> {
    let mut job = pipeline.job(&asked.job).cloned().ok_or_else(|| unknown_job(&asked.job, &pipeline))?;
    let mut skipped = Vec::new();
    if !asked.with_puts {
        job.steps = without_puts(job.steps, &mut skipped);
        job.hooks = hooks_without_puts(job.hooks, &mut skipped);
    }
    let mut known = BTreeMap::new();
    for step in &mut job.steps {
        let StepKind::Get(get) = &mut step.kind else { continue };
        if let Some(path) = asked.resources.get(&get.resource) {
            let resource = override_resource(&pipeline, &get.resource, &step.name, path);
            get.resource = resource.canonical();
            known.insert(get.resource.clone(), head());
            pipeline.resources.push(resource);
        } else if pipeline.resource(&get.resource).is_none() {
            return Err(format!(
                "resource \"{0}\" is not declared; give it with --resource {0}=PATH",
                get.resource
            ));
        } else if let Some(version) = asked.versions.get(&get.resource) {
            known.insert(get.resource.clone(), version.clone());
        }
    }
    pipeline.resource_types.insert(LOCAL_TYPE.to_owned(), copying_type());
    let place = pipeline.jobs.iter_mut().find(|candidate| candidate.name == asked.job);
    if let Some(place) = place {
        *place = job.clone();
    }
    Ok(Prepared { name: name.to_owned(), pipeline, job, secrets, skipped, known })
}

/// The version of what has none: a copied directory, or a repository that cannot be asked.
pub fn head() -> VersionValue {
    VersionValue(BTreeMap::from([("ref".to_owned(), serde_json::Value::from("HEAD"))]))
}

fn unknown_job(name: &str, pipeline: &Pipeline) -> String {
    let names: Vec<&str> = pipeline.jobs.iter().map(|job| job.name.as_str()).collect();
    format!(
        "no job \"{name}\" (there {})",
        match names.as_slice() {
            [] => "is none".to_owned(),
            [one] => format!("is \"{one}\""),
            many => format!("are {}", many.join(", ")),
        }
    )
}

fn without_puts(steps: Vec<Step>, skipped: &mut Vec<String>) -> Vec<Step> {
    let mut kept = Vec::new();
    for mut step in steps {
        if let StepKind::Put(put) = &step.kind {
            skipped.push(format!("put {} {}", put.resource.split('.').next().unwrap_or_default(), step.name));
            continue;
        }
        step.hooks = hooks_without_puts(step.hooks, skipped);
        kept.push(step);
    }
    kept
}

fn hooks_without_puts(hooks: Hooks, skipped: &mut Vec<String>) -> Hooks {
    let mut clean = |hooks: Vec<Hook>| -> Vec<Hook> {
        let hooks = hooks.into_iter().map(|hook| match hook {
            Hook::Steps(steps) => Hook::Steps(without_puts(steps, skipped)),
            command @ Hook::Command(_) => command,
        });
        hooks.collect()
    };
    Hooks {
        on_success: clean(hooks.on_success),
        on_failure: clean(hooks.on_failure),
        on_cancel: clean(hooks.on_cancel),
        ensure: clean(hooks.ensure),
    }
}

/// The resource's own directory name, else the step's.
fn override_resource(pipeline: &Pipeline, canonical: &str, step: &str, from: &Path) -> Resource {
    let declared = pipeline.resource(canonical).and_then(|resource| match resource.params.get("name") {
        Some(Value::Scalar(name)) => name.as_literal().map(str::to_owned),
        _ => None,
    });
    let scalar = |text: String| Value::Scalar(Text::literal(text));
    let params = BTreeMap::from([
        ("from".to_owned(), scalar(path_text(from))),
        ("to".to_owned(), scalar(declared.unwrap_or_else(|| step.to_owned()))),
    ]);
    Resource {
        type_name: LOCAL_TYPE.to_owned(),
        name: canonical.to_owned(),
        params,
        check_interval: CheckInterval::Never,
        tags: Vec::new(),
        cache: false,
        icon: String::new(),
        description: String::new(),
    }
}

fn path_text(path: &Path) -> String {
    PathBuf::from(path).to_string_lossy().into_owned()
}

fn copying_type() -> ResourceType {
    let script = "mkdir -p \"$(dirname \"$param_to\")\"\n\
                  if [ -d \"$param_from\" ]; then mkdir -p \"$param_to\"; cp -a \"$param_from/.\" \"$param_to/\"\n\
                  else cp -a \"$param_from\" \"$param_to\"; fi\n\
                  echo \"copied $param_from\"";
    let pull = Command {
        runner: "exec".to_owned(),
        path: Some(Text::literal("/bin/sh")),
        args: vec![Text::literal("-ec"), Text::literal(script)],
        ..Command::default()
    };
    ResourceType {
        params: vec!["from".to_owned(), "to".to_owned()],
        pull: Some(pull),
        ..ResourceType::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job_with(steps: Vec<Step>) -> Pipeline {
        let job: Job = serde_json::from_value(serde_json::json!({
            "name": "test", "description": "", "tags": [], "concurrency": 0, "serial_groups": [], "timeout": null,
            "disable_retry": false, "allow_failure": false, "interruptible": false, "on_worker_loss": "retry",
            "steps": steps, "hooks": {"on_success": [], "on_failure": [], "on_cancel": [], "ensure": []}
        }))
        .unwrap();
        Pipeline { jobs: vec![job], ..Pipeline::default() }
    }

    fn step(name: &str, kind: serde_json::Value) -> Step {
        let hooks = Hooks::default();
        Step {
            name: name.into(),
            kind: serde_json::from_value(kind).unwrap(),
            timeout: None,
            attempts: 1,
            hooks,
        }
    }

    fn resource(type_name: &str) -> Resource {
        Resource {
            type_name: type_name.into(),
            name: "app".into(),
            params: BTreeMap::new(),
            check_interval: CheckInterval::Never,
            tags: vec![],
            cache: false,
            icon: String::new(),
            description: String::new(),
        }
    }

    fn asked() -> Asked {
        Asked {
            file: "pipeline.hcl".into(),
            job: "test".into(),
            resources: BTreeMap::new(),
            versions: BTreeMap::new(),
            with_puts: false,
            no_secrets: false,
            keep_workdir: false,
            state_dir: None,
            dry_run: false,
        }
    }

    fn get() -> Step {
        let kind = serde_json::json!({"get": {"resource": "git.app", "trigger": true, "passed": [], "mode": "every"}});
        step("app", kind)
    }

    #[test]
    fn an_override_stands_for_an_undeclared_resource() {
        let mut asked = asked();
        asked.resources.insert("git.app".into(), "/srv/app".into());
        let prepared = prepare(&asked, "pipeline", job_with(vec![get()]), BTreeMap::new()).unwrap();
        let StepKind::Get(get) = &prepared.job.steps[0].kind else { panic!("the get stays a get") };
        let resource = prepared.pipeline.resource(&get.resource).unwrap();
        assert_eq!(resource.params["to"], Value::Scalar(Text::literal("app")));
        assert!(prepared.known.contains_key(&get.resource));
    }

    #[test]
    fn a_given_version_is_of_its_resource_alone() {
        let mut asked = asked();
        asked.versions.insert("git.app".into(), head());
        let other = serde_json::json!({"get": {"resource": "fs.app", "trigger": true, "passed": [], "mode": "every"}});
        let mut pipeline = job_with(vec![get(), step("app", other)]);
        pipeline.resources = ["git", "fs"].map(resource).to_vec();
        let prepared = prepare(&asked, "pipeline", pipeline, BTreeMap::new()).unwrap();
        assert_eq!(prepared.known.keys().collect::<Vec<_>>(), ["git.app"]);
    }

    #[test]
    fn without_an_override_it_is_named() {
        let error = prepare(&asked(), "pipeline", job_with(vec![get()]), BTreeMap::new()).err().unwrap();
        assert!(error.contains("--resource git.app=PATH"), "{error}");
        let mut other = asked();
        other.job = "tset".into();
        assert!(
            prepare(&other, "p", job_with(vec![]), BTreeMap::new())
                .err()
                .unwrap()
                .contains("there is \"test\"")
        );
    }

    #[test]
    fn puts_are_taken_out_unless_asked_for() {
        let put =
            step("app", serde_json::json!({"put": {"resource": "git.app", "params": {}, "skip_get": false}}));
        let prepared = prepare(&asked(), "pipeline", job_with(vec![put]), BTreeMap::new()).unwrap();
        assert!(prepared.job.steps.is_empty());
        assert_eq!(prepared.skipped, ["put git app"]);
    }
}
