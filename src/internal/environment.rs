//! The environment of a command as its parameters. An empty variable counts as absent, as in the
//! scripts.

use std::env;

/// The variable, when it is set and not empty.
pub(super) fn get(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The variable, which must be there.
pub(super) fn require(name: &str) -> Result<String, String> {
    get(name).ok_or_else(|| match name.strip_prefix("param_") {
        Some(param) => format!("the parameter `{param}` is required"),
        None => format!("the environment variable `{name}` is required"),
    })
}

/// A parameter that says `true` or `false`; absent means false.
pub(super) fn flag(name: &str) -> Result<bool, String> {
    match get(name).as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(format!(
            "the parameter `{}` must be true or false, found {other:?}",
            name.trim_start_matches("param_")
        )),
    }
}
