//! `passed`: the jobs exist, have the resource, and do not wait for each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use pikoci_model::pipeline::Job;
use pikoci_model::step::{Hook, Hooks, Step, StepKind};

use crate::diagnostic::{Code, Diagnostic};
use crate::lower::Name;
use crate::lower::step::PassedGet;
use crate::parse::Document;

/// Checks every `passed` of the pipeline. In a fragment a job that is not there is a warning.
pub fn check_passed(
    document: &Document,
    jobs: &[Job],
    gets: &[PassedGet],
    fragment: bool,
    findings: &mut Vec<Diagnostic>,
) {
    let resources: BTreeMap<&str, BTreeSet<&str>> =
        jobs.iter().map(|job| (job.name.as_str(), resources_of(job))).collect();
    let mut waits: BTreeMap<&str, Vec<(&str, &Name)>> = BTreeMap::new();
    for get in gets {
        for name in &get.passed {
            let report =
                |code, message: String| Diagnostic::new(code, document.source(), name.span.clone(), message);
            match resources.get(name.text.as_str()) {
                None => {
                    let finding =
                        report(Code::UnresolvedReference, format!("job \"{}\" is not declared", name.text))
                            .suggest(&name.text, resources.keys().copied());
                    findings.push(if fragment { finding.into_warning() } else { finding });
                    continue;
                }
                Some(resources) if name.text != get.job && !resources.contains(get.resource.as_str()) => {
                    let message = format!(
                        "job \"{}\" neither gets nor puts resource \"{}\", so no version of it passes",
                        name.text, get.resource
                    );
                    findings.push(report(Code::PassedWithoutResource, message));
                }
                Some(_) => {}
            }
            waits.entry(&get.job).or_default().push((&name.text, name));
        }
    }
    report_cycles(document, &waits, findings);
}

/// Reports each circle once, at the first name that closes it.
fn report_cycles(
    document: &Document,
    waits: &BTreeMap<&str, Vec<(&str, &Name)>>,
    findings: &mut Vec<Diagnostic>,
) {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for start in waits.keys() {
        if done.contains(start) {
            continue;
        }
        // Depth first with an own stack: a chain of jobs may be long.
        let mut path: Vec<(&str, usize)> = vec![(start, 0)];
        while let Some((job, next)) = path.last_mut() {
            let Some((to, name)) = waits.get(job).and_then(|names| names.get(*next)) else {
                done.insert(job);
                path.pop();
                continue;
            };
            *next += 1;
            if let Some(from) = path.iter().position(|(job, _)| job == to) {
                let circle = path[from..].iter().map(|(job, _)| *job).chain([*to]);
                let circle = circle.map(|job| format!("\"{job}\"")).collect::<Vec<_>>().join(" -> ");
                let message = format!("jobs wait for each other: {circle}");
                findings.push(Diagnostic::new(
                    Code::PassedCycle,
                    document.source(),
                    name.span.clone(),
                    message,
                ));
            } else if !done.contains(to) {
                path.push((to, 0));
            }
        }
    }
}

/// The resources that a job gets or puts, in hooks too.
fn resources_of(job: &Job) -> BTreeSet<&str> {
    let mut resources = BTreeSet::new();
    for step in &job.steps {
        add_step(step, &mut resources);
    }
    add_hooks(&job.hooks, &mut resources);
    resources
}

fn add_step<'a>(step: &'a Step, resources: &mut BTreeSet<&'a str>) {
    match &step.kind {
        StepKind::Get(get) => {
            resources.insert(&get.resource);
        }
        StepKind::Put(put) => {
            resources.insert(&put.resource);
        }
        StepKind::Task(_) | StepKind::Service(_) => {}
    }
    add_hooks(&step.hooks, resources);
}

fn add_hooks<'a>(hooks: &'a Hooks, resources: &mut BTreeSet<&'a str>) {
    for (_, hook) in hooks.all() {
        if let Hook::Steps(steps) = hook {
            steps.iter().for_each(|step| add_step(step, resources));
        }
    }
}
