//! What to do next with one service, as a pure decision.
//!
//! registered → starting → standing → (ending the start) → stopping, with its tries → clearing → stopped. A stop never
//! overtakes its start: it begins when the start's leader and process group are gone. If the start did not end by
//! itself, a successful stop is run once more, two seconds later: whatever the start had asked others to make may have
//! appeared only after the first.

use std::time::{Duration, Instant};

use crate::protocol::{Exit, ServiceForm, SpawnFault, StopOutcome};

/// When a stop runs again after a start that was cut.
const SECOND_STOP_AFTER: Duration = Duration::from_secs(2);

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The leader of the start, or the foreground service, has ended by itself.
    LeaderEnded,
    /// Who kept the start was killed: its leader dies, and nobody knows of the rest of its group.
    KeeperLost,
    /// A start that still runs shall be ended; the service is not stopped yet.
    Cut {
        grace: Duration,
    },
    /// The service shall be stopped; a start that still runs has this much grace.
    Stop {
        grace: Duration,
    },
    /// Leader and process group of the start are gone.
    GroupGone,
    TryEnded(TryEnd),
    /// The time of [`Lifecycle::deadline`] may have come.
    Time,
    /// No time is left for any more tries.
    GiveUp,
    /// Nothing of the service is alive.
    Gone,
}

/// How the process of a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TryEnd {
    Exit(Exit),
    NotStarted(SpawnFault),
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// TERM to the leader's group, KILL after the grace.
    EndLeader {
        grace: Duration,
    },
    RunStop,
    KillStop,
    TellTry(StopOutcome),
    /// Kill what is left.
    Clear,
    /// Tell the worker that it is over.
    Done {
        success: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starting,
    Standing,
    /// The start is being cut, and nobody has asked for the stop yet.
    CuttingStart,
    EndingStart,
    Trying {
        until: Instant,
        timed_out: bool,
    },
    Pausing {
        until: Instant,
    },
    EndingForeground,
    Clearing,
    Stopped,
}

/// The stop that was registered, as far as decisions need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tries {
    /// Time for one.
    pub limit: Duration,
    /// When it is tried again, counted from the first try.
    pub retries: Vec<Duration>,
}

/// The stops that are owed to a service that was started below another shim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owed {
    /// They have run.
    Nothing,
    One,
    /// Its start was cut, and the first has run.
    Second,
    /// Its start was cut.
    Two,
}

/// One service instance.
#[derive(Debug)]
pub struct Lifecycle {
    form: ServiceForm,
    tries: Option<Tries>,
    phase: Phase,
    first_try: Option<Instant>,
    tried: usize,
    /// A second stop is owed because the start was cut.
    second_owed: bool,
    given_up: bool,
    success: bool,
    gone: bool,
}

impl Lifecycle {
    /// A service whose start is being forked.
    pub fn new(form: ServiceForm, tries: Option<Tries>) -> Self {
        let phase = match form {
            ServiceForm::Daemon => Phase::Starting,
            ServiceForm::Foreground { .. } => Phase::Standing,
        };
        Self {
            form,
            tries,
            phase,
            first_try: None,
            tried: 0,
            second_owed: false,
            given_up: false,
            success: true,
            gone: false,
        }
    }

    /// A service that was started below another shim, of which nothing is kept here.
    pub fn adopted(form: ServiceForm, tries: Option<Tries>, owed: Owed, now: Instant) -> Self {
        let phase = match owed {
            Owed::Second => Phase::Pausing { until: now + SECOND_STOP_AFTER },
            _ => Phase::Standing,
        };
        let tries = tries.filter(|_| owed != Owed::Nothing);
        Self { phase, second_owed: owed == Owed::Two, gone: true, ..Self::new(form, tries) }
    }

    /// Whether no stop is owed any more when the next one succeeds.
    pub fn next_success_is_last(&self) -> bool {
        !self.second_owed
    }

    /// Whether it was stopped, and is only stopped once more because its start was cut.
    pub fn waits_for_second(&self) -> bool {
        self.success && matches!(self.phase, Phase::Pausing { .. })
    }

    /// When [`Input::Time`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Trying { until, timed_out: false } | Phase::Pausing { until } => Some(until),
            _ => None,
        }
    }

    /// Takes what happened and says what to do, in this order.
    pub fn on(&mut self, input: Input, now: Instant) -> Vec<Act> {
        match (self.phase, input) {
            (Phase::Starting, Input::LeaderEnded) => self.become_standing(),
            // What is left of the start may finish it behind the first stop.
            (Phase::Starting, Input::KeeperLost) => {
                self.second_owed = true;
                Vec::new()
            }
            (Phase::Starting, Input::Cut { grace }) => self.cut_start(Phase::CuttingStart, grace),
            (Phase::Starting | Phase::CuttingStart, Input::Stop { grace }) => {
                self.cut_start(Phase::EndingStart, grace)
            }
            (Phase::CuttingStart, Input::GroupGone) => self.become_standing(),
            (Phase::Standing, Input::Cut { grace }) if self.is_foreground() => vec![Act::EndLeader { grace }],
            (
                Phase::Starting | Phase::CuttingStart | Phase::Standing | Phase::Pausing { .. },
                Input::GiveUp,
            ) => self.give_up(),
            (Phase::Standing, Input::Stop { .. }) => self.next_try(now),
            (Phase::EndingStart, Input::GroupGone) => self.next_try(now),
            (Phase::Trying { timed_out, .. }, Input::TryEnded(end)) => self.judge(end, timed_out, now),
            (Phase::Trying { until, timed_out: false }, Input::Time) if now >= until => self.time_out(until),
            (Phase::Trying { until, .. }, Input::GiveUp) => {
                self.given_up = true;
                self.time_out(until)
            }
            (Phase::Pausing { until }, Input::Time) if now >= until => self.run_stop(now),
            (Phase::EndingForeground, Input::GroupGone) => self.clear(),
            (phase, Input::Gone) => self.become_gone(phase, now),
            (_, Input::GiveUp) => {
                self.given_up = true;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn become_standing(&mut self) -> Vec<Act> {
        self.phase = Phase::Standing;
        Vec::new()
    }

    fn is_foreground(&self) -> bool {
        matches!(self.form, ServiceForm::Foreground { .. })
    }

    fn cut_start(&mut self, phase: Phase, grace: Duration) -> Vec<Act> {
        self.phase = phase;
        self.second_owed = true;
        vec![Act::EndLeader { grace }]
    }

    fn give_up(&mut self) -> Vec<Act> {
        self.given_up = true;
        self.success &= self.tries.is_none() || self.tried > 0;
        self.after_tries(Duration::ZERO)
    }

    fn next_try(&mut self, now: Instant) -> Vec<Act> {
        if self.tries.is_none() || self.given_up {
            self.success &= self.tries.is_none();
            return self.after_tries(self.foreground_grace());
        }
        self.run_stop(now)
    }

    fn run_stop(&mut self, now: Instant) -> Vec<Act> {
        let Some(tries) = &self.tries else { return Vec::new() };
        self.first_try.get_or_insert(now);
        self.tried += 1;
        self.phase = Phase::Trying { until: now + tries.limit, timed_out: false };
        vec![Act::RunStop]
    }

    fn time_out(&mut self, until: Instant) -> Vec<Act> {
        self.phase = Phase::Trying { until, timed_out: true };
        vec![Act::KillStop]
    }

    fn judge(&mut self, end: TryEnd, timed_out: bool, now: Instant) -> Vec<Act> {
        let limit = self.tries.as_ref().map_or(Duration::ZERO, |tries| tries.limit);
        let outcome = match end {
            // Who is out of time is killed without being asked: a success was one, however late.
            TryEnd::Exit(exit) if exit.is_success() || !timed_out => StopOutcome::Exit(exit),
            TryEnd::NotStarted(fault) if !timed_out => StopOutcome::NotStarted(fault),
            _ => StopOutcome::TookTooLong(limit),
        };
        self.success = outcome.is_success();
        let mut acts = vec![Act::TellTry(outcome)];
        match self.again_at(now) {
            Some(until) => self.phase = Phase::Pausing { until },
            None => acts.extend(self.after_tries(self.foreground_grace())),
        }
        acts
    }

    /// When the stop runs again, if it does.
    fn again_at(&mut self, now: Instant) -> Option<Instant> {
        if self.given_up {
            return None;
        }
        if self.success {
            return std::mem::take(&mut self.second_owed).then(|| now + SECOND_STOP_AFTER);
        }
        let after_first = *self.tries.as_ref()?.retries.get(self.tried - 1)?;
        Some(now.max(self.first_try? + after_first))
    }

    fn foreground_grace(&self) -> Duration {
        match self.form {
            ServiceForm::Daemon => Duration::ZERO,
            ServiceForm::Foreground { grace } => grace,
        }
    }

    fn after_tries(&mut self, grace: Duration) -> Vec<Act> {
        if self.gone {
            return self.done();
        }
        match self.form {
            ServiceForm::Foreground { .. } => {
                self.phase = Phase::EndingForeground;
                vec![Act::EndLeader { grace }]
            }
            ServiceForm::Daemon => self.clear(),
        }
    }

    fn clear(&mut self) -> Vec<Act> {
        if self.gone {
            return self.done();
        }
        self.phase = Phase::Clearing;
        vec![Act::Clear]
    }

    fn done(&mut self) -> Vec<Act> {
        self.phase = Phase::Stopped;
        vec![Act::Done { success: self.success }]
    }

    fn become_gone(&mut self, phase: Phase, now: Instant) -> Vec<Act> {
        self.gone = true;
        match phase {
            Phase::Starting | Phase::CuttingStart => self.become_standing(),
            Phase::EndingStart => self.next_try(now),
            Phase::EndingForeground | Phase::Clearing => self.done(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
