//! The text as an HCL parser gets it, and the way back to the text that was written.
//!
//! Run-time references such as `${BUILD_JOB_NAME}` get a second `$`, which makes them literal in HCL, and `<<-` heredocs
//! lose their common indentation. Spans that the parser gives are translated back by the [`PositionMap`], so that every
//! message shows the columns of the original.

use crate::lex::Edit;
use crate::source::Span;

/// Applies the edits, which are sorted by position.
#[must_use]
pub fn apply(text: &str, edits: &[Edit]) -> (String, PositionMap) {
    let mut out = String::with_capacity(text.len() + edits.len());
    let mut map = PositionMap::default();
    let mut cursor = 0;
    for edit in edits {
        // A heredoc within the interpolation of another may have its indentation taken off twice.
        let at = edit.at.max(cursor);
        let end = (edit.at + edit.delete).max(at);
        out.push_str(text.get(cursor..at).unwrap_or(""));
        out.push_str(edit.insert);
        cursor = end;
        map.anchors.push(Anchor { parsed: out.len(), written: cursor });
    }
    out.push_str(text.get(cursor..).unwrap_or(""));
    (out, map)
}

/// Translates offsets of the parsed text to offsets of the written text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PositionMap {
    anchors: Vec<Anchor>,
}

/// From `parsed` on, until the next anchor, both texts are the same, shifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Anchor {
    parsed: usize,
    written: usize,
}

impl PositionMap {
    /// The offset in the written text.
    #[must_use]
    pub fn written(&self, parsed: usize) -> usize {
        let after = self.anchors.partition_point(|anchor| anchor.parsed <= parsed);
        match after.checked_sub(1).and_then(|index| self.anchors.get(index)) {
            Some(anchor) => {
                let next = self.anchors.get(after).map_or(usize::MAX, |next| next.written);
                (anchor.written + (parsed - anchor.parsed)).min(next)
            }
            None => parsed.min(self.anchors.first().map_or(usize::MAX, |next| next.written)),
        }
    }

    /// The span in the written text.
    #[must_use]
    pub fn span(&self, parsed: Span) -> Span {
        self.written(parsed.start)..self.written(parsed.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lex::lex;

    /// What a quoted string with this content becomes.
    fn prepared(content: &str) -> String {
        let text = format!("a = \"{content}\"\n");
        let lexed = lex(&text);
        assert_eq!(lexed.problems, [], "{content}");
        let (out, _) = apply(&text, &lexed.edits);
        out["a = \"".len()..out.len() - "\"\n".len()].to_owned()
    }

    #[test]
    fn run_time_references_become_literal() {
        let cases = [
            ("${BUILD_JOB_NAME}", "$${BUILD_JOB_NAME}"),
            ("$${BUILD_JOB_NAME}", "$${BUILD_JOB_NAME}"),
            ("$$${BUILD_JOB_NAME}", "$$${BUILD_JOB_NAME}"),
            ("${WORKDIR}/out", "$${WORKDIR}/out"),
            ("${MY_OWN_SHELL_VAR} ${_}", "$${MY_OWN_SHELL_VAR} $${_}"),
            ("${param_version}", "$${param_version}"),
            ("${BUILD_NUMBER:-0}", "$${BUILD_NUMBER:-0}"),
            ("${INPUT_replicas}", "$${INPUT_replicas}"),
            ("${#NAME} ${!NAME} ${1} ${@}", "$${#NAME} $${!NAME} $${1} $${@}"),
            (
                "$param_version $NAME $(date) $((1+1)) $$ $1 $?",
                "$param_version $NAME $(date) $((1+1)) $$ $1 $?",
            ),
        ];
        for (written, parsed) in cases {
            assert_eq!(prepared(written), parsed);
        }
    }

    #[test]
    fn hcl_stays_hcl() {
        for text in [
            "${name}",
            "${ BUILD_JOB_NAME }",
            "${~ BUILD_JOB_NAME ~}",
            "${upper(BUILD_JOB_NAME)}",
            "${BUILD_JOB_NAME == \"x\" ? 1 : 2}",
            "${var.db_password}",
            "${upper(\"${var.x}\")}",
            "%{ if var.x }a%{ else }b%{ endif }",
            "%%{ literal }",
        ] {
            assert_eq!(prepared(text), text);
        }
    }

    #[test]
    fn the_matching_brace_is_found_as_a_shell_finds_it() {
        let cases = [
            ("${TAG:-${var.default_tag}}", "$${TAG:-${var.default_tag}}"),
            ("${TAG:-${OTHER:-x}} ${var.y}", "$${TAG:-$${OTHER:-x}} ${var.y}"),
            ("${A:-'}'} ${B}", "$${A:-'}'} $${B}"),
            ("${A:-\\\\}} ${B}", "$${A:-\\\\}} $${B}"),
            ("${A:-{x}} ${B}", "$${A:-{x}} $${B}"),
            ("${A:-\\\"}\\\"", "$${A:-\\\"}\\\""),
            ("${A%{*}}", "$${A%%{*}}"),
            ("${A%%{*}}", "$${A%%%{*}}"),
        ];
        for (written, parsed) in cases {
            assert_eq!(prepared(written), parsed);
        }
    }

    #[test]
    fn heredocs_follow_the_same_rules_and_lose_their_indentation() {
        let text = "a = <<-EOT\n    x ${HOME} \\\n\n      y ${var.z} \\$ \"\n    EOT\n";
        let lexed = lex(text);
        assert_eq!(lexed.problems, []);
        let (out, map) = apply(text, &lexed.edits);
        assert_eq!(out, "a = <<EOT\nx $${HOME} \\\n\n  y ${var.z} \\$ \"\n    EOT\n");
        for word in ["HOME", "var.z", "EOT\n    x", "y $"] {
            let written = text.find(word).unwrap_or(usize::MAX);
            let needle = word.replace("    ", "");
            let parsed = out.find(&needle).unwrap_or(usize::MAX);
            assert_eq!(map.written(parsed), written, "{word}");
        }
    }

    #[test]
    fn a_flattened_heredoc_keeps_its_text() {
        let text = "a = <<-EOT\n  x\ny\n  EOT\n";
        assert_eq!(apply(text, &lex(text).edits).0, "a = <<EOT\n  x\ny\n  EOT\n");
    }

    #[test]
    fn every_offset_maps_into_the_written_text_in_order() {
        let text = "a = \"${A} ${B:-${C}} x\"\nb = <<-E\n  ${D}\n  E\n";
        let (out, map) = apply(text, &lex(text).edits);
        let written: Vec<usize> = (0..=out.len()).map(|at| map.written(at)).collect();
        assert!(written.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(written.last(), Some(&text.len()));
    }

    #[test]
    fn what_is_not_closed_is_named_where_it_begins() {
        let cases = [
            ("a = \"${NAME\"\n", 5..7, "the interpolation is not closed"),
            ("a = \"${A:-x\"\n", 5..7, "`${` has no matching `}` before the end of the string"),
            ("a = \"${A:-don't}\"\n", 5..7, "`${` has no matching `}` before the end of the string"),
            ("a = \"b\nc = 1\n", 4..6, "the string is not closed on its line"),
            ("a = <<E\nx\n", 4..7, "the heredoc has no closing marker \"E\""),
            ("a = [<<E\nx\nE,\n]\n", 11..12, "the closing marker \"E\" must be alone on its line"),
            ("a = \"\\$x\"\n", 5..7, "\"\\$\" is not an escape"),
            ("a {\n", 2..3, "the block is not closed"),
            ("a { b = [1 }\n", 8..12, "\"[\" is closed by \"}\""),
            ("a = 1 }\n", 6..7, "\"}\" closes nothing"),
            ("/* a\n", 0..2, "the comment is not closed"),
            ("job \"a\" {\n  task \"x\" {\njob \"b\" {\n}\n}\n", 21..22, "the block is not closed"),
        ];
        for (text, span, message) in cases {
            let lexed = lex(text);
            let found: Vec<_> = lexed
                .problems
                .iter()
                .map(|problem| (problem.span.clone(), problem.message.as_str()))
                .collect();
            assert_eq!(found, [(span, message)], "{text}");
        }
    }
}
