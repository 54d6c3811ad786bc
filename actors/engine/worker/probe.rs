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
#[derive(Default)]
struct Said {
    reason: String,
    output: String,
    /// What its command could have used.
    names: Vec<String>,
}

impl Said {
    fn of(reason: impl Into<String>) -> Self {
        Said { reason: reason.into(), ..Said::default() }
    }
}

impl Probe {
    /// Probes at once, then `interval` after the end of the one before, until the time is over, which ends a probe that
    /// still runs. Of the output only the last failing probe's is kept.
    pub(crate) async fn run(self, recorder: &mut Recorder, mut ear: Ear) -> Probed {
        let began = Instant::now();
        let mut last = Said::of("there was no time for one");
        let mut count = 0;
        loop {
            let left = self.check.timeout.saturating_sub(began.elapsed());
            if left.is_zero() {
                return self.give_up(count, &last, recorder);
            }
            count += 1;
            let tail = Tail::new(KEPT);
            let failed = match self.once(count, recorder, &tail, left, &mut ear).await {
                Ok(None) => {
                    recorder.note(&format!("ready after {count} {}", probes(count)));
                    return Probed::Ready;
                }
                Ok(Some(failed)) => Said { output: tail.text(), ..failed },
                Err(_) => return Probed::Cut,
            };
            let left = self.check.timeout.saturating_sub(began.elapsed());
            // A probe that the end of the time cut short, and that said nothing, tells less than the one before.
            if !(left.is_zero() && failed.output.is_empty() && count > 1) {
                last = failed;
            }
            tokio::select! {
                () = tokio::time::sleep(self.check.interval.min(left)) => {}
                _ = interrupted(&mut ear) => return Probed::Cut,
            }
        }
    }

    /// One probe: nothing when it succeeded, else why not; its output is in `tail`.
    async fn once(
        &self,
        count: u32,
        recorder: &Recorder,
        tail: &Arc<Tail>,
        left: Duration,
        ear: &mut Ear,
    ) -> Result<Option<Said>, Interrupt> {
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
            limit: Some(left.min(LONGEST_PROBE)),
        };
        let runner = Runner { types: &self.site.types.runner_types, host_services: true, labels: &[] };
        match conduct(&self.site.ground, &self.site.secrets, runner, order, ear).await {
            Err(failure) => Ok(Some(Said::of(failure.to_string()))),
            Ok(Conducted { halt: Some(Halt::Interrupted(interrupt)), .. }) => Err(interrupt),
            Ok(Conducted { halt: Some(Halt::TimedOut(limit)), .. }) => {
                Ok(Some(Said::of(format!("the probe took longer than {}", duration_text(limit)))))
            }
            Ok(Conducted { end: None, .. }) => Ok(None),
            Ok(Conducted { end: Some(end), .. }) if end.ended.is_success() => Ok(None),
            Ok(Conducted { end: Some(end), names, .. }) => {
                Ok(Some(Said { names, ..Said::of(ended_failure(&end.ended).to_string()) }))
            }
        }
    }

    /// The time is over.
    fn give_up(&self, count: u32, said: &Said, recorder: &Recorder) -> Probed {
        if !said.output.is_empty() {
            recorder.note(said.output.trim_end_matches('\n'));
        }
        recorder.note(&format!("error: {count} {}, the last one: {}", probes(count), said.reason));
        recorder.name_variables(&said.names);
        let text = format!("service \"{}\" not ready after {}", self.name, duration_text(self.check.timeout));
        Probed::Failed(Failure::coded(RunCode::R151, text))
    }
}

fn probes(count: u32) -> &'static str {
    if count == 1 { "probe" } else { "probes" }
}
