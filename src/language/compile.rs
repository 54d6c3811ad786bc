//! The phases, one after another: parse, schema, variables, sources, types, resources, jobs, references.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use pikoci_model::diagnostic::Severity;
use pikoci_model::pipeline::{Pipeline, Resource};
use pikoci_model::port::{Compilation, CompileRequest};
use pikoci_model::text::SecretValue;

use crate::diagnostic::{self, Code, Diagnostic};
use crate::evaluate::{Budget, Scope, VariableAccess};
use crate::lower::command::CommandRules;
use crate::lower::definition::{self, Origin};
use crate::lower::fetched::Fetched;
use crate::lower::step::{KnownResource, PlanStage};
use crate::lower::types::{TypeStage, Types, unresolved};
use crate::lower::variables::{self, Variables};
use crate::lower::{Declarations, Declared, Reader, TypeKind, job, resource};
use crate::parse::{Document, MAX_FILE_BYTES};
use crate::resolve::{Used, check_passed, check_unused};
use crate::schema::{self, Author};
use crate::source::SourceText;

/// More findings than this are not handed on: nobody reads them, and a hostile file could make millions.
const MAX_FINDINGS: usize = 500;

/// What the operator decides about the language.
#[derive(Debug, Clone)]
pub struct LanguageOptions {
    /// Intervals below this are refused.
    pub min_check_interval: Duration,
    /// Secrets may stand in process arguments; it is a warning then.
    pub allow_secret_args: bool,
    /// Sources may be fetched by `http://`.
    pub allow_insecure_sources: bool,
}

impl Default for LanguageOptions {
    fn default() -> LanguageOptions {
        LanguageOptions {
            min_check_interval: Duration::from_secs(10),
            allow_secret_args: false,
            allow_insecure_sources: false,
        }
    }
}

/// A file that is parsed, and what was found wrong so far.
pub struct Draft {
    document: Document,
    findings: Vec<Diagnostic>,
}

/// Parses the file of a request.
///
/// # Errors
/// Every lexical and syntax error.
pub fn open(file: &str, bytes: &[u8]) -> Result<Draft, Vec<Diagnostic>> {
    let source = decode(file, bytes)?;
    let document = Document::parse(&source)?;
    let mut findings = Vec::new();
    schema::check_file(&document, Author::User, &mut findings);
    Ok(Draft { document, findings })
}

/// The bytes as text.
///
/// # Errors
/// When they are too many or not UTF-8.
pub fn decode(file: &str, bytes: &[u8]) -> Result<Arc<SourceText>, Vec<Diagnostic>> {
    let refuse = |source: &Arc<SourceText>, at: usize, message: &str| {
        Err(vec![Diagnostic::new(Code::Syntax, source, at..at, message)])
    };
    if bytes.len() > MAX_FILE_BYTES {
        return refuse(&SourceText::new(file, ""), 0, "the file is larger than 4 MiB");
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(SourceText::new(file, text)),
        Err(error) => {
            let valid = String::from_utf8_lossy(bytes.get(..error.valid_up_to()).unwrap_or(&[]));
            let source = SourceText::new(file, &valid);
            refuse(&source, source.text().len(), "the file is not UTF-8 from here on")
        }
    }
}

/// A draft with its declarations read, ready for what has to be fetched.
pub struct Sketch<'a> {
    document: &'a Document,
    declarations: Declarations<'a>,
    origins: Vec<(TypeKind, Declared<'a>, Option<Origin>)>,
    variables: Variables,
    findings: Vec<Diagnostic>,
}

impl Draft {
    /// Reads variables and sources.
    pub fn sketch(&self, request: &CompileRequest, options: &LanguageOptions) -> Sketch<'_> {
        let document = &self.document;
        let mut findings = self.findings.clone();
        let declarations = Declarations::collect(document, &mut findings);
        let budget = Budget::new();
        let variables = variables::evaluate(
            document,
            &declarations,
            &request.vars,
            request.lenient_vars,
            request.now,
            &budget,
            &mut findings,
        );
        let scope =
            Scope { variables: VariableAccess::Known(&variables.values), now: request.now, budget: &budget };
        let mut reader = Reader { document, scope: &scope, findings: &mut findings };
        let origins = declarations
            .types
            .iter()
            .map(|(kind, declared)| {
                let origin = definition::origin(&mut reader, *kind, declared, options.allow_insecure_sources);
                (*kind, declared.clone(), origin)
            })
            .collect();
        Sketch { document, declarations, origins, variables, findings }
    }
}

impl Sketch<'_> {
    /// The URLs to be fetched, each once.
    pub fn wanted(&self) -> BTreeSet<String> {
        self.origins
            .iter()
            .filter_map(|(.., origin)| match origin {
                Some(Origin::Remote { url, .. }) => Some(url.text.clone()),
                _ => None,
            })
            .collect()
    }

    /// Lowers and resolves everything.
    pub fn finish(
        mut self,
        request: &CompileRequest,
        options: &LanguageOptions,
        fetched: &Fetched,
    ) -> Compilation {
        let mut findings = std::mem::take(&mut self.findings);
        let pipeline = self.pipeline(request, options, fetched, &mut findings);
        if findings.iter().any(|finding| finding.code == Code::NotSupportedYet) {
            // What `each` is in a job with instances, a version that knows such jobs will say.
            findings.retain(|finding| finding.code != Code::EachOutside);
        }
        conclude(Some(pipeline), findings, self.variables.given_secrets)
    }

    fn pipeline(
        &mut self,
        request: &CompileRequest,
        options: &LanguageOptions,
        fetched: &Fetched,
        findings: &mut Vec<Diagnostic>,
    ) -> Pipeline {
        let document = self.document;
        let budget = Budget::new();
        let variables = VariableAccess::Known(&self.variables.values);
        let scope = Scope { variables, now: request.now, budget: &budget };
        let mut stage = TypeStage { document, scope: &scope, fetched, findings };
        let runners = stage.runners(&self.origins);
        let mut rules = CommandRules {
            runners: &runners,
            allow_secret_args: options.allow_secret_args,
            fragment: request.fragment,
            used: BTreeSet::new(),
        };
        let mut types = stage.types(&self.origins, &mut rules);
        for name in &self.variables.secret_types {
            if !stage.require(&mut types, TypeKind::Secret, &name.text, &mut rules) {
                unresolved(&mut stage.reader(), &types, TypeKind::Secret, name, request.fragment);
            }
        }
        let (resources, known) =
            lower_resources(&self.declarations, request, options, &mut stage, &mut types, &mut rules);

        let mut plans = PlanStage {
            types: stage,
            known: &mut types,
            rules: &mut rules,
            resources: &known,
            used_resources: BTreeSet::new(),
            passed: Vec::new(),
            job: String::new(),
        };
        let mut jobs = Vec::with_capacity(self.declarations.jobs.len());
        for declared in &self.declarations.jobs {
            plans.job.clone_from(&declared.name.text);
            jobs.push(job::lower(&mut plans, declared));
        }
        let (passed, used_resources) =
            (std::mem::take(&mut plans.passed), std::mem::take(&mut plans.used_resources));

        if jobs.is_empty() {
            let finding = Diagnostic::new(Code::NoJobs, document.source(), 0..0, "the pipeline has no jobs");
            findings.push(finding);
        }
        check_passed(document, &jobs, &passed, request.fragment, findings);
        if request.strict {
            let used = Used { resources: &used_resources, types: &types.used, runners: &rules.used };
            check_unused(document, &self.declarations, &used, findings);
        }
        Pipeline {
            variables: std::mem::take(&mut self.variables.declared),
            resource_types: types.resource,
            resources,
            runner_types: runners.templates,
            secret_types: types.secret,
            service_types: types.service,
            jobs,
            sources: fetched.values().flatten().map(|file| file.record.clone()).collect(),
        }
    }
}

fn lower_resources(
    declarations: &Declarations<'_>,
    request: &CompileRequest,
    options: &LanguageOptions,
    stage: &mut TypeStage<'_>,
    types: &mut Types,
    rules: &mut CommandRules<'_>,
) -> (Vec<Resource>, BTreeMap<String, KnownResource>) {
    let mut resources = Vec::with_capacity(declarations.resources.len());
    let mut known = BTreeMap::new();
    for declared in &declarations.resources {
        let name = &declared.type_name;
        if !stage.require(types, TypeKind::Resource, &name.text, rules) {
            unresolved(&mut stage.reader(), types, TypeKind::Resource, name, request.fragment);
        }
        let resource_type = types.resource.get(&name.text);
        let minimum = options.min_check_interval;
        let resource = resource::lower(&mut stage.reader(), declared, resource_type, minimum);
        let can_push = resource_type.map(|resource_type| resource_type.push.is_some());
        known.insert(resource.canonical(), KnownResource { can_push });
        resources.push(resource);
    }
    (resources, known)
}

/// Sorts the findings; a pipeline with an error is none.
pub fn conclude(
    pipeline: Option<Pipeline>,
    mut findings: Vec<Diagnostic>,
    given_secrets: BTreeMap<String, SecretValue>,
) -> Compilation {
    diagnostic::sort(&mut findings);
    let refused = findings.iter().any(|finding| finding.severity == Severity::Error);
    if findings.len() > MAX_FINDINGS {
        findings.retain(|finding| finding.severity == Severity::Error || !refused);
        findings.truncate(MAX_FINDINGS);
    }
    Compilation {
        pipeline: pipeline.filter(|_| !refused),
        diagnostics: findings.iter().map(Diagnostic::located).collect(),
        given_secrets,
    }
}
