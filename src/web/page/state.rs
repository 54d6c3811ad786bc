//! The states a page can show: each a sign, a word and a class, so that none is colour alone.

/// State of a build, a step, a job's newest build or a pipeline, as a page shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Under way.
    Running,
    /// Created, not started.
    Pending,
    /// Failed, but allowed to.
    Warning,
    /// Ended on request.
    Cancelled,
    /// Nothing is started.
    Paused,
    /// Never reached, skipped, or no build yet.
    NotRun,
    /// Waits for a person.
    Approval,
}

impl State {
    /// One character that says the state without colour.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Succeeded => "✓",
            Self::Failed => "✗",
            Self::Running => "◐",
            Self::Pending => "…",
            Self::Warning => "!",
            Self::Cancelled => "⊘",
            Self::Paused => "‖",
            Self::NotRun => "–",
            Self::Approval => "☝",
        }
    }

    /// The state in words.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Running => "running",
            Self::Pending => "waiting",
            Self::Warning => "warning",
            Self::Cancelled => "cancelled",
            Self::Paused => "paused",
            Self::NotRun => "not run",
            Self::Approval => "waits for approval",
        }
    }

    /// Class of the style sheet.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Succeeded => "ok",
            Self::Failed => "bad",
            Self::Running => "run",
            Self::Pending | Self::Paused | Self::NotRun | Self::Approval => "wait",
            Self::Warning => "warn",
            Self::Cancelled => "stop",
        }
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Warning | Self::Cancelled)
    }
}

/// State of one service instance of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServiceState {
    /// Its step was not reached.
    NotRun,
    /// `start` or the ready check runs.
    Starting,
    /// Answers.
    Ready,
    /// `stop` runs.
    Stopping,
    /// Stopped.
    Stopped,
    /// Did not start or did not become ready; stopped all the same.
    Failed,
    /// `stop` was tried and failed: the instance may be alive.
    NotStopped,
    /// `stop` still has to run where the instance is: its worker was lost.
    StopPending,
}

impl ServiceState {
    /// One character that says the state without colour. `killed` marks one that did not stop by itself.
    #[must_use]
    pub fn sign(self, killed: bool) -> &'static str {
        match self {
            Self::NotRun => "–",
            Self::Starting => "◐",
            Self::Stopped if killed => "!",
            Self::Ready | Self::Stopped => "✓",
            Self::Stopping => "⊘",
            Self::Failed | Self::NotStopped | Self::StopPending => "✗",
        }
    }

    /// The state in words.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NotRun => "not started",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed, stopped",
            Self::NotStopped => "not stopped",
            Self::StopPending => "stop pending",
        }
    }

    /// Whether the instance may be alive although its build does not use it any more.
    #[must_use]
    pub fn is_left(self) -> bool {
        matches!(self, Self::NotStopped | Self::StopPending)
    }

    /// Class of the style sheet.
    #[must_use]
    pub fn class(self, killed: bool) -> &'static str {
        match self {
            Self::NotRun => "wait",
            Self::Starting => "run",
            Self::Stopped if killed => "warn",
            Self::Ready | Self::Stopped => "ready",
            Self::Stopping => "stop",
            Self::Failed | Self::NotStopped | Self::StopPending => "bad",
        }
    }
}
