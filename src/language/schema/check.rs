//! A parsed file against the table.

use hcl_edit::structure::{Attribute, Block, BlockLabel, Body, Structure};

use super::shape::{Attributes, BlockKind, Shape, Support, Times, Verdict};
use super::table::{hook_kind, shape};
use crate::diagnostic::{Code, Diagnostic};
use crate::parse::Document;
use crate::source::Span;

/// What a construct of another system, which does not exist here, is called here.
const ELSEWHERE: [(&str, &str); 6] = [
    ("across", "use `matrix` of the job"),
    ("set_pipeline", "call `pikoci client pipelines update` in a task"),
    ("load_var", "write the value to `$PIKOCI_OUTPUT` in a task"),
    ("try", "use `allow_failure` of the job, or an `on_failure` hook"),
    ("locals", "use a `variable` with a default"),
    ("dynamic", "write the blocks out; a job may repeat with `for_each`"),
];

/// Whose text a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// A user.
    User,
    /// The program itself.
    Builtin,
}

/// Checks a whole file.
pub fn check_file(document: &Document, author: Author, findings: &mut Vec<Diagnostic>) {
    Checker { document, author, findings }.body(document.body(), BlockKind::File, "at the top level");
}

/// Checks one block of a file, of which the rest does not matter.
pub fn check_block(document: &Document, block: &Block, kind: BlockKind, findings: &mut Vec<Diagnostic>) {
    Checker { document, author: Author::User, findings }.block(block, kind);
}

struct Checker<'a> {
    document: &'a Document,
    author: Author,
    findings: &'a mut Vec<Diagnostic>,
}

impl Checker<'_> {
    fn report(&self, code: Code, span: Span, message: String) -> Diagnostic {
        Diagnostic::new(code, self.document.source(), span, message)
    }

    fn body(&mut self, body: &Body, kind: BlockKind, place: &str) {
        let shape = shape(kind);
        let mut seen: Vec<&str> = Vec::new();
        for structure in body {
            match structure {
                Structure::Attribute(attribute) => self.attribute(attribute, shape, place),
                Structure::Block(block) => {
                    self.nested(block, shape, place, seen.contains(&block.ident.as_str()));
                    seen.push(block.ident.as_str());
                }
            }
        }
    }

    fn attribute(&mut self, attribute: &Attribute, shape: &Shape, place: &str) {
        let name = attribute.key.as_str();
        let span = self.document.span(&attribute.key);
        let author = self.author;
        let known = |support: Support| support != Support::BuiltinOnly || author == Author::Builtin;
        let listed = || shape.attributes.iter().filter(|rule| known(rule.support));
        match listed().find(|rule| rule.name == name).map(|rule| rule.support) {
            Some(Support::Everywhere | Support::BuiltinOnly) => {}
            Some(Support::Later) => {
                let message = format!("attribute \"{name}\" {place} is not supported by this version yet");
                let finding = self.report(Code::NotSupportedYet, span, message);
                self.findings.push(finding);
            }
            None if name == "secrets"
                && !matches!(place, "at the top level")
                && shape.takes == Attributes::Listed =>
            {
                let finding = self
                    .report(Code::Removed, span, "attribute \"secrets\" does not exist any more".to_owned())
                    .hint("use a variable with a `secret` block, and its value where it is needed");
                self.findings.push(finding);
            }
            None if shape.takes == Attributes::Free => {}
            None => {
                let message = format!("attribute \"{name}\" does not exist {place}");
                let finding = self.report(Code::UnknownAttribute, span, message);
                let finding = if shape.blocks.iter().any(|rule| rule.word == name) {
                    finding.hint(format!("\"{name}\" is a block: write `{name} … {{`, without `=`"))
                } else {
                    finding.suggest(name, listed().map(|rule| rule.name))
                };
                self.findings.push(finding);
            }
        }
    }

    fn nested(&mut self, block: &Block, shape: &Shape, place: &str, repeated: bool) {
        let word = block.ident.as_str();
        let span = self.document.span(&block.ident);
        let Some(rule) = shape.blocks.iter().find(|rule| rule.word == word) else {
            self.unknown_block(block, shape, place);
            return;
        };
        if let (Times::Once(code), true) = (rule.times, repeated) {
            let finding =
                self.report(code, span.clone(), format!("block \"{word}\" may stand only once {place}"));
            self.findings.push(finding);
        }
        match rule.verdict {
            Verdict::Block(kind) => self.block(block, kind),
            Verdict::Hook => self.hook(block),
            Verdict::Later => {
                let message = format!("block \"{word}\" {place} is not supported by this version yet");
                let finding = self.report(Code::NotSupportedYet, span, message);
                self.findings.push(finding);
            }
            Verdict::NotInHook => {
                let hint = "a hook holds task and put steps, without hooks of their own";
                let message = format!("block \"{word}\" may not stand in a hook");
                let finding = self.report(Code::NotInHook, span, message).hint(hint);
                self.findings.push(finding);
            }
            Verdict::Removed(hint) => {
                let message = format!("block \"{word}\" {place} does not exist any more");
                let finding = self.report(Code::Removed, span, message).hint(hint);
                self.findings.push(finding);
            }
            Verdict::Legacy(kind, now) => {
                let message = format!("block \"{word}\" {place} is now called \"{now}\"");
                let finding = self.report(Code::LegacyName, span, message);
                self.findings.push(finding);
                self.block(block, kind);
            }
        }
    }

    fn unknown_block(&mut self, block: &Block, shape: &Shape, place: &str) {
        let word = block.ident.as_str();
        let span = self.document.span(&block.ident);
        let message = format!("block \"{word}\" does not exist {place}");
        let mut finding = self
            .report(Code::UnknownBlock, span, message)
            .suggest(word, shape.blocks.iter().map(|rule| rule.word));
        if let Some((_, hint)) = ELSEWHERE.iter().find(|(name, _)| *name == word) {
            finding = finding.hint(*hint);
        } else if shape.attributes.iter().any(|rule| rule.name == word) {
            finding = finding.hint(format!("\"{word}\" is an attribute: write `{word} = …`"));
        }
        self.findings.push(finding);
    }

    fn hook(&mut self, block: &Block) {
        let kind = hook_kind(block.labels.len());
        self.block(block, kind);
    }

    fn block(&mut self, block: &Block, kind: BlockKind) {
        let word = block.ident.as_str();
        let shape = shape(kind);
        self.labels(block, kind, shape);
        let place = format!("in \"{word}\"");
        self.body(&block.body, kind, &place);
    }

    fn labels(&mut self, block: &Block, kind: BlockKind, shape: &Shape) {
        let word = block.ident.as_str();
        let (found, wanted) = (block.labels.len(), shape.labels);
        if (wanted.least..=wanted.names.len()).contains(&found) {
            return;
        }
        let names = wanted.names.iter().map(|name| format!("\"<{name}>\"")).collect::<Vec<_>>().join(" ");
        let hint = format!("write `{word} {names}{}{{`", if names.is_empty() { "" } else { " " });
        let finding = if found == 0 && matches!(kind, BlockKind::Command | BlockKind::ReadyCheck) {
            let span = self.document.span(&block.ident);
            self.report(
                Code::CommandLabel,
                span,
                format!("block \"{word}\" needs a label that names its runner"),
            )
        } else {
            let span = self.labels_span(block);
            let count = match (wanted.least, wanted.names.len()) {
                (0, 0) => "no label".to_owned(),
                (1, 1) => "1 label".to_owned(),
                (least, most) if least == most => format!("{most} labels"),
                (least, most) => format!("{least} or {most} labels"),
            };
            self.report(Code::Labels, span, format!("block \"{word}\" takes {count}, found {found}"))
        };
        self.findings.push(finding.hint(hint));
    }

    fn labels_span(&self, block: &Block) -> Span {
        let last = match block.labels.last() {
            Some(BlockLabel::Ident(label)) => self.document.span(label),
            Some(BlockLabel::String(label)) => self.document.span(label),
            None => self.document.span(&block.ident),
        };
        self.document.span(&block.ident).start..last.end
    }
}
