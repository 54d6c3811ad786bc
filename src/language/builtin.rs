//! What ships in the program: types as HCL, compiled by the same compiler as a user's file.

use std::sync::{Arc, LazyLock};

use crate::lower::TypeKind;
use crate::parse::Document;
use crate::schema::{BlockKind, kind_of};
use crate::source::SourceText;

/// The built-in files, by name.
const FILES: &[(&str, &str)] = &[
    ("cron.hcl", include_str!("../../builtin/cron.hcl")),
    ("env.hcl", include_str!("../../builtin/env.hcl")),
    ("file.hcl", include_str!("../../builtin/file.hcl")),
    ("fs.hcl", include_str!("../../builtin/fs.hcl")),
    ("git.hcl", include_str!("../../builtin/git.hcl")),
];

/// Other names of built-in types.
const ALIASES: [(TypeKind, &str, &str); 3] = [
    (TypeKind::Service, "postgres", "postgresql"),
    (TypeKind::Service, "pg", "postgresql"),
    (TypeKind::Service, "rabbit", "rabbitmq"),
];

/// All built-in files, parsed once.
static DOCUMENTS: LazyLock<Vec<Arc<Document>>> = LazyLock::new(|| {
    let parse = |(name, text): &(&str, &str)| {
        let source = SourceText::new(format!("builtin/{name}"), text);
        // A built-in that does not parse is absent; a test compiles every one of them.
        Document::parse(&source).ok().map(Arc::new)
    };
    FILES.iter().filter_map(parse).collect()
});

/// A built-in type: its file, and the block in it.
#[derive(Debug, Clone)]
pub struct Builtin {
    /// Its own name, whatever alias was asked for.
    pub name: String,
    /// Its file.
    pub document: Arc<Document>,
    index: usize,
}

impl Builtin {
    /// Which block of its file defines it.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }
}

/// The built-in type of this kind and name, or alias.
#[must_use]
pub fn find(kind: TypeKind, name: &str) -> Option<Builtin> {
    let name = ALIASES.iter().find(|(of, alias, _)| *of == kind && *alias == name).map_or(name, |(.., name)| name);
    all().find(|(of, builtin)| *of == kind && builtin.name == name).map(|(_, builtin)| builtin)
}

/// The names and aliases of all built-in types of a kind.
#[must_use]
pub fn names(kind: TypeKind) -> Vec<String> {
    let aliases = ALIASES.iter().filter(|(of, ..)| *of == kind).map(|(_, alias, _)| (*alias).to_owned());
    all().filter(|(of, _)| *of == kind).map(|(_, builtin)| builtin.name).chain(aliases).collect()
}

/// Every built-in type.
pub fn all() -> impl Iterator<Item = (TypeKind, Builtin)> {
    DOCUMENTS.iter().flat_map(|document| {
        document.body().blocks().enumerate().filter_map(|(index, block)| {
            let kind = kind_of(BlockKind::File, block.ident.as_str(), block.labels.len())?;
            let name = block.labels.first()?.as_str().to_owned();
            Some((TypeKind::of(kind)?, Builtin { name, document: document.clone(), index }))
        })
    })
}
