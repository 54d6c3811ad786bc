//! Labels as names with a place.

use hcl_edit::structure::{Block, BlockLabel};

use crate::diagnostic::{Code, Diagnostic};
use crate::parse::Document;
use crate::slug;
use crate::source::Span;

/// A name and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub text: String,
    /// Where it stands in its file.
    pub span: Span,
}

/// What a name has to look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Lower-case letters, digits, `-` and `_`.
    Slug,
    /// A slug in which `.` may stand.
    StepName,
    /// Letters, digits and `_`.
    Identifier,
}

impl Name {
    /// The label at `index`; `None` when the block has fewer, which was reported.
    pub fn label(document: &Document, block: &Block, index: usize) -> Option<Name> {
        let (text, span) = match block.labels.get(index)? {
            BlockLabel::Ident(label) => (label.as_str().to_owned(), document.span(label)),
            BlockLabel::String(label) => (label.as_str().to_owned(), document.span(label)),
        };
        Some(Name { text, span })
    }

    /// Reports a name that does not look as it has to. `what` is the kind of thing it names.
    pub fn check(&self, form: Form, what: &str, document: &Document, findings: &mut Vec<Diagnostic>) {
        let (right, wanted) = match form {
            Form::Slug => (slug::is_slug(&self.text), "lower-case letters, digits, `-` and `_`"),
            Form::StepName => {
                (slug::is_step_name(&self.text), "lower-case letters, digits, `-`, `_` and `.`")
            }
            Form::Identifier => {
                (slug::is_identifier(&self.text), "letters, digits and `_`, not beginning with a digit")
            }
        };
        if right {
            return;
        }
        let message = format!("\"{}\" cannot name a {what}", self.text);
        let mut finding = Diagnostic::new(Code::NotASlug, document.source(), self.span.clone(), message)
            .hint(format!("a name consists of {wanted}, at most {} bytes", slug::MAX_NAME_BYTES));
        let slug = match form {
            Form::Identifier => slug::slugify(&self.text).replace('-', "_"),
            Form::Slug | Form::StepName => slug::slugify(&self.text),
        };
        if !slug.is_empty() && slug != self.text && slug.len() <= slug::MAX_NAME_BYTES {
            finding = finding.suggestion(slug);
        }
        findings.push(finding);
    }
}
