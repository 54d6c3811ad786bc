//! What may be fetched.

use std::time::Duration;

/// The limits of one fetch. The default is for text that anyone may have written: https to
/// public addresses only.
#[derive(Debug, Clone)]
pub struct FetchPolicy {
    /// Allows `http://`. A redirect from https to http is refused all the same.
    pub allow_insecure: bool,
    /// Allows addresses that are not public, such as those of this machine.
    pub allow_private: bool,
    /// When given, only these hosts may be asked: a name, or `*.name` for all names below it.
    pub allowed_hosts: Option<Vec<String>>,
    /// Time until a connection stands, each time one is made.
    pub connect_timeout: Duration,
    /// Time for everything, redirects and body included.
    pub total_timeout: Duration,
    /// Largest body in bytes, after decompression.
    pub max_bytes: usize,
    /// Most redirects that are followed.
    pub max_redirects: usize,
    /// Certificates (PEM) to trust beside those of the system.
    pub extra_roots: Vec<Vec<u8>>,
}

impl Default for FetchPolicy {
    fn default() -> Self {
        Self {
            allow_insecure: false,
            allow_private: false,
            allowed_hosts: None,
            connect_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_secs(30),
            max_bytes: 1 << 20,
            max_redirects: 5,
            extra_roots: Vec::new(),
        }
    }
}

impl FetchPolicy {
    /// For what an operator configured on this machine: any address, http too.
    #[must_use]
    pub fn trusting() -> Self {
        Self { allow_insecure: true, allow_private: true, ..Self::default() }
    }

    /// Whether `host` is among the allowed hosts.
    pub(crate) fn allows_host(&self, host: &str) -> bool {
        let Some(allowed) = &self.allowed_hosts else { return true };
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        allowed.iter().any(|pattern| {
            let pattern = pattern.to_ascii_lowercase();
            match pattern.strip_prefix("*.") {
                Some(parent) => host.strip_suffix(parent).is_some_and(|front| front.ends_with('.')),
                None => host == pattern,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_matched_whole_or_below_a_name() {
        let policy = FetchPolicy {
            allowed_hosts: Some(vec!["Example.org".into(), "*.example.com".into()]),
            ..FetchPolicy::default()
        };
        for (host, allowed) in [
            ("example.org", true),
            ("EXAMPLE.org.", true),
            ("a.example.org", false),
            ("a.example.com", true),
            ("a.b.example.com", true),
            ("example.com", false),
            ("evilexample.com", false),
        ] {
            assert_eq!(policy.allows_host(host), allowed, "{host}");
        }
        assert!(FetchPolicy::default().allows_host("anything"));
    }
}
