//! Sentences with links: how a page says why something waits, failed or began.

use super::{Html, escape_into};

/// One piece of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Plain words, with the spaces around them.
    Text(String),
    /// A name, set in bold.
    Name(String),
    /// An identifier, set in monospace.
    Code(String),
    /// A link with its address (a path of this server).
    Link {
        /// What is shown.
        label: String,
        /// Where it leads.
        href: String,
    },
}

/// A sentence of pieces; empty when there is nothing to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sentence(pub Vec<Piece>);

impl Sentence {
    /// A sentence of plain words.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self(vec![Piece::Text(text.into())])
    }

    /// Adds plain words.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.with(Piece::Text(text.into()))
    }

    /// Adds a name in bold.
    #[must_use]
    pub fn name(self, text: impl Into<String>) -> Self {
        self.with(Piece::Name(text.into()))
    }

    /// Adds an identifier in monospace.
    #[must_use]
    pub fn code(self, text: impl Into<String>) -> Self {
        self.with(Piece::Code(text.into()))
    }

    /// Adds a link.
    #[must_use]
    pub fn link(self, label: impl Into<String>, href: impl Into<String>) -> Self {
        self.with(Piece::Link { label: label.into(), href: href.into() })
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn with(mut self, piece: Piece) -> Self {
        self.0.push(piece);
        self
    }

    pub(crate) fn html(&self) -> Html {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => escape_into(text, &mut out),
                Piece::Name(text) => wrapped("b", text, &mut out),
                Piece::Code(text) => wrapped("code", text, &mut out),
                Piece::Link { label, href } => {
                    out.push_str("<a href=\"");
                    escape_into(href, &mut out);
                    out.push_str("\">");
                    escape_into(label, &mut out);
                    out.push_str("</a>");
                }
            }
        }
        Html(out)
    }
}

fn wrapped(tag: &str, text: &str, out: &mut String) {
    out.push('<');
    out.push_str(tag);
    out.push('>');
    escape_into(text, out);
    out.push_str("</");
    out.push_str(tag);
    out.push('>');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_escaped() {
        let said = Sentence::plain("a < b ").code("x&y").text(" by ").link("\"me\"", "/u?a=1&b='");
        assert_eq!(
            said.html().0,
            "a &lt; b <code>x&amp;y</code> by <a href=\"/u?a=1&amp;b=&#39;\">&quot;me&quot;</a>"
        );
    }
}
