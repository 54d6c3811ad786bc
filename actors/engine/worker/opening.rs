//! Before the first step: a work directory, a slot, a shim, and the secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use pikoci_model::outcome::Failure;
use pikoci_model::pipeline::Resource;
use pikoci_model::plan::{BuildPlan, Types};
use pikoci_model::port::{Item, ItemBuild, WorkItem, Workdir};
use pikoci_model::step::{Command, Hook, Hooks, Step, StepKind};
use pikoci_model::text::{SecretRef, Text, Value};

use super::build::{BuildAsk, remove};
use super::conduct::{Ear, launch_failure, workplace_failure};
use super::fetch::resolve;
use super::secrets::{HasSecrets, Secrets};
use super::site::{Ground, Site};

/// Opens a build's site.
pub(crate) struct Opening {
    pub ask: BuildAsk,
}

/// A site, and why its secrets could not be had, if so. A site without its secrets is still a site: what it opened
/// has to be closed.
pub(crate) struct Opened {
    pub site: Arc<Site>,
    pub trouble: Option<Failure>,
}

impl Opening {
    /// Opens the site. What was opened before an error is closed again.
    ///
    /// # Errors
    /// The host has no directory, no slot or no shim.
    pub(crate) async fn open(self, mut ear: Ear) -> Result<Opened, Failure> {
        let plan = &self.ask.plan;
        let workplace = &self.ask.ports.workplace;
        let workdir = workplace.make_workdir().await.map_err(|error| workplace_failure(&error))?;
        // A build is opened once, so the line is free, here and below.
        let _ = self.ask.lifeline.workdir.set(workdir.clone());
        let name = format!("b-{}-{}", plan.build, plan.fence.claim());
        let build = ItemBuild {
            build: plan.build,
            fence: plan.fence,
            run: plan.run,
            number: plan.number.to_string(),
            job: format!("{}/{}/{}", plan.team, plan.pipeline, plan.job.name),
        };
        let item = Item { name: name.clone(), workdir: workdir.path.clone(), build: Some(build) };
        let item = match self.ask.ports.launcher.open(item).await {
            Ok(item) => item,
            Err(error) => return Err(self.give_back(&workdir, launch_failure(error)).await),
        };
        self.ask.outbox.hide(item.masker());
        let ground = Ground { name, ..self.ground(workdir, item) };
        let types = Arc::new(plan.types.clone());
        let (secrets, trouble) = match resolve(&ground, &types, secrets_of_build(plan), &mut ear).await {
            Ok(secrets) => (secrets, None),
            Err(failure) => (Secrets::default(), Some(failure)),
        };
        let site = Site {
            ground,
            plan: Arc::clone(plan),
            types,
            secrets,
            outbox: Arc::clone(&self.ask.outbox),
            worker: Arc::clone(&self.ask.worker),
            lost: AtomicBool::new(false),
            instances: Mutex::default(),
            host_services: AtomicBool::new(false),
        };
        let site = Arc::new(site);
        let _ = self.ask.lifeline.site.set(Arc::clone(&site));
        Ok(Opened { site, trouble })
    }

    async fn give_back(&self, workdir: &Workdir, failure: Failure) -> Failure {
        remove(self.ask.ports.workplace.as_ref(), workdir).await;
        failure
    }

    fn ground(&self, workdir: Workdir, item: Arc<dyn WorkItem>) -> Ground {
        let plan = &self.ask.plan;
        let facts = [
            ("BUILD_TEAM_NAME", plan.team.clone()),
            ("BUILD_PIPELINE_NAME", plan.pipeline.clone()),
            ("BUILD_JOB_NAME", plan.job.name.clone()),
            ("BUILD_NUMBER", plan.number.to_string()),
            ("BUILD_ID", plan.build.to_string()),
            ("BUILD_URL", plan.url.clone()),
            ("BUILD_CAUSE", plan.cause.word().to_owned()),
            ("BUILD_SLOT", item.slot().to_string()),
            ("BUILD_RUN", plan.run.to_string()),
            ("BUILD_FENCE", plan.fence.to_string()),
        ];
        Ground {
            ports: self.ask.ports.clone(),
            settings: Arc::clone(&self.ask.settings),
            item,
            workdir,
            name: String::new(),
            inherited: self.ask.ports.workplace.inherited_environment(),
            facts: facts.map(|(name, value)| (name.to_owned(), value)).into(),
            inputs: plan.inputs.clone(),
        }
    }
}

/// Every secret that a build's commands contain.
fn secrets_of_build(plan: &BuildPlan) -> BTreeSet<SecretRef> {
    let mut found = Found::default();
    found.steps(&plan.job.steps, plan);
    found.hooks(&plan.job.hooks, plan);
    found.0
}

/// Every secret that a check contains.
pub(crate) fn secrets_of_check(resource: &Resource, types: &Types) -> BTreeSet<SecretRef> {
    let mut found = Found::default();
    found.values(&resource.params);
    if let Some(declared) = types.resource_types.get(&resource.type_name) {
        found.values(&declared.defaults);
        declared.check.iter().for_each(|check| found.command(check));
    }
    found.0
}

#[derive(Default)]
struct Found(BTreeSet<SecretRef>);

impl Found {
    fn steps(&mut self, steps: &[Step], plan: &BuildPlan) {
        for step in steps {
            match &step.kind {
                StepKind::Get(get) => self.resource(&get.resource, plan, |types| &types.pull),
                StepKind::Put(put) => {
                    self.values(&put.params);
                    self.resource(&put.resource, plan, |types| &types.push);
                }
                StepKind::Task(task) => {
                    self.texts(&task.env);
                    self.command(&task.run);
                }
                StepKind::Service(service) => {
                    self.values(&service.params);
                    self.service_type(&service.service_type, plan);
                }
            }
            self.hooks(&step.hooks, plan);
        }
    }

    fn hooks(&mut self, hooks: &Hooks, plan: &BuildPlan) {
        for (_, hook) in hooks.all() {
            match hook {
                Hook::Command(command) => self.command(command),
                Hook::Steps(steps) => self.steps(steps, plan),
            }
        }
    }

    fn resource(
        &mut self,
        canonical: &str,
        plan: &BuildPlan,
        command: impl Fn(&pikoci_model::pipeline::ResourceType) -> &Option<Command>,
    ) {
        let Some(planned) = plan.resources.get(canonical) else { return };
        self.values(&planned.resource.params);
        if let Some(declared) = plan.types.resource_types.get(&planned.resource.type_name) {
            self.values(&declared.defaults);
            command(declared).iter().for_each(|command| self.command(command));
        }
    }

    fn service_type(&mut self, label: &str, plan: &BuildPlan) {
        let Some(declared) = plan.types.service_types.get(label) else { return };
        self.values(&declared.defaults);
        let ready = declared.ready_check.as_ref().map(|check| &check.command);
        let commands = [&declared.start, &declared.process, &declared.stop].into_iter().flatten();
        commands.chain(ready).for_each(|command| self.command(command));
    }

    fn command(&mut self, command: &Command) {
        self.0.extend(command.secrets().into_iter().cloned());
    }

    fn texts(&mut self, texts: &BTreeMap<String, Text>) {
        self.0.extend(texts.values().flat_map(Text::secrets).cloned());
    }

    fn values(&mut self, values: &BTreeMap<String, Value>) {
        self.0.extend(values.values().flat_map(Value::secrets).cloned());
    }
}
