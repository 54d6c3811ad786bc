//! How far builds are when something breaks.

/// How far a build is when the fault strikes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Phase {
    BeforeIntent,
    AfterIntent,
    MidStart,
    Started,
    ProbeHung,
    MidTask,
    MidStop,
    AfterStop,
    /// A moment that the seed chooses.
    Anywhen,
}

impl Phase {
    pub const ALL: [Self; 9] = [
        Self::BeforeIntent,
        Self::AfterIntent,
        Self::MidStart,
        Self::Started,
        Self::ProbeHung,
        Self::MidTask,
        Self::MidStop,
        Self::AfterStop,
        Self::Anywhen,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::BeforeIntent => "before-intent",
            Self::AfterIntent => "after-intent",
            Self::MidStart => "mid-start",
            Self::Started => "started",
            Self::ProbeHung => "probe-hung",
            Self::MidTask => "mid-task",
            Self::MidStop => "mid-stop",
            Self::AfterStop => "after-stop",
            Self::Anywhen => "anywhen",
        }
    }

    /// The gate at which the scripts are held, and the word they say there.
    pub fn gate(self) -> Option<&'static str> {
        match self {
            Self::BeforeIntent | Self::AfterIntent | Self::Anywhen | Self::Started => None,
            Self::MidStart => Some("mid-start"),
            Self::ProbeHung => Some("probe-hung"),
            Self::MidTask => Some("task"),
            Self::MidStop | Self::AfterStop => Some("mid-stop"),
        }
    }

    /// The call that panics in this phase, as the program's hidden flag names it.
    pub fn panics_in(self) -> Option<&'static str> {
        Some(match self {
            Self::BeforeIntent => "service",
            Self::AfterIntent => "service-started",
            Self::MidStart => "wait:start",
            Self::Started => "spawn:ready",
            Self::ProbeHung => "wait:ready",
            // Where the work stands behind one service, two and three.
            Self::MidTask => "wait:2,3,4",
            Self::MidStop => "stop",
            Self::AfterStop => "stopped",
            Self::Anywhen => return None,
        })
    }

    /// Whether a stop is under way.
    pub fn is_stopping(self) -> bool {
        matches!(self, Self::MidStop | Self::AfterStop)
    }
}
