//! Kinds of services.

/// What a service leaves for others to end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Kind {
    Plain,
    Forking,
    Setsid,
    Stubborn,
    Loud,
    /// Without an environment.
    Bare,
    /// The command is the service.
    Process,
    /// Three services in one build.
    Three,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::Plain,
        Self::Forking,
        Self::Setsid,
        Self::Stubborn,
        Self::Loud,
        Self::Bare,
        Self::Process,
        Self::Three,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Forking => "forking",
            Self::Setsid => "setsid",
            Self::Stubborn => "stubborn",
            Self::Loud => "loud",
            Self::Bare => "bare",
            Self::Process => "process",
            Self::Three => "three",
        }
    }

    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The service types of its job, one service each.
    pub fn services(self) -> &'static [Self] {
        match self {
            Self::Plain => &[Self::Plain],
            Self::Forking => &[Self::Forking],
            Self::Setsid => &[Self::Setsid],
            Self::Stubborn => &[Self::Stubborn],
            Self::Loud => &[Self::Loud],
            Self::Bare => &[Self::Bare],
            Self::Process => &[Self::Process],
            Self::Three => &[Self::Plain, Self::Setsid, Self::Loud],
        }
    }
}
