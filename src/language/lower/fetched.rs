//! Files that a `source` names, and the block in them that is meant.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hcl_edit::structure::Block;
use pikoci_model::pipeline::FetchedSource;
use sha2::{Digest, Sha256};

use super::definition::{Definition, DocumentRef, Origin, origin};
use super::{Declared, Name, Reader, TypeKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::evaluate::{Scope, VariableAccess};
use crate::parse::Document;
use crate::schema::{self, BlockKind, kind_of};
use crate::source::SourceText;

/// A file that was fetched, or the reason why not.
#[derive(Debug)]
pub struct FetchedFile {
    /// For the model.
    pub record: FetchedSource,
    /// Parsed, or what is wrong with it.
    pub document: Result<Document, Vec<Diagnostic>>,
}

impl FetchedFile {
    /// Takes the bytes that `url` gave.
    #[must_use]
    pub fn new(url: &str, bytes: &[u8], now: DateTime<Utc>) -> FetchedFile {
        let digest = Sha256::digest(bytes);
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let document = match std::str::from_utf8(bytes) {
            Ok(text) => Document::parse(&SourceText::new(url, text)),
            Err(_) => {
                let source = SourceText::new(url, "");
                Err(vec![Diagnostic::new(Code::Syntax, &source, 0..0, "the file is not UTF-8")])
            }
        };
        FetchedFile { record: FetchedSource { url: url.to_owned(), sha256, fetched_at: now }, document }
    }
}

/// What was fetched, by URL; a text is the reason why a file could not be.
pub type Fetched = BTreeMap<String, Result<FetchedFile, String>>;

/// The block of a fetched file that is meant: of the same kind; the one with the same label, else the first.
pub(super) fn choose<'a>(
    reader: &mut Reader<'_>,
    kind: TypeKind,
    label: &str,
    url: &Name,
    document: &'a Document,
) -> Option<Definition<'a>> {
    let blocks = || document.body().blocks().enumerate();
    for (_, block) in blocks().filter(|(_, block)| block.ident.as_str() == "variable") {
        let message = "a fetched file cannot declare variables";
        let span = document.span(&block.ident);
        let hint = "declare a param, and use `$param_<name>` in the commands";
        reader.push(Diagnostic::new(Code::VariableInSource, document.source(), span, message).hint(hint));
    }
    let of_kind = |block: &Block| {
        kind_of(BlockKind::File, block.ident.as_str(), block.labels.len()) == Some(kind.block_kind())
    };
    let labelled = |block: &Block| block.labels.first().is_some_and(|found| found.as_str() == label);
    let chosen = blocks()
        .find(|(_, block)| of_kind(block) && labelled(block))
        .or_else(|| blocks().find(|(_, block)| of_kind(block)));
    let Some((index, block)) = chosen else {
        let message = format!("the file \"{}\" holds no {}", url.text, kind.word());
        let finding = reader.finding(Code::FetchFailed, url.span.clone(), message);
        reader.push(finding);
        return None;
    };
    schema::check_block(document, block, kind.block_kind(), reader.findings);
    if block.body.has_attribute("source") {
        return nested(reader, kind, document, index, block);
    }
    let document = DocumentRef::Fetched(document);
    Some(Definition::Elsewhere { document, index, builtin: false, over: None })
}

/// Follows the source of a fetched definition: one level, and only to what ships in the program.
fn nested<'a>(
    reader: &mut Reader<'_>,
    kind: TypeKind,
    document: &'a Document,
    index: usize,
    block: &Block,
) -> Option<Definition<'a>> {
    let source = block.body.get_attribute("source")?;
    if !source.value.as_str().is_some_and(|source| source.starts_with("pikoci://")) {
        let span = document.span(&source.value);
        let message = "a fetched definition may only have a source that is `pikoci://NAME`";
        reader.push(Diagnostic::new(Code::NestedSource, document.source(), span, message));
        return None;
    }
    let scope = Scope { variables: VariableAccess::Foreign, ..*reader.scope };
    let declared = Declared { block, name: Name::label(document, block, 0)? };
    let mut reader = Reader { document, scope: &scope, findings: reader.findings };
    match origin(&mut reader, kind, &declared, false)? {
        Origin::Builtin(builtin) => Some(builtin.definition(Some((DocumentRef::Fetched(document), index)))),
        Origin::NativeRunner(name) => Some(Definition::NativeRunner(name)),
        Origin::Inline | Origin::Remote { .. } => None,
    }
}
