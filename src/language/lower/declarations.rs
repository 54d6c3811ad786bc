//! What a file declares at its top level, by name.

use std::collections::HashMap;

use hcl_edit::structure::Block;

use super::Name;
use super::name::Form;
use crate::diagnostic::{Code, Diagnostic};
use crate::parse::Document;
use crate::schema::{BlockKind, kind_of};
use crate::source::Place;

/// The kinds of type a pipeline can declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TypeKind {
    /// `resource_type`
    Resource,
    /// `runner_type`
    Runner,
    /// `secret_type`
    Secret,
    /// `service_type`
    Service,
}

impl TypeKind {
    /// The word of its block.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            TypeKind::Resource => "resource_type",
            TypeKind::Runner => "runner_type",
            TypeKind::Secret => "secret_type",
            TypeKind::Service => "service_type",
        }
    }

    /// The kind of its block.
    #[must_use]
    pub fn block_kind(self) -> BlockKind {
        match self {
            TypeKind::Resource => BlockKind::ResourceType,
            TypeKind::Runner => BlockKind::RunnerType,
            TypeKind::Secret => BlockKind::SecretType,
            TypeKind::Service => BlockKind::ServiceType,
        }
    }

    /// The kind of type that a block of this kind declares.
    pub fn of(kind: BlockKind) -> Option<TypeKind> {
        [TypeKind::Resource, TypeKind::Runner, TypeKind::Secret, TypeKind::Service]
            .into_iter()
            .find(|candidate| candidate.block_kind() == kind)
    }
}

/// A block with its name.
#[derive(Debug, Clone)]
pub struct Declared<'a> {
    /// The block.
    pub block: &'a Block,
    /// Its first label.
    pub name: Name,
}

/// `resource "type" "name"`.
#[derive(Debug, Clone)]
pub struct DeclaredResource<'a> {
    /// The block.
    pub block: &'a Block,
    /// Its first label.
    pub type_name: Name,
    /// Its second label.
    pub name: Name,
}

/// Everything that a file declares, each in file order, each name once.
#[derive(Debug, Default)]
pub struct Declarations<'a> {
    /// `variable`
    pub variables: Vec<Declared<'a>>,
    /// The types.
    pub types: Vec<(TypeKind, Declared<'a>)>,
    /// `resource`
    pub resources: Vec<DeclaredResource<'a>>,
    /// `job`
    pub jobs: Vec<Declared<'a>>,
}

impl<'a> Declarations<'a> {
    /// Collects the declarations of a file; reports bad and repeated names.
    pub fn collect(document: &'a Document, findings: &mut Vec<Diagnostic>) -> Declarations<'a> {
        let mut declarations = Declarations::default();
        let mut names = Names { document, findings, seen: HashMap::new() };
        for block in document.body().blocks() {
            let Some(kind) = kind_of(BlockKind::File, block.ident.as_str(), block.labels.len()) else {
                continue;
            };
            let Some(name) = Name::label(document, block, 0) else { continue };
            match kind {
                BlockKind::Variable if names.take("variable", Form::Identifier, &name.text, &name) => {
                    declarations.variables.push(Declared { block, name });
                }
                BlockKind::Job if names.take("job", Form::Slug, &name.text, &name) => {
                    declarations.jobs.push(Declared { block, name });
                }
                BlockKind::Resource => {
                    let Some(second) = Name::label(document, block, 1) else { continue };
                    let canonical = format!("{}.{}", name.text, second.text);
                    if names.take("resource", Form::Slug, &canonical, &second) {
                        declarations.resources.push(DeclaredResource {
                            block,
                            type_name: name,
                            name: second,
                        });
                    }
                }
                kind => {
                    let Some(kind) = TypeKind::of(kind) else { continue };
                    if names.take(kind.word(), Form::Slug, &name.text, &name) {
                        declarations.types.push((kind, Declared { block, name }));
                    }
                }
            }
        }
        declarations
    }
}

/// The names given so far.
struct Names<'a, 'f> {
    document: &'a Document,
    findings: &'f mut Vec<Diagnostic>,
    seen: HashMap<(&'static str, String), Place>,
}

impl Names<'_, '_> {
    /// Whether the name is given for the first time.
    fn take(&mut self, what: &'static str, form: Form, full: &str, name: &Name) -> bool {
        name.check(form, what, self.document, self.findings);
        let place = Place { source: self.document.source().clone(), span: name.span.clone() };
        if let Some(first) = self.seen.get(&(what, full.to_owned())) {
            let message = format!("{what} \"{full}\" is declared twice, first at {first}");
            let finding =
                Diagnostic::new(Code::DuplicateName, self.document.source(), name.span.clone(), message);
            self.findings.push(finding);
            return false;
        }
        self.seen.insert((what, full.to_owned()), place);
        true
    }
}
