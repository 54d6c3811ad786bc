//! The runners that commands may name.

use std::collections::{BTreeMap, BTreeSet};

use pikoci_model::pipeline::RunnerType;

/// Runners that are part of the program.
pub const NATIVE: [&str; 3] = ["exec", "shell", "docker"];

/// What a runner's label stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runner<'a> {
    /// One of [`NATIVE`].
    Native(&'static str),
    /// Two templates of the pipeline.
    Template(&'a RunnerType),
    /// Declared, but wrong, which was reported.
    Broken,
}

/// The runners of a pipeline, by label.
#[derive(Debug, Default)]
pub struct Runners {
    /// Templates.
    pub templates: BTreeMap<String, RunnerType>,
    /// Labels that stand for a native runner: `runner_type "x" { source = "pikoci://docker" }`.
    pub aliases: BTreeMap<String, &'static str>,
    /// Declared, but wrong.
    pub broken: BTreeSet<String>,
}

impl Runners {
    /// What a label stands for.
    #[must_use]
    pub fn get(&self, label: &str) -> Option<Runner<'_>> {
        if let Some(template) = self.templates.get(label) {
            return Some(Runner::Template(template));
        }
        if self.broken.contains(label) {
            return Some(Runner::Broken);
        }
        let native = self.aliases.get(label).copied().or_else(|| native(label));
        native.map(Runner::Native)
    }

    /// All labels.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.templates.keys().map(String::as_str).chain(self.aliases.keys().map(String::as_str)).chain(NATIVE)
    }
}

/// The native runner of this name.
#[must_use]
pub fn native(name: &str) -> Option<&'static str> {
    NATIVE.into_iter().find(|native| *native == name)
}

/// Whether a template refers to `$name` or `${name}`.
#[must_use]
pub fn mentions(template: &RunnerType, name: &str) -> bool {
    template.args.iter().chain([&template.path]).any(|element| {
        element.split('$').skip(1).any(|after| {
            let after = after.strip_prefix('{').unwrap_or(after);
            let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(after.len());
            &after[..end] == name
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_mentions_whole_names() {
        let template =
            RunnerType { path: "docker".into(), args: vec!["$WORKDIR:/w".into(), "x${cmd}y".into()] };
        assert!(mentions(&template, "cmd") && mentions(&template, "WORKDIR"));
        assert!(!mentions(&template, "WORK") && !mentions(&template, "docker"));
    }
}
