//! Why a build exists.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{BuildId, VersionId};

/// Why a build exists.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Cause {
    /// A new version of a resource.
    Resource {
        /// Canonical of the resource.
        resource: String,
        /// The version.
        version: VersionId,
    },
    /// Versions that passed upstream jobs.
    Passed {
        /// Get key → version, sorted.
        versions: BTreeMap<String, VersionId>,
    },
    /// A person, through page or client.
    Manual {
        /// Makes the cause unique.
        nonce: uuid::Uuid,
        /// Who.
        by: String,
    },
    /// A retry of another build of the job.
    Retry {
        /// The build whose versions and inputs are taken.
        source: BuildId,
        /// Which retry, from 1.
        number: i64,
        /// Who.
        by: String,
    },
}

impl Cause {
    /// Unique per job: a second build of the same cause is never inserted.
    pub fn key(&self) -> String {
        match self {
            Self::Resource { resource, version } => format!("root:{resource}:{version}"),
            Self::Passed { versions } => {
                let parts: Vec<String> =
                    versions.iter().map(|(get, version)| format!("{get}={version}")).collect();
                format!("passed:{}", parts.join(","))
            }
            Self::Manual { nonce, .. } => format!("manual:{nonce}"),
            Self::Retry { source, number, .. } => format!("retry:{source}:{number}"),
        }
    }

    /// The word of `BUILD_CAUSE`: `resource`, `passed`, `manual`, `retry`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Resource { .. } => "resource",
            Self::Passed { .. } => "passed",
            Self::Manual { .. } => "manual",
            Self::Retry { .. } => "retry",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_have_stable_keys() {
        let versions = BTreeMap::from([("app".to_owned(), VersionId(7)), ("lib".to_owned(), VersionId(3))]);
        assert_eq!(Cause::Passed { versions }.key(), "passed:app=7,lib=3");
    }
}
