//! The ready check of a service: probe after probe until one succeeds or the time is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pikoci_model::outcome::{Failure, RunCode};
use pikoci_model::pipeline::ReadyCheck;
use pikoci_model::port::LogSink;

use super::conduct::{Conducted, Ear, Halt, Interrupt, Order, Runner, conduct, ended_failure, interrupted};
use super::record::Recorder;
use super::site::{Layers, Site, Specifics};
use super::step_log::Tail;
use crate::decide::walk::duration_text;

/// A single probe must not use up the whole time.
const LONGEST_PROBE: Duration = Duration::from_secs(10);
/// One that begins at the end of the time has this long.
const LAST_PROBE: Duration = Duration::from_secs(1);
/// What is kept of the last failing probe's output, in bytes.
const KEPT: usize = 16 * 1024;

/// How probing ended.
pub(crate) enum Probed {
    /// It answers.
    Ready,
    /// It did not answer in time, or cannot be asked.
    Failed(Failure),
    /// It was interrupted.
    Cut,
}

/// What is probed.
pub(crate) struct Probe {
    pub site: Arc<Site>,
    pub name: String,
    pub check: ReadyCheck,
    pub specifics: Specifics,
    pub exports: std::collections::BTreeMap<String, String>,
}

/// What came of a probe that failed.
struct Said {
    reason: String,
    output: String,
}

impl Probe {
    /// Probes at once, then `interval` after the end of the one before, and a last time when the time is over. Of the output only the last failing
    /// probe's is kept.
    pub(crate) async fn run(self, recorder: &mut Recorder, mut ear: Ear) -> Probed {
        let began = Instant::now();
        let mut last: Option<Said> = None;
        for count in 1.. {
            let left = self.check.timeout.saturating_sub(began.elapsed());
            let tail = Tail::new(KEPT);
            let reason = match self.once(count, recorder, &tail, left, &mut ear).await {
                Ok(None) => {
                    recorder.note(&format!("ready after {count} {}", probes(count)));
                    return Probed::Ready;
                }
                Ok(Some(reason)) => reason,
                Err(_) => return Probed::Cut,
            };
            let left = self.check.timeout.saturating_sub(began.elapsed());
            let said = Said { reason, output: tail.text() };
            // A probe that the end of the time cut short, and that said nothing, tells less than the one before.
            let said = last.take().filter(|_| left.is_zero() && said.output.is_empty()).unwrap_or(said);
            if left.is_zero() {
                return self.give_up(count, &said, recorder);
            }
            last = Some(said);
            // The last probe begins when the time is over.
            tokio::select! {
                () = tokio::time::sleep(self.check.interval.min(left)) => {}
                _ = interrupted(&mut ear) => return Probed::Cut,
            }
        }
        Probed::Ready
    }

    /// One probe: nothing when it succeeded, else why not.
    async fn once(
        &self,
        count: u32,
        recorder: &Recorder,
        tail: &Arc<Tail>,
        left: Duration,
        ear: &mut Ear,
    ) -> Result<Option<String>, Interrupt> {
        let sink: Arc<dyn LogSink> = Arc::clone(tail) as _;
        let layers = Layers {
            step_env: None,
            command: &self.check.command,
            exports: &self.exports,
            specifics: &self.specifics,
            hook: None,
            output: None,
            cache_dir: None,
        };
        let order = Order {
            layers,
            step: recorder.path(),
            attempt: count,
            sink: Some(&sink),
            capture: false,
            hide_stdout: false,
            limit: Some(left.clamp(LAST_PROBE, LONGEST_PROBE)),
        };
        let runner = Runner { types: &self.site.types.runner_types, host_services: true, labels: &[] };
        match conduct(&self.site.ground, &self.site.secrets, runner, order, ear).await {
            Err(failure) => Ok(Some(failure.to_string())),
            Ok(Conducted { halt: Some(Halt::Interrupted(interrupt)), .. }) => Err(interrupt),
            Ok(Conducted { halt: Some(Halt::TimedOut(limit)), .. }) => {
                Ok(Some(format!("the probe took longer than {}", duration_text(limit))))
            }
            Ok(Conducted { end: None, .. }) => Ok(None),
            Ok(Conducted { end: Some(end), .. }) if end.ended.is_success() => Ok(None),
            Ok(Conducted { end: Some(end), .. }) => Ok(Some(ended_failure(&end.ended).to_string())),
        }
    }

    /// The time is over.
    fn give_up(&self, count: u32, said: &Said, recorder: &Recorder) -> Probed {
        if !said.output.is_empty() {
            recorder.note(said.output.trim_end_matches('\n'));
        }
        recorder.note(&format!("error: {count} {}, the last one: {}", probes(count), said.reason));
        let text = format!("service \"{}\" not ready after {}", self.name, duration_text(self.check.timeout));
        Probed::Failed(Failure::coded(RunCode::R151, text))
    }
}

fn probes(count: u32) -> &'static str {
    if count == 1 { "probe" } else { "probes" }
}
