//! What steps hand to later steps: `$PIKOCI_OUTPUT` of tasks, versions of gets and puts, addresses of services.

use std::collections::BTreeMap;

use pikoci_model::version::VersionValue;

/// The largest `$PIKOCI_OUTPUT` file, in bytes.
pub(crate) const MAX_OUTPUT_BYTES: u64 = 1024 * 1024;

/// What a task wrote into its output file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Output {
    /// Sanitised key → value; of a key written twice the last value.
    pub variables: BTreeMap<String, String>,
    /// A sentence for each line that was skipped.
    pub warnings: Vec<String>,
}

/// Reads `KEY=VALUE` lines, and `KEY<<MARK` … `MARK` for values of several lines.
pub(crate) fn parse_output(text: &str) -> Output {
    let mut output = Output::default();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        if let Some((key, mark)) = multi_line(trimmed) {
            let mut closed = false;
            let body: Vec<&str> = lines
                .by_ref()
                .map(|(_, line)| line)
                .take_while(|line| !ends(line, mark, &mut closed))
                .collect();
            if closed {
                output.variables.insert(upper_name(key), body.join("\n"));
            } else {
                output
                    .warnings
                    .push(format!("line {}: `{mark}` does not follow; `{key}` is skipped", index + 1));
            }
        } else if let Some((key, value)) = trimmed.split_once('=') {
            output.variables.insert(upper_name(key.trim()), value.trim().to_owned());
        } else {
            output.warnings.push(format!("line {} is not `KEY=VALUE` and is skipped", index + 1));
        }
    }
    output
}

fn ends(line: &str, mark: &str, closed: &mut bool) -> bool {
    *closed = line.trim() == mark;
    *closed
}

fn multi_line(line: &str) -> Option<(&str, &str)> {
    let (key, mark) = line.split_once("<<")?;
    let (key, mark) = (key.trim(), mark.trim());
    let plain = |text: &str| !text.is_empty() && !text.contains(['=', ' ']);
    (plain(key) && plain(mark)).then_some((key, mark))
}

/// `TASK_<STEP>_<KEY>` for each variable of a task.
pub(crate) fn of_task(step: &str, variables: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let step = upper_name(step);
    variables.into_iter().map(|(key, value)| (format!("TASK_{step}_{key}"), value)).collect()
}

/// `GET_<STEP>_<PATH>` for each part of the version that a get fetched or a put created.
pub(crate) fn of_version(step: &str, version: &VersionValue) -> BTreeMap<String, String> {
    let step = upper_name(step);
    let flat = version.flatten().into_iter();
    flat.map(|(path, value)| (format!("GET_{step}_{}", upper_name(&path)), value)).collect()
}

/// `SERVICE_<NAME>_HOST` and `SERVICE_<NAME>_PORT`.
pub(crate) fn of_service(name: &str, host: &str, port: u16) -> BTreeMap<String, String> {
    let name = upper_name(name);
    BTreeMap::from([
        (format!("SERVICE_{name}_HOST"), host.to_owned()),
        (format!("SERVICE_{name}_PORT"), port.to_string()),
    ])
}

/// Upper case, every character that is not a letter or digit replaced by `_`.
pub(crate) fn upper_name(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_file_is_read_line_by_line() {
        let text = "# note\n\n a-b = x=y \nA_B=last\nnonsense\nTEXT<<EOF\none\n two\nEOF\nZ=1\nOPEN<<NO\nx\n";
        let output = parse_output(text);
        let expected = [("A_B", "last"), ("TEXT", "one\n two"), ("Z", "1")];
        assert_eq!(output.variables, expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
        assert_eq!(
            output.warnings,
            ["line 5 is not `KEY=VALUE` and is skipped", "line 11: `NO` does not follow; `OPEN` is skipped"]
        );
    }

    #[test]
    fn names_of_exports_are_upper_case() {
        let version: VersionValue = serde_json::from_str(r#"{"ref":"a1","meta":{"n-x":3}}"#).unwrap();
        let names: Vec<String> = of_version("my.app", &version).into_keys().collect();
        assert_eq!(names, ["GET_MY_APP_META_N_X", "GET_MY_APP_REF"]);
        assert_eq!(of_service("db-1", "127.0.0.1", 5432)["SERVICE_DB_1_PORT"], "5432");
        assert_eq!(of_task("unit tests", [("K".into(), "v".into())].into())["TASK_UNIT_TESTS_K"], "v");
    }
}
