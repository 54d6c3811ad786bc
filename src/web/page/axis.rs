//! The time axis that all lanes of a build share, and where their bars lie on it.

use super::{Html, ServiceLane, ServiceState, StepLane, escape, human_duration, moment::exact_ms};

/// The axis all lanes share, ms since the epoch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis {
    from: i64,
    to: i64,
}

impl Axis {
    /// From the first thing that began to the last that ended, or to `now` while something has no end.
    pub(crate) fn around(steps: &[StepLane], services: &[ServiceLane], over: bool, now: i64) -> Self {
        let begun =
            steps.iter().filter_map(|s| s.started_at).chain(services.iter().filter_map(|s| s.started_at));
        let ended = steps
            .iter()
            .filter_map(|s| s.ended_at)
            .chain(services.iter().filter_map(|s| s.stopped_at.or(s.stopping_at)));
        let from = begun.clone().min().unwrap_or(now);
        let to = if over { ended.chain(begun).max().unwrap_or(now) } else { now };
        Self { from, to: to.max(from.saturating_add(1)) }
    }

    pub(crate) fn from(self) -> i64 {
        self.from
    }

    /// How long after the beginning of the axis this was, with the exact time on hover.
    pub(crate) fn offset(self, at: i64) -> Html {
        let after = human_duration(u64::try_from(at.saturating_sub(self.from)).unwrap_or(0));
        let exact = escape(&exact_ms(at));
        Html(format!("<time datetime=\"{exact}\" title=\"{exact}\">{after}</time>"))
    }

    fn length(self) -> f64 {
        self.to.saturating_sub(self.from) as f64
    }

    fn percent(self, at: i64) -> f64 {
        (at.saturating_sub(self.from) as f64 / self.length() * 100.0).clamp(0.0, 100.0)
    }

    /// The five labels of the axis. The script writes them anew while the build runs.
    pub(crate) fn ticks(self) -> Html {
        let mut out = String::new();
        for (quarter, anchor) in [(0u32, "start"), (1, "middle"), (2, "middle"), (3, "middle"), (4, "end")] {
            let ms = (self.length() * f64::from(quarter) / 4.0).round() as u64;
            let label = if ms == 0 { "0 s".to_owned() } else { tick(ms) };
            out.push_str(&format!(
                "<text x=\"{}%\" y=\"12\" text-anchor=\"{anchor}\" data-quarter=\"{quarter}\">{label}</text>",
                quarter * 25
            ));
        }
        Html(out)
    }

    fn segment(self, from: i64, to: Option<i64>, class: &str) -> String {
        let (left, right) = (self.percent(from), to.map_or(100.0, |to| self.percent(to)));
        let width = (right - left).max(0.8);
        let end = to.map(|to| to.to_string()).unwrap_or_default();
        format!(
            "<rect class=\"seg {class}\" x=\"{:.2}%\" y=\"0\" width=\"{width:.2}%\" height=\"16\" rx=\"4\" data-from=\"{from}\" data-to=\"{end}\"/>",
            left.min(100.0 - width),
        )
    }

    /// A label in the segment if there is room, else beside it where there is more. The script does the same.
    fn label(self, from: i64, to: Option<i64>, text: &str, html: &str) -> String {
        let (left, right) = (self.percent(from), to.map_or(100.0, |to| self.percent(to)));
        let needed = text.chars().count() as f64 * LABEL_PERCENT_PER_CHARACTER;
        let (x, dx, anchor) = if right - left >= needed {
            (left, 5, "start")
        } else if right + needed <= 100.0 {
            (right, 5, "start")
        } else {
            (left, -5, "end")
        };
        format!(
            "<text x=\"{x:.2}%\" dx=\"{dx}\" y=\"12\" text-anchor=\"{anchor}\" data-from=\"{from}\" data-to=\"{}\">{html}</text>",
            to.map(|to| to.to_string()).unwrap_or_default()
        )
    }

    /// The bar of a step.
    pub(crate) fn step(self, lane: &StepLane, now: i64) -> Html {
        let Some(from) = lane.started_at else { return Html(String::new()) };
        let running = lane.ended_at.is_none() && !lane.state.is_over();
        let to = if running { None } else { Some(lane.ended_at.unwrap_or(from)) };
        let ms = u64::try_from(to.unwrap_or(now).saturating_sub(from)).unwrap_or(0);
        let took = human_duration(ms);
        let note = if lane.note.is_empty() { String::new() } else { format!(" · {}", lane.note) };
        let counted =
            if running { format!("<tspan data-since=\"{from}\">{took}</tspan>") } else { took.clone() };
        let label = self.label(from, to, &format!("{took}{note}"), &(counted + &escape(&note)));
        Html(self.segment(from, to, lane.state.class()) + &label)
    }

    /// The bars of a service: starting, ready, stopping.
    pub(crate) fn service(self, lane: &ServiceLane) -> Html {
        let Some(from) = lane.started_at else { return Html(String::new()) };
        let starting_to = lane.ready_at.or(lane.stopping_at).or(lane.stopped_at);
        let mut out = self.segment(from, starting_to, "run");
        let ready = lane.ready_at.map(|ready| (ready, lane.stopping_at.or(lane.stopped_at)));
        if let Some((ready, to)) = ready {
            out.push_str(&self.segment(ready, to, "ready"));
        }
        if let Some(stopping) = lane.stopping_at {
            let class = match lane.state {
                ServiceState::NotStopped | ServiceState::StopPending => "bad",
                _ if lane.killed > 0 => "warn",
                _ => "stop",
            };
            out.push_str(&self.segment(stopping, lane.stopped_at, class));
        }
        if lane.state.is_left() {
            let text = lane.said();
            out.push_str(&self.label(lane.ready_at.unwrap_or(from), lane.stopping_at, &text, &escape(&text)));
        } else if let Some((ready, to)) = ready {
            let text = if lane.address.is_empty() {
                "ready".to_owned()
            } else {
                format!("ready · {}", lane.address)
            };
            out.push_str(&self.label(ready, to, &text, &escape(&text)));
        }
        Html(out)
    }
}

/// Width of one character of a label at 11 px on an axis of 350 px, in percent.
const LABEL_PERCENT_PER_CHARACTER: f64 = 1.75;

/// A label of the axis: seconds while a person counts in seconds.
fn tick(ms: u64) -> String {
    if (9_950..119_500).contains(&ms) { format!("{} s", (ms + 500) / 1000) } else { human_duration(ms) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::State;

    fn lane(from: i64, to: Option<i64>, state: State) -> StepLane {
        StepLane {
            path: "0".into(),
            kind: "task".into(),
            name: "t".into(),
            depth: 0,
            state,
            started_at: Some(from),
            ended_at: to,
            note: String::new(),
            logs: Vec::new(),
        }
    }

    #[test]
    fn a_bar_lies_where_its_time_is() {
        let steps = [lane(0, Some(25_000), State::Succeeded), lane(50_000, Some(100_000), State::Failed)];
        let axis = Axis::around(&steps, &[], true, 999_000);
        let bar = axis.step(&steps[1], 999_000).0;
        assert!(bar.contains("x=\"50.00%\" y=\"0\" width=\"50.00%\""), "{bar}");
        assert!(bar.contains(">50 s</text>"), "{bar}");
    }

    #[test]
    fn what_runs_reaches_the_present() {
        let steps = [lane(10_000, None, State::Running)];
        let axis = Axis::around(&steps, &[], false, 20_000);
        let bar = axis.step(&steps[0], 20_000).0;
        assert!(bar.contains("width=\"100.00%\"") && bar.contains("data-to=\"\""), "{bar}");
    }

    #[test]
    fn a_build_of_no_time_has_bars() {
        let steps = [lane(5, Some(5), State::Succeeded)];
        let bar = Axis::around(&steps, &[], true, 5).step(&steps[0], 5).0;
        assert!(bar.contains("width=\"0.80%\""), "{bar}");
    }
}
