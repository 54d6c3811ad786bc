//! Roles in a team.

/// What somebody may do in a team, in rising order; each includes those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Everybody: what a public pipeline shows.
    Public,
    /// Sees everything of the team.
    Read,
    /// Triggers, cancels, checks.
    Write,
    /// Changes pipelines.
    Maintain,
    /// Everything in the team.
    Admin,
}

impl Role {
    /// The word in the API.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Read => "read",
            Self::Write => "write",
            Self::Maintain => "maintain",
            Self::Admin => "admin",
        }
    }
}
