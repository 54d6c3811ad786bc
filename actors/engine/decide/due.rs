//! When a resource is checked next.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;
use pikoci_model::{pipeline::CheckInterval, port::store::ResourceRow};

/// Whether a resource should be checked now, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Its time has come, or somebody asked.
    Now,
    /// Its time is still to come.
    At(DateTime<Utc>),
    /// A check runs; should its worker vanish, the resource is free again then.
    Running(DateTime<Utc>),
    /// Only when somebody asks.
    OnRequest,
}

impl Due {
    /// When looking again makes sense without a wake-up.
    pub fn look_again(self) -> Option<DateTime<Utc>> {
        match self {
            Self::At(at) | Self::Running(at) => Some(at),
            Self::Now | Self::OnRequest => None,
        }
    }
}

/// Clocks of one installation may differ by so much.
const SKEW: TimeDelta = TimeDelta::seconds(30);

/// Judges a resource by its run-time row: until when a running check holds its lease, and when the next one is due.
/// A last check that ended in the future was dated by a clock that was wrong, and so was the next one: it is due now
/// rather than when that future has come.
pub fn due(row: &ResourceRow, now: DateTime<Utc>) -> Due {
    let lease_until = row.checking.as_ref().map(|lease| lease.until);
    let dated_wrongly = row.last_check.is_some_and(|last| last - now > SKEW);
    match (lease_until, row.next_check) {
        (Some(until), _) if until > now => Due::Running(until),
        (_, Some(at)) if at <= now || dated_wrongly => Due::Now,
        (_, Some(at)) => Due::At(at),
        (_, None) => Due::OnRequest,
    }
}

/// The first check after one that ended at `after`. Counted from that end, so a check by hand restarts the interval
/// and slots that were missed give one check, not many. `zone` is the server's, for lines that name none.
///
/// # Errors
/// A line or zone that cannot be read, in words; such a resource is checked on request only. The compiler refuses
/// them, so this is a definition from another version of the program.
pub fn next_check(
    interval: &CheckInterval,
    after: DateTime<Utc>,
    zone: Tz,
) -> Result<Option<DateTime<Utc>>, String> {
    match interval {
        CheckInterval::Never => Ok(None),
        CheckInterval::Every(every) => Ok(Some(plus(after, *every))),
        CheckInterval::Cron { fields, zone: named } => {
            let zone = match named {
                Some(name) => name.parse::<Tz>().map_err(|_| format!("time zone \"{name}\" is not known"))?,
                None => zone,
            };
            let cron: Cron = fields.parse().map_err(|e| format!("cron line \"{fields}\": {e}"))?;
            // A line such as `0 0 30 2 *` never comes; that is no error.
            let next = cron.find_next_occurrence(&after.with_timezone(&zone), false).ok();
            Ok(next.map(|at| at.with_timezone(&Utc)))
        }
    }
}

fn plus(at: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by).ok().and_then(|by| at.checked_add_signed(by)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use pikoci_model::{
        id::{NodeId, PipelineId, ResourceId},
        port::store::CheckLease,
    };

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn cron(fields: &str, zone: Option<&str>) -> CheckInterval {
        CheckInterval::Cron { fields: fields.into(), zone: zone.map(str::to_owned) }
    }

    #[test]
    fn the_next_check_is_counted_from_the_end_of_the_last() {
        let noon = at("2026-03-28T12:00:30Z");
        let cases = [
            (CheckInterval::Never, None),
            (CheckInterval::Every(Duration::from_secs(60)), Some("2026-03-28T12:01:30Z")),
            (cron("*/5 * * * *", None), Some("2026-03-28T12:05:00Z")),
            (cron("0 12 * * *", None), Some("2026-03-29T12:00:00Z")),
            // Summer time begins in Berlin on the 29th.
            (cron("0 12 * * *", Some("Europe/Berlin")), Some("2026-03-29T10:00:00Z")),
            // Both days restricted: either matches. The 28th is a Saturday.
            (cron("0 0 1 * mon", None), Some("2026-03-30T00:00:00Z")),
            (cron("0 0 30 2 *", None), None),
            (CheckInterval::Every(Duration::MAX), Some("+262142-12-31T23:59:59.999999999Z")),
        ];
        for (interval, expected) in cases {
            let next = next_check(&interval, noon, Tz::UTC).unwrap();
            assert_eq!(next, expected.map(at), "{interval:?}");
        }
        assert!(next_check(&cron("x", None), noon, Tz::UTC).unwrap_err().contains("\"x\""));
        assert!(next_check(&cron("* * * * *", Some("Mars/A")), noon, Tz::UTC).is_err());
    }

    #[test]
    fn a_running_check_goes_before_a_due_one_until_its_lease_ends() {
        let now = at("2026-03-28T12:00:00Z");
        let (before, after) = (Some(at("2026-03-28T11:00:00Z")), Some(at("2026-03-28T13:00:00Z")));
        assert_eq!(due(&row(None, before, None), now), Due::Now);
        assert_eq!(due(&row(None, Some(now), before), now), Due::Now);
        assert_eq!(due(&row(None, before, after), now), Due::Running(after.unwrap()));
        assert_eq!(due(&row(before, after, None), now).look_again(), after);
        assert_eq!(due(&row(None, None, None), now), Due::OnRequest);
    }

    #[test]
    fn a_clock_that_went_back_stops_no_checks() {
        let now = at("2026-03-28T12:00:00Z");
        let (soon, hour) = (Some(at("2026-03-28T12:00:20Z")), Some(at("2026-03-28T13:00:00Z")));
        assert_eq!(due(&row(soon, hour, None), now), Due::At(hour.unwrap()), "another server's clock");
        assert_eq!(due(&row(hour, hour, None), now), Due::Now);
        assert_eq!(due(&row(hour, None, None), now), Due::OnRequest);
    }

    type Time = Option<DateTime<Utc>>;

    fn row(last_check: Time, next_check: Time, lease_until: Time) -> ResourceRow {
        ResourceRow {
            id: ResourceId(1),
            pipeline: PipelineId(1),
            canonical: "git.app".to_owned(),
            webhook_token: String::new(),
            last_check,
            next_check,
            failing: false,
            logs: String::new(),
            checking: lease_until.map(|until| CheckLease { number: 1, node: NodeId("w".to_owned()), until }),
            latest: None,
        }
    }
}
