//! Whether a worker's version of the program goes with the server's.

/// One minor release apart goes; more does not.
///
/// # Errors
/// Why not, and what would be right, for people on both sides.
pub fn goes_with(server: &str, worker: &str) -> Result<(), String> {
    let Some((major, minor)) = release(worker) else {
        return Err(format!("the worker's version \"{worker}\" is none; the server is {server}"));
    };
    let fits = release(server).is_none_or(|(own, other)| own == major && other.abs_diff(minor) <= 1);
    if fits {
        return Ok(());
    }
    let older = release(server).is_some_and(|own| (major, minor) < own);
    let who = if older { "worker" } else { "server" };
    Err(format!(
        "the worker is version {worker}, the server {server}: they may be one minor release apart; update the {who}"
    ))
}

/// Major and minor release of `1.2.3`; what is missing counts as 0.
fn release(version: &str) -> Option<(u64, u64)> {
    let mut parts = version.split(['.', '-', '+']);
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next().map_or(Some(0), |part| part.parse().ok())?;
    Some((major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_minor_release_apart_goes_and_more_is_refused() {
        for (server, worker, goes) in [
            ("0.4.0", "0.4.9", true),
            ("0.4.0", "0.3.1", true),
            ("0.4.0", "0.5.0-rc.1", true),
            ("0.4.0", "0.2.7", false),
            ("0.4.0", "0.6.0", false),
            ("1.0.0", "0.9.0", false),
            ("0.1.0", "0", true),
            ("0.1.0", "unknown", false),
        ] {
            assert_eq!(goes_with(server, worker).is_ok(), goes, "{server} {worker}");
        }
        let told = goes_with("0.4.0", "0.2.7").unwrap_err();
        assert!(
            told.contains("0.2.7") && told.contains("0.4.0") && told.contains("update the worker"),
            "{told}"
        );
        assert!(goes_with("0.4.0", "0.6.0").unwrap_err().contains("update the server"));
    }
}
