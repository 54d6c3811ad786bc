//! Columns that neighbouring lines share.

use super::Line;

/// Aligns `=` in runs of assignments.
pub(super) fn assignments(lines: &mut [Line]) {
    for_each_run(
        lines,
        |line| line.assignment.is_some(),
        |run| {
            let width = run.iter().map(|line| columns(&line.head)).max().unwrap_or(0);
            for line in run {
                let blanks = width - columns(&line.head) + 1;
                line.head.push_str(&" ".repeat(blanks));
            }
        },
    );
}

/// Aligns the comments that stand after something in neighbouring lines.
pub(super) fn comments(lines: &mut [Line]) {
    for_each_run(
        lines,
        |line| line.comment.is_some(),
        |run| {
            let width = run.iter().map(code_columns).max().unwrap_or(0);
            for line in run {
                let blanks = width - code_columns(line) + 1;
                let text = line.assignment.as_mut().unwrap_or(&mut line.head);
                text.push_str(&" ".repeat(blanks));
            }
        },
    );
}

/// Calls `shape` with each longest run of lines that belong together, all of one level.
fn for_each_run(lines: &mut [Line], belongs: impl Fn(&Line) -> bool, shape: impl Fn(&mut [Line])) {
    let mut start = 0;
    while start < lines.len() {
        if !belongs(&lines[start]) {
            start += 1;
            continue;
        }
        let level = lines[start].level;
        let mut end = start + 1;
        // A string of several lines ends the run: what follows it is not its neighbour.
        while end < lines.len()
            && belongs(&lines[end])
            && lines[end].level == level
            && !lines[end - 1].has_inner_lines()
        {
            end += 1;
        }
        shape(&mut lines[start..end]);
        start = end;
    }
}

/// How wide the text before a comment is; of several lines, the last.
fn code_columns(line: &Line) -> usize {
    let indentation = 2 * line.level;
    let code = format!("{}{}", line.head, line.assignment.as_deref().unwrap_or(""));
    match code.rsplit_once('\n') {
        Some((_, last)) => columns(last),
        None => indentation + columns(&code),
    }
}

fn columns(text: &str) -> usize {
    text.chars().count()
}
