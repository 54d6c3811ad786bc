//! From a claimed build, or a check that is due, to what its worker is told: self-contained, and nothing it does not need.

use std::collections::BTreeMap;

use pikoci_model::id::{Fence, ResourceId};
use pikoci_model::outcome::Failure;
use pikoci_model::pipeline::{Job, Pipeline, Resource, ResourceType, ServiceType};
use pikoci_model::plan::{BuildPlan, CheckPlan, PlannedResource, PlannedVersion, Types};
use pikoci_model::port::store::ClaimedBuild;
use pikoci_model::step::{Command, Hook, Hooks, Step, StepKind};
use pikoci_model::text::{SecretRef, SecretValue, Text, Value};
use pikoci_model::version::VersionValue;

/// The plan of a claimed build; `url` links to its page.
///
/// # Errors
/// The row and its definition do not fit together; the build cannot run.
pub fn build_plan(claimed: &ClaimedBuild, fence: Fence, url: String) -> Result<BuildPlan, Failure> {
    let (build, parts) = (&claimed.build, &claimed.parts);
    let job = parts.definition.job(&build.job_name).ok_or_else(|| {
        Failure::plain(format!("the pipeline's definition has no job \"{}\"", build.job_name))
    })?;
    let mut needs = Needs::new(&parts.definition, &parts.given_secrets);
    needs.job(job)?;
    let mut resources = BTreeMap::new();
    for (canonical, resource) in std::mem::take(&mut needs.resources) {
        let id = *parts.resources.get(&canonical).ok_or_else(|| missing("resource", &canonical))?;
        resources.insert(canonical, PlannedResource { id, resource: resource.clone() });
    }
    let versions = parts
        .versions
        .iter()
        .map(|(get, version)| (get.clone(), PlannedVersion { id: version.id, value: version.value.clone() }))
        .collect();
    Ok(BuildPlan {
        build: build.id,
        number: build.number,
        fence,
        run: build.run,
        team: parts.team.clone(),
        pipeline: parts.pipeline.clone(),
        cause: build.cause.clone(),
        url,
        inputs: build.inputs.clone(),
        job: job.clone(),
        resources,
        versions,
        types: needs.types,
    })
}

/// What a check plan is made of.
#[derive(Debug, Clone)]
pub struct CheckParts<'a> {
    /// The pipeline's current definition.
    pub definition: &'a Pipeline,
    /// Canonical of the resource.
    pub canonical: &'a str,
    /// Its row.
    pub id: ResourceId,
    /// Number of the lease.
    pub lease: i64,
    /// Canonical of the team.
    pub team: &'a str,
    /// Canonical of the pipeline.
    pub pipeline: &'a str,
    /// The latest known version.
    pub latest: Option<VersionValue>,
    /// Given values of secret-backed variables.
    pub given_secrets: &'a BTreeMap<String, SecretValue>,
}

/// The plan of a check.
///
/// # Errors
/// The resource is not in the definition, or its type has no check.
pub fn check_plan(parts: CheckParts<'_>) -> Result<CheckPlan, Failure> {
    let resource =
        parts.definition.resource(parts.canonical).ok_or_else(|| missing("resource", parts.canonical))?;
    let mut needs = Needs::new(parts.definition, parts.given_secrets);
    needs.resource(resource, Use::Check)?;
    let no_check = |t: &ResourceType| t.check.is_none();
    if needs.types.resource_types.values().any(no_check) {
        return Err(Failure::plain(format!("resource type \"{}\" has no check", resource.type_name)));
    }
    Ok(CheckPlan {
        resource_id: parts.id,
        lease: parts.lease,
        team: parts.team.to_owned(),
        pipeline: parts.pipeline.to_owned(),
        resource: resource.clone(),
        types: needs.types,
        latest: parts.latest,
    })
}

fn missing(what: &str, name: &str) -> Failure {
    Failure::plain(format!("the pipeline's definition has no {what} \"{name}\""))
}

/// For what a resource is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Check,
    Pull,
    Push,
}

/// Collects what a work item refers to, secrets of secrets included.
struct Needs<'a> {
    definition: &'a Pipeline,
    given: &'a BTreeMap<String, SecretValue>,
    types: Types,
    resources: BTreeMap<String, &'a Resource>,
}

impl<'a> Needs<'a> {
    fn new(definition: &'a Pipeline, given: &'a BTreeMap<String, SecretValue>) -> Self {
        Self { definition, given, types: Types::default(), resources: BTreeMap::new() }
    }

    fn job(&mut self, job: &Job) -> Result<(), Failure> {
        self.steps(&job.steps)?;
        self.hooks(&job.hooks)
    }

    fn steps(&mut self, steps: &[Step]) -> Result<(), Failure> {
        steps.iter().try_for_each(|step| {
            self.step(&step.kind)?;
            self.hooks(&step.hooks)
        })
    }

    fn step(&mut self, kind: &StepKind) -> Result<(), Failure> {
        match kind {
            StepKind::Get(get) => self.named_resource(&get.resource, Use::Pull),
            StepKind::Put(put) => {
                self.values(&put.params)?;
                self.named_resource(&put.resource, Use::Push)
            }
            StepKind::Task(task) => {
                self.texts(task.env.values())?;
                self.command(&task.run)
            }
            StepKind::Service(service) => {
                self.values(&service.params)?;
                self.service_type(&service.service_type)
            }
        }
    }

    fn hooks(&mut self, hooks: &Hooks) -> Result<(), Failure> {
        hooks.all().try_for_each(|(_, hook)| match hook {
            Hook::Command(command) => self.command(command),
            Hook::Steps(steps) => self.steps(steps),
        })
    }

    fn named_resource(&mut self, canonical: &str, for_what: Use) -> Result<(), Failure> {
        let resource = self.definition.resource(canonical).ok_or_else(|| missing("resource", canonical))?;
        self.resources.insert(canonical.to_owned(), resource);
        self.resource(resource, for_what)
    }

    fn resource(&mut self, resource: &Resource, for_what: Use) -> Result<(), Failure> {
        let label = &resource.type_name;
        let definition = self.definition;
        let whole = definition.resource_types.get(label).ok_or_else(|| missing("resource type", label))?;
        self.values(&resource.params)?;
        self.values(&whole.defaults)?;
        let command = match for_what {
            Use::Check => &whole.check,
            Use::Pull => &whole.pull,
            Use::Push => &whole.push,
        };
        if let Some(command) = command {
            self.command(command)?;
        }
        let known = self.types.resource_types.entry(label.clone()).or_insert_with(|| ResourceType {
            check: None,
            pull: None,
            push: None,
            ..whole.clone()
        });
        match for_what {
            Use::Check => known.check.clone_from(command),
            Use::Pull => known.pull.clone_from(command),
            Use::Push => known.push.clone_from(command),
        }
        Ok(())
    }

    fn service_type(&mut self, label: &str) -> Result<(), Failure> {
        if self.types.service_types.contains_key(label) {
            return Ok(());
        }
        let definition = self.definition;
        let service: &ServiceType =
            definition.service_types.get(label).ok_or_else(|| missing("service type", label))?;
        self.types.service_types.insert(label.to_owned(), service.clone());
        self.values(&service.defaults)?;
        let probe = service.ready_check.as_ref().map(|check| &check.command);
        let commands = [&service.start, &service.process, &service.stop];
        commands.into_iter().flatten().chain(probe).try_for_each(|command| self.command(command))
    }

    fn command(&mut self, command: &Command) -> Result<(), Failure> {
        if let Some(runner) = self.definition.runner_types.get(&command.runner) {
            self.types.runner_types.insert(command.runner.clone(), runner.clone());
        }
        self.texts(command.path.iter().chain(&command.args).chain(command.env.values()))?;
        self.values(&command.attributes)
    }

    fn values(&mut self, values: &BTreeMap<String, Value>) -> Result<(), Failure> {
        values.values().flat_map(Value::secrets).try_for_each(|secret| self.secret(secret))
    }

    fn texts<'t>(&mut self, mut texts: impl Iterator<Item = &'t Text>) -> Result<(), Failure> {
        texts.try_for_each(|text| text.secrets().try_for_each(|secret| self.secret(secret)))
    }

    fn secret(&mut self, secret: &SecretRef) -> Result<(), Failure> {
        match secret {
            SecretRef::Given { variable } => {
                let value = self.given.get(variable).ok_or_else(|| {
                    Failure::plain(format!("no value is stored for secret variable \"{variable}\""))
                })?;
                self.types.given_secrets.insert(variable.clone(), value.clone());
                Ok(())
            }
            SecretRef::Fetched { secret_type, path, key } => {
                self.texts([path, key].into_iter())?;
                self.secret_type(secret_type)
            }
        }
    }

    fn secret_type(&mut self, label: &str) -> Result<(), Failure> {
        if self.types.secret_types.contains_key(label) {
            return Ok(());
        }
        let definition = self.definition;
        let secret = definition.secret_types.get(label).ok_or_else(|| missing("secret type", label))?;
        self.types.secret_types.insert(label.to_owned(), secret.clone());
        self.values(&secret.config)?;
        self.command(&secret.get)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pikoci_model::pipeline::{CheckInterval, RunnerType, SecretType};
    use pikoci_model::step::PutStep;

    fn command(runner: &str, secret: Option<&str>) -> Command {
        let text = |name: &str| {
            let (path, key) = ("p".into(), "k".into());
            Text::secret(SecretRef::Fetched { secret_type: name.into(), path, key })
        };
        Command { runner: runner.into(), args: secret.map(text).into_iter().collect(), ..Command::default() }
    }

    fn resource(kind: &str, name: &str) -> Resource {
        Resource {
            type_name: kind.into(),
            name: name.into(),
            params: BTreeMap::new(),
            check_interval: CheckInterval::Never,
            tags: vec![],
            cache: false,
            icon: String::new(),
            description: String::new(),
        }
    }

    /// `git` checks with `a`, pulls with `b`, pushes with `c`; secret `outer` is configured by `inner`.
    fn definition() -> Pipeline {
        let git = ResourceType {
            check: Some(command("a", Some("checking"))),
            pull: Some(command("b", Some("outer"))),
            push: Some(command("c", None)),
            ..ResourceType::default()
        };
        let secret = |config| SecretType { get: command("s", None), config };
        let config = BTreeMap::from([(
            "token".to_owned(),
            Value::Scalar(Text::secret(SecretRef::Given { variable: "v".into() })),
        )]);
        let inner =
            BTreeMap::from([("x".to_owned(), Value::Scalar(command("", Some("inner")).args.remove(0)))]);
        let runner = || RunnerType { path: "x".into(), args: vec![] };
        Pipeline {
            resource_types: BTreeMap::from([
                ("git".to_owned(), git),
                ("unused".to_owned(), ResourceType::default()),
            ]),
            resources: vec![resource("git", "app"), resource("unused", "b")],
            runner_types: ["a", "b", "c", "s", "unused"].map(|name| (name.to_owned(), runner())).into(),
            secret_types: [
                ("outer".to_owned(), secret(inner)),
                ("inner".to_owned(), secret(config)),
                ("checking".to_owned(), secret(BTreeMap::new())),
            ]
            .into(),
            ..Pipeline::default()
        }
    }

    fn names<T>(types: &BTreeMap<String, T>) -> Vec<&str> {
        types.keys().map(String::as_str).collect()
    }

    fn check(definition: &Pipeline, canonical: &str) -> Result<CheckPlan, Failure> {
        check_plan(CheckParts {
            definition,
            canonical,
            id: ResourceId(1),
            lease: 3,
            team: "main",
            pipeline: "p",
            latest: None,
            given_secrets: &BTreeMap::new(),
        })
    }

    #[test]
    fn a_check_gets_what_its_check_needs_and_no_more() {
        let plan = check(&definition(), "git.app").unwrap();
        assert_eq!(
            (names(&plan.types.runner_types), names(&plan.types.secret_types)),
            (vec!["a", "s"], vec!["checking"])
        );
        let kind = &plan.types.resource_types["git"];
        assert!(kind.check.is_some() && kind.pull.is_none() && kind.push.is_none());
        assert_eq!(
            check(&definition(), "unused.b").unwrap_err().text,
            "resource type \"unused\" has no check"
        );
        assert!(check(&definition(), "git.x").unwrap_err().text.contains("\"git.x\""));
    }

    #[test]
    fn secrets_of_secrets_and_given_values_are_collected() {
        let (definition, given) =
            (definition(), BTreeMap::from([("v".to_owned(), SecretValue::new("hidden"))]));
        let mut needs = Needs::new(&definition, &given);
        needs.named_resource("git.app", Use::Pull).unwrap();
        assert_eq!(names(&needs.types.secret_types), ["inner", "outer"]);
        assert_eq!(names(&needs.types.given_secrets), ["v"]);
        assert_eq!(names(&needs.types.runner_types), ["b", "s"]);
        let put = PutStep { resource: "git.app".into(), params: BTreeMap::new(), skip_get: false };
        needs.step(&StepKind::Put(put)).unwrap();
        let kind = &needs.types.resource_types["git"];
        assert!(kind.check.is_none() && kind.pull.is_some() && kind.push.is_some());
        let nothing = BTreeMap::new();
        let refused = Needs::new(&definition, &nothing).named_resource("git.app", Use::Pull).unwrap_err();
        assert!(refused.text.contains("secret variable \"v\""), "{refused}");
    }
}
