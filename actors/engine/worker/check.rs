//! The actor of one running check: its own shim and directory, one result.

use std::collections::BTreeMap;
use std::sync::Arc;

use pikoci_model::check::{CheckOutcome, MAX_LINE_BYTES, MAX_VERSIONS};
use pikoci_model::id::{ResourceId, StepPath};
use pikoci_model::outcome::{Failure, RunCode};
use pikoci_model::plan::CheckPlan;
use pikoci_model::port::{Captured, Item, LogSink, Mask, Workdir};
use pikoci_model::step::Command;
use pikoci_model::version::{MAX_VERSION_BYTES, VersionValue};
use tokio::sync::watch;

use super::build::{remove, stuck};
use super::conduct::{
    Conducted, Ear, Halt, Interrupt, Order, Runner, conduct, ended_failure, launch_failure, workplace_failure,
};
use super::fetch::resolve;
use super::opening::secrets_of_check;
use super::site::{Ground, Layers, Ports, Settings, Specifics};
use super::step_log::Tail;
use crate::decide::walk::duration_text;
use crate::supervise::{Actor, Door, Exit, Flow, Life, Receive};

/// What is kept of a check's output, in bytes.
const KEPT: usize = 64 * 1024;
/// What an error quotes of a line that cannot be read, in characters.
const QUOTED: usize = 200;

/// A check to be run.
#[derive(Clone)]
pub(crate) struct CheckAsk {
    pub plan: Arc<CheckPlan>,
    pub ports: Ports,
    pub settings: Arc<Settings>,
}

/// See the module.
pub(crate) struct CheckActor {
    ask: CheckAsk,
    parent: Door<CheckOver>,
    ear: watch::Sender<Option<Interrupt>>,
}

/// Told to the agent: what was found; nothing of the check is alive.
pub(crate) struct CheckOver {
    pub resource: ResourceId,
    pub lease: i64,
    pub outcome: CheckOutcome,
}

struct Found(CheckOutcome);

impl CheckActor {
    pub(crate) fn new(ask: CheckAsk, parent: Door<CheckOver>) -> Self {
        CheckActor { ask, parent, ear: watch::Sender::new(None) }
    }
}

impl Actor for CheckActor {
    /// One interrupt.
    const MAILBOX: usize = 4;
    type State = String;

    fn started(&mut self, life: &mut Life<'_, Self>) -> Flow {
        let (ask, ear) = (self.ask.clone(), self.ear.subscribe());
        life.spawn(async move { Found(ask.run(ear).await) });
        Ok(())
    }

    fn state(&self) -> String {
        self.ask.plan.resource.canonical()
    }
}

impl Receive<Found> for CheckActor {
    fn receive(&mut self, message: Found, _: &mut Life<'_, Self>) -> Flow {
        let (resource, lease) = (self.ask.plan.resource_id, self.ask.plan.lease);
        self.parent.force(CheckOver { resource, lease, outcome: message.0 });
        Err(Exit::Finished)
    }
}

impl Receive<Interrupt> for CheckActor {
    fn receive(&mut self, interrupt: Interrupt, _: &mut Life<'_, Self>) -> Flow {
        self.ear.send_replace(Some(interrupt));
        Ok(())
    }
}

impl CheckAsk {
    async fn run(self, ear: Ear) -> CheckOutcome {
        let declared = self.plan.types.resource_types.get(&self.plan.resource.type_name);
        let Some(check) = declared.and_then(|declared| declared.check.clone()) else {
            return CheckOutcome { result: Ok(Vec::new()), log: String::new() };
        };
        let tail = Tail::new(KEPT);
        let result = self.look(&check, &tail, ear).await;
        let log = tail.text();
        let result = result.map_err(|trouble| trouble.into_failure(&log));
        CheckOutcome { result, log }
    }

    async fn look(&self, check: &Command, tail: &Arc<Tail>, ear: Ear) -> Result<Vec<VersionValue>, Trouble> {
        let workplace = &self.ports.workplace;
        let workdir = workplace.make_workdir().await.map_err(|error| workplace_failure(&error))?;
        let result = match self.ground(workdir.clone()).await {
            Ok(ground) => {
                let result = self.look_in(&ground, check, tail, ear).await;
                let result = result.map_err(|trouble| trouble.masked(ground.item.masker().as_ref()));
                match ground.item.close().await {
                    Ok(()) => result,
                    Err(ended) => {
                        let failure = stuck(&ended);
                        tracing::error!(check = %ground.name, "{failure}");
                        Err(failure.into())
                    }
                }
            }
            Err(failure) => Err(failure.into()),
        };
        remove(workplace.as_ref(), &workdir).await;
        result
    }

    async fn ground(&self, workdir: Workdir) -> Result<Ground, Failure> {
        let plan = &self.plan;
        let name = format!("c-{}-{}", plan.resource_id, plan.lease);
        let item = Item { name: name.clone(), workdir: workdir.path.clone(), build: None };
        let item = self.ports.launcher.open(item).await.map_err(launch_failure)?;
        let facts = [("BUILD_TEAM_NAME", &plan.team), ("BUILD_PIPELINE_NAME", &plan.pipeline)];
        Ok(Ground {
            ports: self.ports.clone(),
            settings: Arc::clone(&self.settings),
            item,
            workdir,
            name,
            inherited: self.ports.workplace.inherited_environment(),
            facts: facts.map(|(name, value)| (name.to_owned(), value.clone())).into(),
            inputs: BTreeMap::new(),
        })
    }

    async fn look_in(
        &self,
        ground: &Ground,
        check: &Command,
        tail: &Arc<Tail>,
        mut ear: Ear,
    ) -> Result<Vec<VersionValue>, Trouble> {
        let plan = &self.plan;
        let secrets =
            resolve(ground, &plan.types, secrets_of_check(&plan.resource, &plan.types), &mut ear).await?;
        let none = BTreeMap::new();
        let defaults =
            plan.types.resource_types.get(&plan.resource.type_name).map(|declared| &declared.defaults);
        let specifics = Specifics {
            version: plan.latest.clone(),
            ..Specifics::of_params(defaults.unwrap_or(&none), &plan.resource.params)
        };
        let cache = match plan.resource.cache {
            true => Some(self.cache(ground).await?),
            false => None,
        };
        let cache_dir = cache.as_ref().map(|(dir, _)| dir.as_str());
        let sink: Arc<dyn LogSink> = Arc::clone(tail) as _;
        let layers = Layers {
            step_env: None,
            command: check,
            exports: &BTreeMap::new(),
            specifics: &specifics,
            hook: None,
            output: None,
            cache_dir,
        };
        let order = Order {
            layers,
            step: &StepPath("check".to_owned()),
            attempt: 1,
            sink: Some(&sink),
            capture: true,
            hide_stdout: false,
            limit: Some(self.settings.check_limit),
        };
        let runner = Runner { types: &plan.types.runner_types, host_services: false, labels: &[] };
        versions(conduct(ground, &secrets, runner, order, &mut ear).await?)
    }

    async fn cache(&self, ground: &Ground) -> Result<(String, Box<dyn Send + Sync>), Failure> {
        let (plan, workplace) = (&self.plan, &ground.ports.workplace);
        let dir = workplace.cache_dir(&plan.team, &plan.pipeline, &plan.resource.canonical()).await;
        let dir = dir.map_err(|error| workplace_failure(&error))?;
        let alone = workplace.lock_cache(&dir).await;
        Ok((dir.to_string_lossy().into_owned(), alone))
    }
}

/// Why a check found nothing.
enum Trouble {
    Failed(Failure),
    /// The last line is not what it should be; it is quoted from the masked log.
    Garbage(&'static str),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Trouble::Failed(failure)
    }
}

impl Trouble {
    fn masked(self, mask: &dyn Mask) -> Self {
        match self {
            Trouble::Failed(Failure { code, text }) => {
                Trouble::Failed(Failure { code, text: mask.masked(&text) })
            }
            garbage @ Trouble::Garbage(_) => garbage,
        }
    }

    fn into_failure(self, log: &str) -> Failure {
        match self {
            Trouble::Failed(failure) => failure,
            Trouble::Garbage(problem) => {
                let line = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
                let quoted: String = line.chars().take(QUOTED).collect();
                let text =
                    format!("{problem}: the last line must be a JSON array of objects, found `{quoted}`");
                Failure::coded(RunCode::R170, text)
            }
        }
    }
}

fn versions(conducted: Conducted) -> Result<Vec<VersionValue>, Trouble> {
    match conducted {
        Conducted { halt: Some(Halt::TimedOut(limit)), .. } => {
            let text = format!("the check took longer than {}", duration_text(limit));
            Err(Failure::coded(RunCode::R171, text).into())
        }
        Conducted { halt: Some(Halt::Interrupted(_)), .. } => {
            Err(Failure::coded(RunCode::R131, "the worker stopped").into())
        }
        Conducted { end: None, .. } => Ok(Vec::new()),
        Conducted { end: Some(end), .. } if end.ended.is_success() => parse(&end.captured),
        Conducted { end: Some(end), .. } => Err(ended_failure(&end.ended).into()),
    }
}

/// Reads the last line of a check.
fn parse(captured: &Captured) -> Result<Vec<VersionValue>, Trouble> {
    let line = captured.last_line.as_ref().or(captured.last_mixed_line.as_ref());
    let Some(line) = line else { return Err(Trouble::Garbage("the check printed nothing")) };
    if captured.cut || line.len() > MAX_LINE_BYTES {
        let text = format!("the check's last line is longer than {MAX_LINE_BYTES} bytes");
        return Err(Failure::coded(RunCode::R170, text).into());
    }
    let versions: Vec<VersionValue> =
        serde_json::from_slice(line).map_err(|_| Trouble::Garbage("the check's output cannot be read"))?;
    if versions.len() > MAX_VERSIONS {
        let text = format!("the check found {} versions, at most {MAX_VERSIONS} are taken", versions.len());
        return Err(Failure::coded(RunCode::R170, text).into());
    }
    if versions.iter().any(|version| version.canonical().len() > MAX_VERSION_BYTES) {
        let text = format!("a version is larger than {MAX_VERSION_BYTES} bytes");
        return Err(Failure::coded(RunCode::R170, text).into());
    }
    Ok(versions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(line: &str) -> Captured {
        Captured { last_line: Some(line.as_bytes().to_vec()), ..Captured::default() }
    }

    #[test]
    fn only_an_array_of_objects_is_taken() {
        assert_eq!(parse(&captured(r#"[{"ref":"a"},{"n":1}]"#)).ok().unwrap().len(), 2);
        assert!(parse(&captured("[]")).ok().unwrap().is_empty());
        for garbage in ["{}", "[1]", "nonsense"] {
            let failure = parse(&captured(garbage)).err().unwrap().into_failure("log\n***garbage\n\n");
            assert_eq!(failure.code, Some(RunCode::R170));
            assert!(failure.text.ends_with("found `***garbage`"), "{failure}");
        }
        assert!(parse(&Captured::default()).is_err());
    }

    #[test]
    fn too_many_versions_are_refused() {
        let many = format!("[{}]", vec!["{}"; MAX_VERSIONS + 1].join(","));
        assert!(parse(&captured(&many)).err().unwrap().into_failure("").text.contains("1001 versions"));
    }
}
