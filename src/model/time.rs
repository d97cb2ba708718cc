use std::time::Duration;

use jiff::SignedDuration;

/// An instant in UTC; written as RFC 3339.
pub type Timestamp = jiff::Timestamp;

/// Reads a duration with its unit (`30s`, `1m 30s`, `48h`). A bare number, or one below zero, is none.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    text.parse::<SignedDuration>()
        .ok()
        .and_then(|span| Duration::try_from(span).ok())
}

/// Writes a duration for people, with two digits at most (`40 ms`, `0.2 s`, `30 s`, `5 min`, `48 h`).
#[must_use]
pub fn display_duration(span: Duration) -> String {
    let seconds = span.as_secs_f64();
    match seconds {
        s if s > 0.0 && s < 0.095 => format!("{:.0} ms", s * 1000.0),
        s if s < 9.95 && (s - s.round()).abs() >= 0.05 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.0} h", s / 3600.0),
    }
}

/// Milliseconds from `from` to `to`; negative when `to` is earlier.
#[must_use]
pub fn millis(from: Timestamp, to: Timestamp) -> i64 {
    i64::try_from(to.duration_since(from).as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_needs_its_unit() {
        assert_eq!(parse_duration("30s"), Some(Duration::from_secs(30)));
        assert_eq!(parse_duration("1m 30s"), Some(Duration::from_secs(90)));
        assert_eq!(parse_duration("48h"), Some(Duration::from_secs(48 * 3600)));
        for wrong in ["30", "", "-3s", "30 parsecs", "s"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_are_written_short() {
        let shown = |ms| display_duration(Duration::from_millis(ms));
        assert_eq!(shown(42), "42 ms");
        assert_eq!(shown(0), "0 s");
        assert_eq!(shown(180), "0.2 s");
        assert_eq!(shown(30_000), "30 s");
        assert_eq!(shown(300_000), "5 min");
        assert_eq!(shown(172_800_000), "48 h");
    }
}
