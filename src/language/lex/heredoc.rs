//! Heredocs: where they end, and what `<<-` takes off their lines.

use super::template::Holder;
use super::token::{is_name_continue, is_name_start};
use super::{Edit, Lexer, TokenKind};

impl Lexer<'_> {
    /// Whether `<<NAME` or `<<-NAME` stands here with a line's end right after it.
    pub(super) fn heredoc_opens(&self) -> bool {
        let Some(rest) = self.rest().strip_prefix("<<") else { return false };
        let rest = rest.strip_prefix('-').unwrap_or(rest);
        let name_end = rest.find(|c| !is_name_continue(c)).unwrap_or(rest.len());
        rest.starts_with(is_name_start) && rest[name_end..].starts_with('\n')
    }

    /// A heredoc, from `<<` to the end of its closing marker.
    pub(super) fn heredoc(&mut self) -> TokenKind {
        let start = self.at;
        self.advance(2);
        let dash = self.starts_with("-").then_some(self.at);
        self.advance(usize::from(dash.is_some()));
        let name_start = self.at;
        self.skip_until(|c| c == '\n');
        let name = &self.text[name_start..self.at];
        self.bump();

        let body_start = self.at;
        let end = match closing_marker(self.rest(), name) {
            Some(marker) => {
                if !marker.alone {
                    let span = body_start + marker.from..body_start + marker.to;
                    let hint = "put what follows it on the next line";
                    let message = format!("the closing marker \"{name}\" must be alone on its line");
                    self.syntax(span, message, Some(hint));
                }
                Closing { line: body_start + marker.line, end: body_start + marker.to }
            }
            None => {
                let message = format!("the heredoc has no closing marker \"{name}\"");
                self.syntax(start..name_start + name.len(), message, Some("put the marker alone on a line"));
                Closing { line: self.limit, end: self.limit }
            }
        };
        if let Some(dash) = dash {
            self.edits.push(Edit { at: dash, delete: 1, insert: "" });
            self.dedent(body_start, end.line);
        }
        self.heredoc_body(end.line);
        self.at = end.end;
        TokenKind::Heredoc
    }

    /// Reads the template up to `end`, where the line of the closing marker begins.
    fn heredoc_body(&mut self, end: usize) {
        let outer = std::mem::replace(&mut self.limit, end);
        while let Some(c) = self.peek() {
            match c {
                '$' | '%' => {
                    self.marker(Holder::Heredoc);
                }
                _ => self.bump(),
            }
        }
        self.limit = outer;
    }

    /// Takes the smallest common indentation of all lines that are not blank off every line.
    fn dedent(&mut self, from: usize, to: usize) {
        let body = &self.text[from..to];
        let common = body.lines().filter(|line| !line.trim().is_empty()).map(indentation).min().unwrap_or(0);
        let mut at = from;
        for line in body.split_inclusive('\n') {
            let delete = indentation(line).min(common);
            if delete > 0 {
                self.edits.push(Edit { at, delete, insert: "" });
            }
            at += line.len();
        }
    }
}

/// Where a heredoc ends: the line of its marker, and the end of the marker.
struct Closing {
    line: usize,
    end: usize,
}

/// A closing marker, by offsets into the text after the opening line.
struct Marker {
    line: usize,
    from: usize,
    to: usize,
    alone: bool,
}

fn closing_marker(body: &str, name: &str) -> Option<Marker> {
    let mut line_start = 0;
    for line in body.split_inclusive('\n') {
        let from = line_start + indentation(line);
        let after = line[indentation(line)..].strip_prefix(name);
        if let Some(after) = after.filter(|after| !after.starts_with(is_name_continue)) {
            return Some(Marker {
                line: line_start,
                from,
                to: from + name.len(),
                alone: after.trim().is_empty(),
            });
        }
        line_start += line.len();
    }
    None
}

/// The number of leading blanks, in bytes.
fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}
