//! Nodes and edges, made from jobs and resources.

use std::collections::{BTreeMap, BTreeSet};

use crate::page::State;

/// A resource of the pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphResource {
    /// `git.app`.
    pub name: String,
    /// Its check fails.
    pub failing: bool,
    /// It is held at one version.
    pub pinned: bool,
}

/// A `get` of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Get {
    /// `git.app`.
    pub resource: String,
    /// A new version starts the job.
    pub trigger: bool,
    /// Jobs that must have passed with the version.
    pub passed: Vec<String>,
}

/// The newest build of a job. Times are ms since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// `42`, `42.1`.
    pub number: String,
    /// When it began.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
}

/// A job of the pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphJob {
    /// Its name.
    pub name: String,
    /// State of the newest build, or paused, or not run.
    pub state: State,
    /// The newest build.
    pub newest: Option<Newest>,
    /// Some build of it runs.
    pub running: bool,
    /// What it gets.
    pub gets: Vec<Get>,
    /// What it puts: `s3.site`.
    pub puts: Vec<String>,
}

/// What a graph is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GraphInput {
    /// Canonical name of the pipeline.
    pub pipeline: String,
    /// Address of the pipeline, without a slash at the end.
    pub base: String,
    /// Its resources.
    pub resources: Vec<GraphResource>,
    /// Its jobs.
    pub jobs: Vec<GraphJob>,
    /// Jobs and resources that one version went through; empty = no version was chosen.
    pub lit: BTreeSet<String>,
}

/// What a node stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeKind {
    /// A resource that is got.
    Resource {
        /// Its check fails.
        failing: bool,
        /// It is held at one version.
        pinned: bool,
    },
    /// A job.
    Job {
        /// State of its newest build.
        state: State,
        /// That build.
        newest: Option<Newest>,
        /// Some build of it runs.
        running: bool,
    },
    /// A version on its way from one job to the next.
    Between,
    /// What a job puts.
    Output,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Unique in the graph: the job's name, `type.name`, `<job>-<type>.<name>-in`, `<job>-<type>.<name>-out`.
    pub id: String,
    /// What is written in it.
    pub label: String,
    /// Where it leads.
    pub href: String,
    /// What it stands for.
    pub kind: NodeKind,
    /// Whether the chosen version went through it; none when no version was chosen.
    pub lit: Option<bool>,
}

/// An edge, between positions in `GraphModel::nodes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// Where it begins.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
    /// A new version starts what it leads to; drawn solid, else dashed.
    pub trigger: bool,
}

/// The graph of a pipeline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GraphModel {
    /// Canonical name of the pipeline.
    pub pipeline: String,
    /// Nodes.
    pub nodes: Vec<Node>,
    /// Edges, at most one between two nodes.
    pub edges: Vec<Edge>,
}

impl GraphModel {
    /// Makes the graph. With `hide_intermediates` a `passed` leads from job to job, else through a small node for the
    /// resource. A `passed` that names an unknown job or a `get` of an unknown resource has no edge.
    #[must_use]
    pub fn new(input: &GraphInput, hide_intermediates: bool) -> Self {
        let mut build =
            Builder { input, model: Self::default(), ids: BTreeMap::new(), edges: BTreeMap::new() };
        build.model.pipeline.clone_from(&input.pipeline);
        let roots: BTreeSet<&str> = input
            .jobs
            .iter()
            .flat_map(|job| &job.gets)
            .filter(|get| get.passed.is_empty())
            .map(|get| get.resource.as_str())
            .collect();
        let used: BTreeSet<&str> = input
            .jobs
            .iter()
            .flat_map(|j| j.gets.iter().map(|g| &g.resource).chain(&j.puts))
            .map(String::as_str)
            .collect();
        for resource in &input.resources {
            let name = resource.name.as_str();
            if roots.contains(name) || !used.contains(name) {
                build.resource(resource);
            }
        }
        for job in &input.jobs {
            build.job(job);
        }
        for job in &input.jobs {
            build.edges_of(job, hide_intermediates);
        }
        build.finish()
    }
}

struct Builder<'a> {
    input: &'a GraphInput,
    model: GraphModel,
    ids: BTreeMap<String, usize>,
    edges: BTreeMap<(usize, usize), bool>,
}

impl Builder<'_> {
    fn node(&mut self, id: String, label: &str, href: String, kind: NodeKind, lit_as: &[&str]) -> usize {
        if let Some(&at) = self.ids.get(&id) {
            return at;
        }
        let lit =
            (!self.input.lit.is_empty()).then(|| lit_as.iter().all(|name| self.input.lit.contains(*name)));
        let at = self.model.nodes.len();
        self.ids.insert(id.clone(), at);
        self.model.nodes.push(Node { id, label: label.to_owned(), href, kind, lit });
        at
    }

    fn resource_href(&self, name: &str) -> String {
        format!("{}/resources/{name}", self.input.base)
    }

    fn resource(&mut self, resource: &GraphResource) {
        let kind = NodeKind::Resource { failing: resource.failing, pinned: resource.pinned };
        let (name, href) = (&resource.name, self.resource_href(&resource.name));
        self.node(name.clone(), name, href, kind, &[name]);
    }

    fn job(&mut self, job: &GraphJob) {
        let kind = NodeKind::Job { state: job.state, newest: job.newest.clone(), running: job.running };
        let href = format!("{}/jobs/{}/builds", self.input.base, job.name);
        self.node(job.name.clone(), &job.name, href, kind, &[&job.name]);
    }

    fn edges_of(&mut self, job: &GraphJob, hide_intermediates: bool) {
        let Some(&to) = self.ids.get(&job.name) else { return };
        for get in &job.gets {
            if get.passed.is_empty() {
                if let Some(&from) = self.ids.get(&get.resource) {
                    self.edge(from, to, get.trigger);
                }
                continue;
            }
            for upstream in &get.passed {
                let Some(&from) = self.ids.get(upstream) else { continue };
                if hide_intermediates {
                    self.edge(from, to, get.trigger);
                    continue;
                }
                let (id, href) =
                    (format!("{}-{}-in", job.name, get.resource), self.resource_href(&get.resource));
                let between =
                    self.node(id, &get.resource, href, NodeKind::Between, &[&get.resource, &job.name]);
                self.edge(from, between, get.trigger);
                self.edge(between, to, get.trigger);
            }
        }
        for put in &job.puts {
            let (id, href) = (format!("{}-{put}-out", job.name), self.resource_href(put));
            let out = self.node(id, put, href, NodeKind::Output, &[put, &job.name]);
            self.edge(to, out, true);
        }
    }

    fn edge(&mut self, from: usize, to: usize, trigger: bool) {
        *self.edges.entry((from, to)).or_default() |= trigger;
    }

    fn finish(mut self) -> GraphModel {
        self.model.edges =
            self.edges.into_iter().map(|((from, to), trigger)| Edge { from, to, trigger }).collect();
        self.model
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str, gets: Vec<Get>, puts: &[&str]) -> GraphJob {
        GraphJob {
            name: name.into(),
            state: State::NotRun,
            newest: None,
            running: false,
            gets,
            puts: puts.iter().map(|p| (*p).to_owned()).collect(),
        }
    }

    fn get(resource: &str, trigger: bool, passed: &[&str]) -> Get {
        Get { resource: resource.into(), trigger, passed: passed.iter().map(|p| (*p).to_owned()).collect() }
    }

    fn input() -> GraphInput {
        GraphInput {
            pipeline: "shop".into(),
            base: "/teams/main/pipelines/shop".into(),
            resources: ["git.app", "s3.site"]
                .map(|name| GraphResource { name: name.into(), failing: false, pinned: false })
                .into(),
            jobs: vec![
                job("unit", vec![get("git.app", true, &[])], &[]),
                job("deploy", vec![get("git.app", true, &["unit", "gone"])], &["s3.site"]),
            ],
            lit: BTreeSet::new(),
        }
    }

    fn edges(model: &GraphModel) -> Vec<(&str, &str, bool)> {
        model
            .edges
            .iter()
            .map(|e| (model.nodes[e.from].id.as_str(), model.nodes[e.to].id.as_str(), e.trigger))
            .collect()
    }

    #[test]
    fn jobs_are_joined_by_what_passed() {
        let model = GraphModel::new(&input(), true);
        let expected =
            [("git.app", "unit", true), ("unit", "deploy", true), ("deploy", "deploy-s3.site-out", true)];
        assert_eq!(edges(&model), expected);
    }

    #[test]
    fn intermediates_stand_between() {
        let model = GraphModel::new(&input(), false);
        let edges = edges(&model);
        assert!(edges.contains(&("unit", "deploy-git.app-in", true)), "{edges:?}");
        assert!(edges.contains(&("deploy-git.app-in", "deploy", true)), "{edges:?}");
    }

    #[test]
    fn a_version_lights_its_way() {
        let mut input = input();
        input.lit = ["git.app".to_owned(), "unit".to_owned()].into();
        let model = GraphModel::new(&input, true);
        let lit: Vec<_> = model.nodes.iter().filter(|n| n.lit == Some(true)).map(|n| n.id.as_str()).collect();
        assert_eq!(lit, ["git.app", "unit"]);
    }
}
