//! A text with a name: what diagnostics point into.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A stretch of a source text, in bytes.
pub type Span = Range<usize>;

/// A pipeline file, a fetched definition or a built-in: the text that spans refer to.
///
/// The text has no byte-order mark and ends its lines with LF only, whatever was given; line and column are the same in both.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceText {
    name: String,
    text: String,
    line_starts: Vec<usize>,
}

/// A place as a person counts: both from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineColumn {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl SourceText {
    /// Takes a text; `name` is what diagnostics call it.
    #[must_use]
    pub fn new(name: impl Into<String>, text: &str) -> Arc<SourceText> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let text = if text.contains('\r') { text.replace("\r\n", "\n") } else { text.to_owned() };
        let line_starts = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1))
            .collect();
        Arc::new(SourceText { name: name.into(), text, line_starts })
    }

    /// The name of the file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line and column of a byte offset; an offset beyond the end is the end.
    #[must_use]
    pub fn locate(&self, offset: usize) -> LineColumn {
        let offset = floor_char_boundary(&self.text, offset);
        let index = self.line_starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.line_starts.get(index).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or("");
        LineColumn { line: index + 1, column: before.chars().count() + 1 }
    }

    /// The text of a line (from 1) without its end; empty for a line that does not exist.
    #[must_use]
    pub fn line(&self, line: usize) -> &str {
        let Some(start) = line.checked_sub(1).and_then(|index| self.line_starts.get(index)) else {
            return "";
        };
        let end = self.line_starts.get(line).map_or(self.text.len(), |next| next - 1);
        self.text.get(*start..end).unwrap_or("")
    }
}

/// The largest character border that is not beyond `offset`.
fn floor_char_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// A stretch of a particular source.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    /// The text.
    pub source: Arc<SourceText>,
    /// The bytes in it.
    pub span: Span,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Place {
    /// `FILE:LINE,COL-COL`, or `FILE:LINE,COL-LINE,COL` over several lines; the end is the column after the last character.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, end) = (self.start(), self.end());
        write!(f, "{}:{},{}-", self.source.name(), start.line, start.column)?;
        if start.line == end.line {
            write!(f, "{}", end.column)
        } else {
            write!(f, "{},{}", end.line, end.column)
        }
    }
}

impl Place {
    /// The first character.
    #[must_use]
    pub fn start(&self) -> LineColumn {
        self.source.locate(self.span.start)
    }

    /// The character after the last one.
    #[must_use]
    pub fn end(&self) -> LineColumn {
        self.source.locate(self.span.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let source = SourceText::new("f.hcl", "\u{feff}# ünö\r\n  a = \"é\"\r\n");
        let at = source.text().find("é").unwrap_or(0);
        assert_eq!(source.locate(at), LineColumn { line: 2, column: 8 });
        assert_eq!(source.line(2), "  a = \"é\"");
        assert_eq!(source.line(9), "");
    }

    #[test]
    fn a_place_prints_one_or_two_lines() {
        let source = SourceText::new("f.hcl", "abc\ndef\n");
        assert_eq!(Place { source: source.clone(), span: 1..3 }.to_string(), "f.hcl:1,2-4");
        assert_eq!(Place { source, span: 1..5 }.to_string(), "f.hcl:1,2-2,2");
    }
}
