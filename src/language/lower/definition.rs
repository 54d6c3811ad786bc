//! Where a type's definition stands: in the pipeline, in a built-in, or in a fetched file.

use std::sync::Arc;

use hcl_edit::structure::Block;

use super::fetched::{Fetched, choose};
use super::{Declared, Name, Reader, TypeKind};
use crate::builtin::{self, Builtin};
use crate::diagnostic::Code;
use crate::parse::Document;

/// The commands of each kind of type: those that a source brings.
fn commands(kind: TypeKind) -> &'static [&'static str] {
    match kind {
        TypeKind::Resource => &["check", "pull", "push"],
        TypeKind::Runner => &["run"],
        TypeKind::Secret => &["get"],
        TypeKind::Service => &["start", "process", "ready_check", "stop"],
    }
}

/// Where a declared type says its definition is.
#[derive(Debug, Clone)]
pub enum Origin {
    /// In its own block.
    Inline,
    /// A built-in, maybe under another label.
    Builtin(Builtin),
    /// One of the runners that need no definition.
    NativeRunner(&'static str),
    /// A URL, and the digest that its file must have.
    Remote {
        /// Where to fetch it, and where that is written.
        url: Name,
        /// Hex, and where it is written.
        sha256: Option<Name>,
    },
}

/// Reads where the definition is; `None` when that is wrong, which was reported.
pub fn origin(
    reader: &mut Reader<'_>,
    kind: TypeKind,
    declared: &Declared<'_>,
    allow_insecure: bool,
) -> Option<Origin> {
    let body = &declared.block.body;
    let own_command = body.blocks().find(|block| commands(kind).contains(&block.ident.as_str()));
    let origin = read_origin(reader, kind, declared, own_command, allow_insecure)?;
    if let (Some(digest), false) = (body.get_attribute("sha256"), matches!(origin, Origin::Remote { .. })) {
        let span = reader.document.span(&digest.key);
        let message = "attribute \"sha256\" goes with a source that is fetched";
        let finding = reader.finding(Code::UnknownAttribute, span, message);
        reader.push(finding);
    }
    Some(origin)
}

fn read_origin(
    reader: &mut Reader<'_>,
    kind: TypeKind,
    declared: &Declared<'_>,
    own_command: Option<&Block>,
    allow_insecure: bool,
) -> Option<Origin> {
    let body = &declared.block.body;
    if !body.has_attribute("source") {
        return Some(match (own_command, builtin_named(kind, &declared.name.text)) {
            (None, Some(origin)) => origin,
            _ => Origin::Inline,
        });
    }
    if let Some(command) = own_command {
        let span = reader.document.span(&command.ident);
        let message = format!("\"{}\" and \"source\" exclude each other", command.ident.as_str());
        let finding = reader.finding(Code::SourceAndInline, span, message);
        reader.push(finding);
    }
    let url = reader.plain(body, "source");
    let sha256 = reader.plain(body, "sha256");
    let url = url?;
    if let Some(name) = url.text.strip_prefix("pikoci://") {
        let found = builtin_named(kind, name);
        if found.is_none() {
            let names = builtin::names(kind);
            let message = format!("there is no built-in {} \"{name}\"", kind.word());
            let finding = reader.finding(Code::UnknownBuiltin, url.span, message);
            let native = if kind == TypeKind::Runner { &super::runners::NATIVE[..] } else { &[] };
            let known: Vec<&str> = names.iter().map(String::as_str).chain(native.iter().copied()).collect();
            let finding =
                finding.hint(format!("built-in are: {}", known.join(", "))).suggest(name, known.clone());
            reader.push(finding);
        }
        return found;
    }
    let scheme = url.text.split_once("://").map_or("", |(scheme, _)| scheme);
    match scheme {
        "https" => {}
        "http" if allow_insecure => {}
        "http" => {
            let hint =
                "use https; `http://` needs a server, or a command here, with `--allow-insecure-sources`";
            reader.push(
                reader.finding(Code::SourceScheme, url.span, "a source cannot be fetched by http").hint(hint),
            );
            return None;
        }
        _ => {
            let message = "a source is `pikoci://NAME` or `https://…`";
            reader.push(reader.finding(Code::SourceScheme, url.span, message));
            return None;
        }
    }
    Some(Origin::Remote { url, sha256 })
}

fn builtin_named(kind: TypeKind, name: &str) -> Option<Origin> {
    if kind == TypeKind::Runner {
        return super::runners::native(name).map(Origin::NativeRunner);
    }
    builtin::find(kind, name).map(Origin::Builtin)
}

/// A definition, ready to be lowered.
#[derive(Debug)]
pub enum Definition<'a> {
    /// The declaration itself.
    Inline,
    /// A block of another file.
    Elsewhere {
        /// The file.
        document: DocumentRef<'a>,
        /// Which of its blocks.
        index: usize,
        /// Whether it ships in the program.
        builtin: bool,
        /// The block of a fetched file that has this one as its own source, and lies over it.
        over: Option<(DocumentRef<'a>, usize)>,
    },
    /// A runner that needs no definition.
    NativeRunner(&'static str),
}

/// A file that is owned by the program, or by this compilation.
#[derive(Debug, Clone)]
pub enum DocumentRef<'a> {
    /// A built-in.
    Shared(Arc<Document>),
    /// A fetched file.
    Fetched(&'a Document),
}

impl DocumentRef<'_> {
    /// The file.
    #[must_use]
    pub fn get(&self) -> &Document {
        match self {
            DocumentRef::Shared(document) => document,
            DocumentRef::Fetched(document) => document,
        }
    }

    /// One of its blocks.
    #[must_use]
    pub fn block(&self, index: usize) -> Option<&Block> {
        self.get().body().blocks().nth(index)
    }
}

impl Builtin {
    /// As a definition that a block of a fetched file may lie over.
    pub(super) fn definition<'a>(&self, over: Option<(DocumentRef<'a>, usize)>) -> Definition<'a> {
        Definition::Elsewhere {
            document: DocumentRef::Shared(self.document.clone()),
            index: self.index(),
            builtin: true,
            over,
        }
    }
}

/// The definition of an undeclared type: the built-in of that name.
#[must_use]
pub fn undeclared(kind: TypeKind, name: &str) -> Option<Definition<'static>> {
    builtin::find(kind, name).map(|builtin| builtin.definition(None))
}

/// Follows an origin to the definition; `None` when it leads nowhere, which was reported.
pub fn follow<'a>(
    reader: &mut Reader<'_>,
    kind: TypeKind,
    label: &str,
    origin: &Origin,
    fetched: &'a Fetched,
) -> Option<Definition<'a>> {
    let (url, sha256) = match origin {
        Origin::Inline => return Some(Definition::Inline),
        Origin::NativeRunner(name) => return Some(Definition::NativeRunner(name)),
        Origin::Builtin(builtin) => return Some(builtin.definition(None)),
        Origin::Remote { url, sha256 } => (url, sha256),
    };
    // What was not asked for is not known, and nothing is said about it.
    let file = match fetched.get(&url.text)? {
        Ok(file) => file,
        Err(reason) => {
            let finding = reader.finding(Code::FetchFailed, url.span.clone(), reason.clone());
            reader.push(finding);
            return None;
        }
    };
    if let Some(wanted) = sha256
        && !wanted.text.eq_ignore_ascii_case(&file.record.sha256)
    {
        let message =
            format!("the digest of \"{}\" is {}, not what \"sha256\" says", url.text, file.record.sha256);
        let finding = reader.finding(Code::Digest, wanted.span.clone(), message);
        reader.push(finding);
        return None;
    }
    match &file.document {
        Err(findings) => {
            findings.iter().for_each(|finding| reader.push(finding.clone()));
            None
        }
        Ok(document) => choose(reader, kind, label, url, document),
    }
}
