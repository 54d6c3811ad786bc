//! Types of resources, secrets and services, from wherever they are defined.

mod definitions;
mod overlay;

use std::collections::{BTreeMap, BTreeSet};

use pikoci_model::pipeline::{ResourceType, RunnerType, SecretType, ServiceType};

pub(super) use definitions::undeclared_param;

use super::command::CommandRules;
use super::definition::{self, Definition, Origin};
use super::fetched::Fetched;
use super::runners::Runners;
use super::{Declared, Reader, TypeKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::evaluate::{Scope, VariableAccess};
use crate::parse::Document;

/// The declared types with the places of their definitions.
pub type Declarations<'a> = [(TypeKind, Declared<'a>, Option<Origin>)];

/// The types of a pipeline: what it declares, and the built-ins that it uses.
#[derive(Debug, Default)]
pub struct Types {
    /// By label.
    pub resource: BTreeMap<String, ResourceType>,
    /// By label.
    pub secret: BTreeMap<String, SecretType>,
    /// By label.
    pub service: BTreeMap<String, ServiceType>,
    /// Declared, but wrong, which was reported.
    broken: BTreeSet<(TypeKind, String)>,
    /// What something refers to.
    pub used: BTreeSet<(TypeKind, String)>,
}

/// Reads definitions: the pipeline's own in its scope, others in an empty one.
pub struct TypeStage<'a> {
    /// The pipeline's file.
    pub document: &'a Document,
    /// Its scope.
    pub scope: &'a Scope<'a>,
    /// What was fetched.
    pub fetched: &'a Fetched,
    /// Where findings go.
    pub findings: &'a mut Vec<Diagnostic>,
}

impl<'a> TypeStage<'a> {
    /// A reader of the pipeline's file.
    pub fn reader(&mut self) -> Reader<'_> {
        Reader { document: self.document, scope: self.scope, findings: self.findings }
    }

    /// The runners. They come first, because every command names one.
    pub fn runners(&mut self, declared: &Declarations<'_>) -> Runners {
        let mut runners = Runners::default();
        for (kind, declared, origin) in declared {
            if *kind != TypeKind::Runner {
                continue;
            }
            let label = &declared.name.text;
            let definition = self.definition(*kind, declared, origin.as_ref());
            match definition {
                Some(Definition::NativeRunner(native)) => {
                    runners.aliases.insert(label.clone(), native);
                }
                Some(definition) => match self.runner(declared, &definition) {
                    Some(template) => {
                        runners.templates.insert(label.clone(), template);
                    }
                    None => {
                        runners.broken.insert(label.clone());
                    }
                },
                None => {
                    runners.broken.insert(label.clone());
                }
            }
        }
        runners
    }

    fn runner(&mut self, declared: &Declared<'_>, definition: &Definition<'_>) -> Option<RunnerType> {
        match definition {
            Definition::Inline => definitions::runner_type(&mut self.reader(), declared.block),
            Definition::Elsewhere { document, index, .. } => {
                let block = document.block(*index)?;
                let scope = Scope { variables: VariableAccess::Foreign, ..*self.scope };
                let mut reader = Reader { document: document.get(), scope: &scope, findings: self.findings };
                definitions::runner_type(&mut reader, block)
            }
            Definition::NativeRunner(_) => None,
        }
    }

    /// The other declared types.
    pub fn types(&mut self, declared: &Declarations<'_>, rules: &mut CommandRules<'_>) -> Types {
        let mut types = Types::default();
        for (kind, declared, origin) in declared {
            if *kind == TypeKind::Runner {
                continue;
            }
            let lowered = self.definition(*kind, declared, origin.as_ref()).and_then(|definition| {
                self.lower(*kind, &declared.name.text, &definition, Some(declared), rules)
            });
            let key = (*kind, declared.name.text.clone());
            match lowered {
                Some(lowered) => types.insert(key.1, lowered),
                None => {
                    types.broken.insert(key);
                }
            }
        }
        types
    }

    fn definition(
        &mut self,
        kind: TypeKind,
        declared: &Declared<'_>,
        origin: Option<&Origin>,
    ) -> Option<Definition<'a>> {
        let fetched = self.fetched;
        definition::follow(&mut self.reader(), kind, &declared.name.text, origin?, fetched)
    }

    /// Lowers a definition, with the attributes that stand beside its `source`.
    fn lower(
        &mut self,
        kind: TypeKind,
        label: &str,
        definition: &Definition<'_>,
        declared: Option<&Declared<'_>>,
        rules: &mut CommandRules<'_>,
    ) -> Option<Lowered> {
        match definition {
            Definition::NativeRunner(_) => None,
            Definition::Inline => definitions::lower(&mut self.reader(), rules, kind, declared?.block, None),
            Definition::Elsewhere { document, index, builtin, over } => {
                let block = document.block(*index)?;
                let scope = Scope { variables: VariableAccess::Foreign, ..*self.scope };
                let mut reader = Reader { document: document.get(), scope: &scope, findings: self.findings };
                let suffix = builtin.then_some(label);
                let mut lowered = definitions::lower(&mut reader, rules, kind, block, suffix)?;
                if let Some((document, index)) = over {
                    let mut reader = Reader { document: document.get(), ..reader };
                    overlay::apply(&mut reader, rules, document.block(*index)?, &mut lowered);
                }
                if let Some(declared) = declared {
                    overlay::apply(&mut self.reader(), rules, declared.block, &mut lowered);
                }
                Some(lowered)
            }
        }
    }

    /// Makes sure that the type `name` is there, from the built-ins if it is not declared. Whether anything is known of it.
    pub fn require(
        &mut self,
        types: &mut Types,
        kind: TypeKind,
        name: &str,
        rules: &mut CommandRules<'_>,
    ) -> bool {
        let key = (kind, name.to_owned());
        let known = types.contains(kind, name) || types.broken.contains(&key);
        let known = known
            || match definition::undeclared(kind, name) {
                None => false,
                Some(definition) => {
                    if let Some(lowered) = self.lower(kind, name, &definition, None, rules) {
                        types.insert(name.to_owned(), lowered);
                    }
                    true
                }
            };
        types.used.insert(key);
        known
    }
}

/// A type of any kind.
#[derive(Debug)]
pub enum Lowered {
    /// `resource_type`
    Resource(Box<ResourceType>),
    /// `secret_type`
    Secret {
        /// Declared parameter names.
        params: Vec<String>,
        /// The type.
        secret: Box<SecretType>,
    },
    /// `service_type`
    Service(Box<ServiceType>),
}

impl Types {
    fn insert(&mut self, label: String, lowered: Lowered) {
        match lowered {
            Lowered::Resource(resource) => {
                self.resource.insert(label, *resource);
            }
            Lowered::Secret { secret, .. } => {
                self.secret.insert(label, *secret);
            }
            Lowered::Service(service) => {
                self.service.insert(label, *service);
            }
        }
    }

    fn contains(&self, kind: TypeKind, name: &str) -> bool {
        match kind {
            TypeKind::Resource => self.resource.contains_key(name),
            TypeKind::Secret => self.secret.contains_key(name),
            TypeKind::Service => self.service.contains_key(name),
            TypeKind::Runner => false,
        }
    }

    /// The names that a reference of this kind could have meant.
    #[must_use]
    pub fn names(&self, kind: TypeKind) -> Vec<String> {
        let declared: Vec<String> = match kind {
            TypeKind::Resource => self.resource.keys().cloned().collect(),
            TypeKind::Secret => self.secret.keys().cloned().collect(),
            TypeKind::Service => self.service.keys().cloned().collect(),
            TypeKind::Runner => Vec::new(),
        };
        declared.into_iter().chain(crate::builtin::names(kind)).collect()
    }
}

/// Reports a reference to a type of which nothing is known.
pub fn unresolved(
    reader: &mut Reader<'_>,
    types: &Types,
    kind: TypeKind,
    name: &super::Name,
    fragment: bool,
) {
    let names = types.names(kind);
    let message = format!("{} \"{}\" is not declared", kind.word(), name.text);
    let finding = reader
        .finding(Code::UnresolvedReference, name.span.clone(), message)
        .suggest(&name.text, names.iter().map(String::as_str));
    reader.push(if fragment { finding.into_warning() } else { finding });
}
