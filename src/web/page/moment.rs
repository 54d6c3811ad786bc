//! Times and durations in the words a person uses. The script says them the same way (`assets/script/time.js`).

use chrono::{DateTime, SecondsFormat};

use super::{Html, escape};

/// A duration as a person says it: `8 ms`, `1.6 s`, `31 s`, `1 m 12 s`, `2 h 5 m`, `3 d 4 h`.
#[must_use]
pub fn human_duration(ms: u64) -> String {
    let seconds = (ms + 500) / 1000;
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..9950 => {
            let tenths = (ms + 50) / 100;
            if tenths.is_multiple_of(10) {
                format!("{} s", tenths / 10)
            } else {
                format!("{}.{} s", tenths / 10, tenths % 10)
            }
        }
        9950..59_500 => format!("{seconds} s"),
        59_500..3_599_500 => two(seconds / 60, "m", seconds % 60, "s"),
        3_599_500..86_400_000 => two(seconds / 3600, "h", seconds % 3600 / 60, "m"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

fn two(big: u64, big_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 { format!("{big} {big_unit}") } else { format!("{big} {big_unit} {small} {small_unit}") }
}

/// How long `at` lies before `now` (or after it), both in ms since the epoch: `just now`, `8 s ago`, `3 m ago`, `in 2 h`.
#[must_use]
pub fn relative(at: i64, now: i64) -> String {
    let distance = now.abs_diff(at) / 1000;
    let said = match distance {
        0..2 => return "just now".to_owned(),
        2..60 => format!("{distance} s"),
        60..3600 => format!("{} m", distance / 60),
        3600..86_400 => format!("{} h", distance / 3600),
        _ => format!("{} d", distance / 86_400),
    };
    if at <= now { format!("{said} ago") } else { format!("in {said}") }
}

/// RFC 3339 in UTC, to the second; empty for a time outside the calendar.
pub(crate) fn exact(at: i64) -> String {
    DateTime::from_timestamp_millis(at)
        .map(|t| t.to_rfc3339_opts(SecondsFormat::Secs, true))
        .unwrap_or_default()
}

/// The same, to the millisecond.
pub(crate) fn exact_ms(at: i64) -> String {
    DateTime::from_timestamp_millis(at)
        .map(|t| t.to_rfc3339_opts(SecondsFormat::Millis, true))
        .unwrap_or_default()
}

/// A `time` element: relative in the text, exact on hover, kept right by the script.
pub(crate) fn ago(at: i64, now: i64) -> Html {
    let exact = escape(&exact(at));
    Html(format!(
        "<time datetime=\"{exact}\" title=\"{exact}\" data-at=\"{at}\">{}</time>",
        relative(at, now)
    ))
}

/// How long something took, or, while it has no end, takes: then the script counts on.
pub(crate) fn took(from: i64, to: Option<i64>, now: i64) -> Html {
    let said = human_duration(u64::try_from(to.unwrap_or(now).saturating_sub(from)).unwrap_or(0));
    Html(match to {
        Some(_) => format!("<span>{said}</span>"),
        None => format!("<span data-since=\"{from}\">{said}</span>"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_people_say_them() {
        let said: Vec<_> =
            [0, 8, 999, 1000, 1630, 9949, 9950, 31_000, 59_499, 59_500, 72_000, 3_600_000, 7_500_000]
                .into_iter()
                .map(human_duration)
                .collect();
        let expected = [
            "0 ms", "8 ms", "999 ms", "1 s", "1.6 s", "9.9 s", "10 s", "31 s", "59 s", "1 m", "1 m 12 s",
            "1 h", "2 h 5 m",
        ];
        assert_eq!(said, expected);
        assert_eq!(human_duration(86_400_000 * 3 + 3_600_000 * 4), "3 d 4 h");
    }

    #[test]
    fn times_are_relative() {
        assert_eq!(relative(1_000, 1_500), "just now");
        assert_eq!(relative(0, 180_000), "3 m ago");
        assert_eq!(relative(7_200_000, 0), "in 2 h");
        assert_eq!(relative(0, 86_400_000 * 2), "2 d ago");
    }

    #[test]
    fn an_impossible_time_is_not_a_panic() {
        assert_eq!(exact(i64::MAX), "");
        assert_eq!(took(i64::MAX, Some(0), 0).0, "<span>0 ms</span>");
    }
}
