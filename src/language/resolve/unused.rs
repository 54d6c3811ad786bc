//! What is declared and never used; asked for by `--strict` only.

use std::collections::BTreeSet;

use crate::diagnostic::{Code, Diagnostic};
use crate::lower::{Declarations, Name, TypeKind};
use crate::parse::Document;

/// What something refers to.
#[derive(Debug)]
pub struct Used<'a> {
    /// Canonicals of resources.
    pub resources: &'a BTreeSet<String>,
    /// Types of resources, secrets, services.
    pub types: &'a BTreeSet<(TypeKind, String)>,
    /// Labels of runners.
    pub runners: &'a BTreeSet<String>,
}

/// Reports resources and types that nothing refers to.
pub fn check_unused(
    document: &Document,
    declarations: &Declarations<'_>,
    used: &Used<'_>,
    findings: &mut Vec<Diagnostic>,
) {
    let mut report = |what: &str, name: &str, at: &Name| {
        let message = format!("{what} \"{name}\" is never used");
        findings.push(Diagnostic::new(Code::Unused, document.source(), at.span.clone(), message));
    };
    for resource in &declarations.resources {
        let canonical = format!("{}.{}", resource.type_name.text, resource.name.text);
        if !used.resources.contains(&canonical) {
            report("resource", &canonical, &resource.name);
        }
    }
    for (kind, declared) in &declarations.types {
        let name = &declared.name.text;
        let is_used = match kind {
            TypeKind::Runner => used.runners.contains(name),
            kind => used.types.contains(&(*kind, name.clone())),
        };
        if !is_used {
            report(kind.word(), name, &declared.name);
        }
    }
}
