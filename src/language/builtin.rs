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
    ("kafka.hcl", include_str!("../../builtin/kafka.hcl")),
    ("mariadb.hcl", include_str!("../../builtin/mariadb.hcl")),
    ("mysql.hcl", include_str!("../../builtin/mysql.hcl")),
    ("nats.hcl", include_str!("../../builtin/nats.hcl")),
    ("postgresql.hcl", include_str!("../../builtin/postgresql.hcl")),
    ("rabbitmq.hcl", include_str!("../../builtin/rabbitmq.hcl")),
    ("redis.hcl", include_str!("../../builtin/redis.hcl")),
    ("vault.hcl", include_str!("../../builtin/vault.hcl")),
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
    let name =
        ALIASES.iter().find(|(of, alias, _)| *of == kind && *alias == name).map_or(name, |(.., name)| name);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{self, Author};

    #[test]
    fn every_file_is_listed_and_right() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../builtin");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(FILES.iter().any(|(listed, _)| *listed == name), "builtin/{name} is not listed");
        }
        for (name, text) in FILES {
            let source = SourceText::new(*name, text);
            let show = |findings: &[crate::diagnostic::Diagnostic]| {
                let shown: Vec<_> =
                    findings.iter().map(|it| crate::diagnostic::render(&it.located())).collect();
                shown.join("\n")
            };
            let document = Document::parse(&source).unwrap_or_else(|findings| panic!("{}", show(&findings)));
            let mut findings = Vec::new();
            schema::check_file(&document, Author::Builtin, &mut findings);
            assert_eq!(show(&findings), "");
        }
    }

    #[test]
    fn aliases_lead_somewhere() {
        for (kind, alias, name) in ALIASES {
            assert_eq!(find(kind, alias).unwrap().name, name);
        }
    }
}
