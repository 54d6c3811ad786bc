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
    /// Links that fork and end, one at a time.
    Chain,
    /// The same, eight side by side.
    Chain8,
    /// The same, sixty-four.
    Chain64,
    /// Its main thread has ended.
    ZombieLeader,
    /// Its parent was a thread.
    ThreadChild,
    /// Its environment has 300 KB.
    Big,
    /// A built-in service in a container, and a plain daemon behind it.
    Docker,
    /// The same service as a process of the host.
    Host,
}

impl Kind {
    pub const COMMON: [Self; 8] = [
        Self::Plain,
        Self::Forking,
        Self::Setsid,
        Self::Stubborn,
        Self::Loud,
        Self::Bare,
        Self::Process,
        Self::Three,
    ];

    /// Those that are dear or odd: one of them plays in each cell.
    pub const RARE: [Self; 8] = [
        Self::Chain,
        Self::Chain8,
        Self::Chain64,
        Self::ZombieLeader,
        Self::ThreadChild,
        Self::Big,
        Self::Docker,
        Self::Host,
    ];

    /// All that there are.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::COMMON.into_iter().chain(Self::RARE)
    }

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
            Self::Chain => "chain",
            Self::Chain8 => "chain-8",
            Self::Chain64 => "chain-64",
            Self::ZombieLeader => "zombie-leader",
            Self::ThreadChild => "thread-child",
            Self::Big => "big",
            Self::Docker => "docker",
            Self::Host => "host",
        }
    }

    pub fn of(name: &str) -> Option<Self> {
        Self::all().find(|kind| kind.name() == name)
    }

    /// How the built-in service runs that stands before the others.
    pub fn runtime(self) -> Option<&'static str> {
        match self {
            Self::Docker => Some("docker"),
            Self::Host => Some("host"),
            _ => None,
        }
    }

    /// The service types of its job, one service each.
    pub fn services(self) -> &'static [Self] {
        match self {
            Self::Plain | Self::Docker | Self::Host => &[Self::Plain],
            Self::Forking => &[Self::Forking],
            Self::Setsid => &[Self::Setsid],
            Self::Stubborn => &[Self::Stubborn],
            Self::Loud => &[Self::Loud],
            Self::Bare => &[Self::Bare],
            Self::Process => &[Self::Process],
            Self::Three => &[Self::Plain, Self::Setsid, Self::Loud],
            Self::Chain => &[Self::Chain],
            Self::Chain8 => &[Self::Chain8],
            Self::Chain64 => &[Self::Chain64],
            Self::ZombieLeader => &[Self::ZombieLeader],
            Self::ThreadChild => &[Self::ThreadChild],
            Self::Big => &[Self::Big],
        }
    }
}
