//! The walk through a build's plan: what comes next, and how the build ends. Pure.
//!
//! Legs run one after the other; neighbouring services form one leg. The first fault ends the walk; then the
//! services stop, the status is fixed, and the hooks that belong to it run.

use std::time::Duration;

use pikoci_model::build::BuildStatus;
use pikoci_model::outcome::{Failure, RunCode};
use pikoci_model::pipeline::{Job, OnWorkerLoss};
use pikoci_model::step::{Command, Hook, Hooks, Step, StepKind};

/// What is run as one piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leg {
    /// One get, task or put: its index in the plan.
    Step(usize),
    /// Services that start one after the other and whose ready checks run together: their indexes.
    Services(Vec<usize>),
}

/// The legs of a plan, in order.
#[must_use]
pub fn legs(steps: &[Step]) -> Vec<Leg> {
    let mut legs: Vec<Leg> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        match (&step.kind, legs.last_mut()) {
            (StepKind::Service(_), Some(Leg::Services(group))) => group.push(index),
            (StepKind::Service(_), _) => legs.push(Leg::Services(vec![index])),
            _ => legs.push(Leg::Step(index)),
        }
    }
    legs
}

/// Why a plan ends before its last step. Later ones overrule earlier ones of less weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// A step failed, a service did not start or died, or something of ours broke.
    Failed(Failure),
    /// The job's limit is over.
    TimedOut(Duration),
    /// Somebody asked for the end; why.
    Cancelled(String),
    /// What ran its commands is lost, and with it everything that ran.
    Lost,
    /// The worker stops and hands the build back.
    HandedBack {
        /// Name of the worker.
        worker: String,
    },
    /// The claim is void or cannot be renewed: somebody else may run the build soon.
    Fenced,
}

impl Cut {
    /// The cut of something that failed: a lost shim takes the whole attempt with it.
    #[must_use]
    pub fn of_failure(failure: Failure) -> Self {
        if failure.code == Some(RunCode::R132) { Cut::Lost } else { Cut::Failed(failure) }
    }

    fn weight(&self) -> u8 {
        match self {
            Cut::Failed(_) => 0,
            Cut::TimedOut(_) => 1,
            Cut::Cancelled(_) => 2,
            Cut::Lost => 3,
            Cut::HandedBack { .. } => 4,
            Cut::Fenced => 5,
        }
    }
}

/// Where a walk stands.
#[derive(Debug)]
pub struct Walk {
    legs: std::vec::IntoIter<Leg>,
    cut: Option<Cut>,
}

impl Walk {
    /// Before the first step.
    #[must_use]
    pub fn new(job: &Job) -> Self {
        Walk { legs: legs(&job.steps).into_iter(), cut: None }
    }

    /// The next leg; none when the plan is done or cut.
    pub fn next_leg(&mut self) -> Option<Leg> {
        if self.cut.is_some() { None } else { self.legs.next() }
    }

    /// Ends the walk. Of several cuts the weightiest counts, of equals the first.
    pub fn cut(&mut self, cut: Cut) {
        if self.cut.as_ref().is_none_or(|before| cut.weight() > before.weight()) {
            self.cut = Some(cut);
        }
    }

    /// Whether the plan goes on.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut.is_some()
    }

    /// How the build ends, once its services are stopped.
    #[must_use]
    pub fn conclusion(&self, job: &Job) -> Conclusion {
        conclude(self.cut.as_ref(), job)
    }
}

/// How a build ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conclusion {
    /// The status is fixed; these hooks follow.
    Ended {
        /// What a person sees.
        status: BuildStatus,
        /// Why it failed.
        failure: Option<Failure>,
        /// The kinds of job hooks that run, in order.
        hooks: Vec<HookKind>,
        /// `BUILD_STATUS` of the hooks.
        hook_status: BuildStatus,
        /// `BUILD_REASON` of the hooks; empty where there is nothing to say.
        reason: String,
        /// Hook commands have a limit of their own, so that a build that was cut always ends.
        limited_hooks: bool,
    },
    /// It runs again as a new run, if it may; nothing is concluded here.
    Lost,
    /// It goes back to the queue; nothing is concluded.
    HandedBack,
    /// Somebody else may run it: nothing more is said.
    Void,
}

/// The four kinds of hooks of steps and jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookKind {
    /// After success.
    OnSuccess,
    /// After failure.
    OnFailure,
    /// After cancel, and for a job after its timeout.
    OnCancel,
    /// Always, last.
    Ensure,
}

impl HookKind {
    /// The word in the pipeline file and in paths.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            HookKind::OnSuccess => "on_success",
            HookKind::OnFailure => "on_failure",
            HookKind::OnCancel => "on_cancel",
            HookKind::Ensure => "ensure",
        }
    }

    fn of(self, hooks: &Hooks) -> &[Hook] {
        match self {
            HookKind::OnSuccess => &hooks.on_success,
            HookKind::OnFailure => &hooks.on_failure,
            HookKind::OnCancel => &hooks.on_cancel,
            HookKind::Ensure => &hooks.ensure,
        }
    }
}

fn conclude(cut: Option<&Cut>, job: &Job) -> Conclusion {
    let softened = if job.allow_failure { BuildStatus::Warning } else { BuildStatus::Failed };
    let ended = |status, failure: Option<&Failure>, kind: Option<HookKind>, hook_status, reason: &str| {
        let hooks = kind.map(|kind| vec![kind, HookKind::Ensure]).unwrap_or_default();
        let limited_hooks = kind == Some(HookKind::OnCancel);
        Conclusion::Ended {
            status,
            failure: failure.cloned(),
            hooks,
            hook_status,
            reason: reason.to_owned(),
            limited_hooks,
        }
    };
    match cut {
        None => ended(BuildStatus::Succeeded, None, Some(HookKind::OnSuccess), BuildStatus::Succeeded, ""),
        Some(Cut::Failed(failure)) => {
            let reason = failure.code.map(|code| code.to_string()).unwrap_or_default();
            ended(softened, Some(failure), Some(HookKind::OnFailure), softened, &reason)
        }
        Some(Cut::TimedOut(limit)) => {
            let text = format!("job timed out after {}", duration_text(*limit));
            let failure = Failure::coded(RunCode::R141, text);
            ended(softened, Some(&failure), Some(HookKind::OnCancel), BuildStatus::Cancelled, "timeout")
        }
        Some(Cut::Cancelled(reason)) => {
            let failure = Failure::plain(reason.clone());
            let (kind, status) = (Some(HookKind::OnCancel), BuildStatus::Cancelled);
            ended(status, Some(&failure), kind, status, "cancel")
        }
        Some(Cut::HandedBack { worker }) if job.on_worker_loss == OnWorkerLoss::Fail => {
            let failure = Failure::coded(RunCode::R131, format!("worker stopped: {worker}"));
            ended(BuildStatus::Failed, Some(&failure), None, BuildStatus::Failed, "R131")
        }
        Some(Cut::Lost) => Conclusion::Lost,
        Some(Cut::HandedBack { .. }) => Conclusion::HandedBack,
        Some(Cut::Fenced) => Conclusion::Void,
    }
}

/// One thing that a hook runs.
#[derive(Debug, Clone, PartialEq)]
pub struct HookUnit {
    /// Its kind.
    pub kind: HookKind,
    /// Its place among the units of its kind, from 0: the end of its path.
    pub index: usize,
    /// `ensure`, or `0:ensure` where there are several of the kind.
    pub label: String,
    /// What it runs.
    pub work: HookWork,
}

/// What a hook runs.
#[derive(Debug, Clone, PartialEq)]
pub enum HookWork {
    /// The labelled form.
    Command(Command),
    /// One step of the unlabelled form.
    Step(Box<Step>),
}

/// The units of these kinds, in order: kinds as given, within a kind in file order.
#[must_use]
pub fn hook_units(hooks: &Hooks, kinds: &[HookKind]) -> Vec<HookUnit> {
    kinds.iter().flat_map(|kind| units_of(hooks, *kind)).collect()
}

fn units_of(hooks: &Hooks, kind: HookKind) -> Vec<HookUnit> {
    let works: Vec<HookWork> = kind
        .of(hooks)
        .iter()
        .flat_map(|hook| match hook {
            Hook::Command(command) => vec![HookWork::Command(command.clone())],
            Hook::Steps(steps) => steps.iter().map(|step| HookWork::Step(Box::new(step.clone()))).collect(),
        })
        .collect();
    let several = works.len() > 1;
    let label = |index: usize| match several {
        true => format!("{index}:{}", kind.word()),
        false => kind.word().to_owned(),
    };
    let numbered = works.into_iter().enumerate();
    numbered.map(|(index, work)| HookUnit { kind, index, label: label(index), work }).collect()
}

/// A duration as people write it: `5m0s`, `1h0m0s`, `1.5s`, `250ms`.
#[must_use]
pub fn duration_text(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds == 0 {
        return format!("{}ms", duration.as_millis());
    }
    let fraction = f64::from(duration.subsec_millis()) / 1000.0;
    let rest = (seconds % 60) as f64 + fraction;
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{rest}s"),
        (0, minutes) => format!("{minutes}m{rest}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{rest}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pikoci_model::step::{ServiceStep, TaskStep};
    use std::collections::BTreeMap;

    fn step(name: &str, service: bool) -> Step {
        let kind = match service {
            true => StepKind::Service(ServiceStep { service_type: name.into(), params: BTreeMap::new() }),
            false => StepKind::Task(TaskStep {
                run: Command { runner: "exec".into(), ..Command::default() },
                inputs: vec![],
                outputs: vec![],
                env: BTreeMap::new(),
            }),
        };
        Step { name: name.into(), kind, timeout: None, attempts: 1, hooks: Hooks::default() }
    }

    fn job(services: &[bool]) -> Job {
        Job {
            name: "j".into(),
            description: String::new(),
            tags: vec![],
            concurrency: 0,
            serial_groups: vec![],
            timeout: None,
            disable_retry: false,
            allow_failure: false,
            interruptible: false,
            public: false,
            on_worker_loss: OnWorkerLoss::Retry,
            steps: services.iter().enumerate().map(|(i, s)| step(&format!("s{i}"), *s)).collect(),
            hooks: Hooks::default(),
        }
    }

    #[test]
    fn neighbouring_services_form_one_leg() {
        let expected = [Leg::Services(vec![0, 1]), Leg::Step(2), Leg::Services(vec![3]), Leg::Step(4)];
        assert_eq!(legs(&job(&[true, true, false, true, false]).steps), expected);
    }

    #[test]
    fn the_weightiest_cut_counts_and_ends_the_walk() {
        let job = job(&[false, false]);
        let mut walk = Walk::new(&job);
        assert_eq!(walk.next_leg(), Some(Leg::Step(0)));
        walk.cut(Cut::Failed(Failure::plain("first")));
        walk.cut(Cut::Failed(Failure::plain("second")));
        assert_eq!(walk.next_leg(), None);
        let Conclusion::Ended { failure, hooks, status, .. } = walk.conclusion(&job) else { panic!() };
        assert_eq!(
            (failure.unwrap().text.as_str(), status, hooks),
            ("first", BuildStatus::Failed, vec![HookKind::OnFailure, HookKind::Ensure])
        );
        walk.cut(Cut::Cancelled("by alice".into()));
        walk.cut(Cut::TimedOut(Duration::from_secs(1)));
        let Conclusion::Ended { hooks, status, .. } = walk.conclusion(&job) else { panic!() };
        assert_eq!((status, hooks), (BuildStatus::Cancelled, vec![HookKind::OnCancel, HookKind::Ensure]));
        walk.cut(Cut::Lost);
        assert_eq!(
            walk.conclusion(&job),
            Conclusion::Lost,
            "whether it was cancelled is the store's to know"
        );
        walk.cut(Cut::Fenced);
        assert_eq!(walk.conclusion(&job), Conclusion::Void);
    }

    #[test]
    fn allow_failure_and_worker_loss_change_the_status() {
        let mut job = job(&[false]);
        job.allow_failure = true;
        let mut walk = Walk::new(&job);
        walk.cut(Cut::TimedOut(Duration::from_secs(1800)));
        let Conclusion::Ended { status, failure, hook_status, reason, .. } = walk.conclusion(&job) else {
            panic!()
        };
        assert_eq!(
            (status, hook_status, reason.as_str()),
            (BuildStatus::Warning, BuildStatus::Cancelled, "timeout")
        );
        assert_eq!(failure.unwrap().to_string(), "R141: job timed out after 30m0s");
        walk.cut(Cut::HandedBack { worker: "w".into() });
        assert_eq!(walk.conclusion(&job), Conclusion::HandedBack);
        job.on_worker_loss = OnWorkerLoss::Fail;
        let Conclusion::Ended { status, hooks, .. } = walk.conclusion(&job) else { panic!() };
        assert_eq!((status, hooks), (BuildStatus::Failed, vec![]));
    }

    #[test]
    fn hook_units_are_numbered_when_there_are_several_of_a_kind() {
        let command = Hook::Command(Command::default());
        let hooks = Hooks {
            on_failure: vec![command.clone(), Hook::Steps(vec![step("a", false), step("b", false)])],
            ensure: vec![command],
            ..Hooks::default()
        };
        let units = hook_units(&hooks, &[HookKind::OnFailure, HookKind::Ensure]);
        let labels: Vec<&str> = units.iter().map(|unit| unit.label.as_str()).collect();
        assert_eq!(labels, ["0:on_failure", "1:on_failure", "2:on_failure", "ensure"]);
        assert_eq!((units[2].index, units[3].index), (2, 0));
    }

    #[test]
    fn durations_read_like_the_file() {
        let texts =
            [300_000, 1500, 250, 3_600_000, 90_000].map(|ms| duration_text(Duration::from_millis(ms)));
        assert_eq!(texts, ["5m0s", "1.5s", "250ms", "1h0m0s", "1m30s"]);
    }
}
