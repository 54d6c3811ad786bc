//! The logs as they stand in the page itself, for readers without a script: the newest bytes of each step, with line
//! numbers that are links, the time since the step began, colours, and the lines that look like an error marked.

use super::{Html, escape_into};
use crate::ansi;

/// The end of one log, at most 64 KiB of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepLog {
    /// Plan path.
    pub path: String,
    /// What heads it: `task test`, `postgresql start`.
    pub title: String,
    /// Bytes of the whole log; more than `text` has when the beginning is left out.
    pub bytes: u64,
    /// Number of the line `text` begins with (1 = the first). `text` begins at the start of a line unless the line is
    /// longer than what is inlined.
    pub first_line: u64,
    /// The text; invalid bytes as U+FFFD.
    pub text: String,
    /// From which line on how many ms had passed since the step began: `(line, ms)`, ascending.
    pub times: Vec<(u64, u64)>,
}

impl StepLog {
    pub(crate) fn truncated(&self) -> bool {
        self.first_line > 1
    }

    /// One row per line.
    pub(crate) fn rows(&self) -> Html {
        let mut out = String::with_capacity(self.text.len() * 2);
        let mut colours = ansi::Style::default();
        let mut times = self.times.iter().copied().peekable();
        let mut since = None;
        for (n, line) in (self.first_line.max(1)..).zip(lines(&self.text)) {
            while let Some((_, ms)) = times.next_if(|&(at, _)| at <= n) {
                since = Some(ms);
            }
            self.row(n, line, since, &mut colours, &mut out);
        }
        Html(out)
    }

    fn row(&self, n: u64, line: &str, since: Option<u64>, colours: &mut ansi::Style, out: &mut String) {
        let spans = ansi::spans(line, colours);
        let plain: String = spans.iter().map(|span| span.text.as_str()).collect();
        let class = if looks_like_error(&plain) { "ln err" } else { "ln" };
        let mut id = String::new();
        escape_into(&format!("L-{}-{n}", self.path), &mut id);
        out.push_str(&format!(
            "<div class=\"{class}\" id=\"{id}\"><a class=\"no\" href=\"#{id}\">{n}</a><span class=\"t\">"
        ));
        if let Some(ms) = since {
            out.push_str(&clock(ms));
        }
        out.push_str("</span><span class=\"tx\">");
        for span in spans {
            span.html(out);
        }
        out.push_str("</span></div>\n");
    }
}

/// The lines of a log: what stands after the last carriage return of each, as a terminal would leave it.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let count = if text.is_empty() { 0 } else { usize::MAX };
    text.split('\n').take(count).map(|line| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        line.rsplit('\r').next().unwrap_or(line)
    })
}

/// Time since the step began: `+17.71s`, `+12:03.4`.
fn clock(ms: u64) -> String {
    if ms < 600_000 {
        format!("+{:02}.{:02}s", ms / 1000, ms % 1000 / 10)
    } else {
        format!("+{}:{:02}.{}", ms / 60_000, ms % 60_000 / 1000, ms % 1000 / 100)
    }
}

/// Words that say that something went wrong.
const ERROR_WORDS: [&str; 11] = [
    "error",
    "errors",
    "fail",
    "failed",
    "failure",
    "failures",
    "fatal",
    "panicked",
    "exception",
    "traceback",
    "assertion",
];

/// Whether a line looks like the report of a failure: it has one of the words, and not counted to none ("0 failed").
/// The script decides in the same way (`assets/script/lines.js`).
pub(crate) fn looks_like_error(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    let mut before = "";
    for word in lower.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|w| !w.is_empty()) {
        if ERROR_WORDS.contains(&word) && !matches!(before, "0" | "no" | "without") {
            return true;
        }
        before = word;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_from_their_absence() {
        for line in
            ["error: no such file", "test splits_evenly ... FAILED", "thread 'x' panicked at", "2 failed"]
        {
            assert!(looks_like_error(line), "{line}");
        }
        for line in ["14 passed; 0 failed", "no errors", "", "terror", "on_error = ignore", "failsafe"] {
            assert!(!looks_like_error(line), "{line}");
        }
    }

    #[test]
    fn rows_number_time_and_escape() {
        let log = StepLog {
            path: "2".into(),
            first_line: 7,
            text: "a<b\n10%\r100%\n\nend".into(),
            times: vec![(1, 5), (8, 1610)],
            ..StepLog::default()
        };
        let rows = log.rows().0;
        assert!(rows.contains("id=\"L-2-7\""), "{rows}");
        assert!(rows.contains("a&lt;b"), "{rows}");
        assert!(rows.contains("+01.61s</span><span class=\"tx\">100%<"), "{rows}");
        assert_eq!(rows.matches("class=\"ln\"").count(), 4);
    }

    #[test]
    fn an_empty_log_has_no_rows() {
        assert_eq!(StepLog::default().rows().0, "");
    }
}
