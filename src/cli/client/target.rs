//! Where the server is, who we are, and which team is meant.

use super::{
    Failure,
    args::{JobArgs, Outer, Where},
    token_file,
};

/// Where a server is expected without further words.
const DEFAULT_URL: &str = "localhost:8080";

/// A server, a session, a team.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Address of the server, without a slash at the end.
    pub(super) url: String,
    /// Session token; none = not logged in.
    pub(super) token: Option<String>,
    team: String,
}

impl Target {
    /// What is said with the command wins over what is said before it, then the environment, then the last login.
    pub(super) fn new(outer: &Outer, at: &Where) -> Result<Self, Failure> {
        let given =
            at.jwt.clone().or_else(|| outer.jwt.clone()).or_else(|| std::env::var("PIKOCI_TOKEN").ok());
        let token = match given.filter(|token| !token.is_empty()) {
            Some(token) => Some(token),
            None => token_file::read()?,
        };
        let url = url_of(at.url.as_deref().or(outer.url.as_deref()));
        Ok(Self { url, token, team: at.team_canonical.clone() })
    }

    /// A server without a session.
    pub(super) fn anonymous(url: Option<&str>) -> Self {
        Self { url: url_of(url), token: None, team: String::new() }
    }

    /// `/teams/T/…` with each part encoded.
    pub(super) fn path(&self, parts: &[&str]) -> String {
        let mut path = format!("/teams/{}", encoded(&self.team));
        for part in parts {
            path.push('/');
            path.push_str(&encoded(part));
        }
        path
    }

    /// The address of a job.
    pub(super) fn job(&self, job: &JobArgs) -> String {
        self.path(&["pipelines", &job.pipeline_name, "jobs", &job.job_name])
    }
}

fn url_of(given: Option<&str>) -> String {
    let given = given.filter(|url| !url.is_empty()).unwrap_or(DEFAULT_URL).trim_end_matches('/');
    if given.contains("://") { given.to_owned() } else { format!("http://{given}") }
}

/// Percent-encoded: everything but what is certainly harmless in a path or a query.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_host_means_http() {
        assert_eq!(url_of(None), "http://localhost:8080");
        assert_eq!(url_of(Some("ci.lab:9000/")), "http://ci.lab:9000");
        assert_eq!(url_of(Some("https://ci.lab/x/")), "https://ci.lab/x");
    }

    #[test]
    fn a_name_cannot_leave_its_place() {
        let target = Target { team: "main".into(), ..Target::anonymous(None) };
        assert_eq!(
            target.path(&["pipelines", "../../login", "a b"]),
            "/teams/main/pipelines/..%2F..%2Flogin/a%20b"
        );
    }
}
