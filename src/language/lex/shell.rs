//! The brace rule: which `${…}` belongs to a shell and which to HCL.
//!
//! A pipeline mixes both in one string. What looks like a run-time name in the text that follows `${` immediately is left
//! to the run time; everything else is HCL.

/// Prefixes of names that exist at run time only although they are not in upper case.
const RUN_TIME_PREFIXES: [&str; 6] = ["INPUT_", "param_", "version_", "put_", "notify_", "secret_"];

/// Signs that may follow a name in a shell's parameter expansion.
const OPERATORS: &str = ":-+=?#%/^,@[!";

/// Who expands a `${…}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A shell or the run-time expander; the text stays as it is.
    RunTime,
    /// HCL, when the pipeline is saved.
    Expression,
}

/// Judges by the text after `${`.
pub(super) fn meaning(after: &str) -> Meaning {
    let run_time = by_name(after) || by_prefix_sign(after) || by_special_parameter(after);
    if run_time { Meaning::RunTime } else { Meaning::Expression }
}

/// Whether `name` is the name of a run-time value.
pub fn is_run_time_name(name: &str) -> bool {
    let upper = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    upper || RUN_TIME_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// `NAME}` and `NAME:-default}`.
fn by_name(after: &str) -> bool {
    let (name, rest) = split_word(after);
    !name.is_empty() && is_run_time_name(name) && ends_or_operates(rest)
}

/// `#NAME`: the length; `!NAME`: the indirection.
fn by_prefix_sign(after: &str) -> bool {
    after.strip_prefix(['#', '!']).is_some_and(|rest| is_run_time_name(split_word(rest).0))
}

/// `@}`, `?}`, `1}`, `12:-x}`.
fn by_special_parameter(after: &str) -> bool {
    let special = after.strip_prefix(['@', '*', '?', '$', '!', '-', '#']);
    if special.is_some_and(|rest| rest.starts_with('}')) {
        return true;
    }
    let (word, rest) = split_word(after);
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) && ends_or_operates(rest)
}

fn ends_or_operates(rest: &str) -> bool {
    rest.starts_with(|c| c == '}' || OPERATORS.contains(c))
}

fn split_word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_after_the_brace_decides() {
        let run_time = [
            "BUILD_JOB_NAME}",
            "WORKDIR}/out",
            "_}",
            "param_version}",
            "INPUT_replicas}",
            "TAG#v}",
            "PORT:-5432}",
            "A[0]}",
            "A@Q}",
            "#NAME}",
            "!NAME}",
            "@}",
            "*}",
            "?}",
            "$}",
            "!}",
            "-}",
            "#}",
            "1}",
            "10:-x}",
            "A-b}",
            "secret_x}",
        ];
        for text in run_time {
            assert_eq!(meaning(text), Meaning::RunTime, "{text}");
        }
        let expressions = [
            "name}",
            " BUILD_JOB_NAME }",
            "~BUILD_JOB_NAME}",
            "upper(BUILD_JOB_NAME)}",
            "BUILD_JOB_NAME == \"x\" ? 1 : 2}",
            "BUILD_JOB_NAME.x}",
            "var.x}",
            "Mixed}",
            "1 + 1}",
            "#name}",
            "}",
            "",
            "1X}",
        ];
        for text in expressions {
            assert_eq!(meaning(text), Meaning::Expression, "{text}");
        }
    }
}
