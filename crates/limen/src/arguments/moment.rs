//! Spans of time and points in time as they are typed: `30m`, `2h`, `+30m`, `2026-05-01T22:00:00Z`. No clock.

use std::str::FromStr;

/// Ten years: what is longer was meant otherwise.
const SECONDS_MAX: u64 = 315_360_000;

/// A span of whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Duration {
    /// How long.
    pub(crate) seconds: u64,
}

impl FromStr for Duration {
    type Err = String;

    /// Reads `90`, `90s`, `30m`, `2h`, `1d`, `1w`, or several of them from great to small: `1h30m`.
    fn from_str(text: &str) -> Result<Self, String> {
        let complain = || format!("'{text}' is not a duration; write it like 90s, 30m, 2h, 1h30m or 7d");
        let mut seconds = 0_u64;
        let mut rest = text;
        let mut last_unit = u64::MAX;
        while !rest.is_empty() {
            let digits = rest.find(|one: char| !one.is_ascii_digit()).unwrap_or(rest.len());
            let (number, behind) = rest.split_at_checked(digits).ok_or_else(complain)?;
            let number: u64 = number.parse().map_err(|_| complain())?;
            let unit = match behind.chars().next() {
                None if last_unit == u64::MAX => 1,
                Some('s') => 1,
                Some('m') => 60,
                Some('h') => 3_600,
                Some('d') => 86_400,
                Some('w') => 604_800,
                _ => return Err(complain()),
            };
            if unit >= last_unit {
                return Err(complain());
            }
            last_unit = unit;
            seconds = number.checked_mul(unit).and_then(|more| seconds.checked_add(more)).ok_or_else(complain)?;
            rest = behind.get(1..).unwrap_or_default();
        }
        if text.is_empty() {
            return Err(complain());
        }
        if seconds > SECONDS_MAX {
            return Err(format!("'{text}' is longer than ten years"));
        }
        Ok(Self { seconds })
    }
}

/// A point in time, told by itself or from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// At this time.
    At {
        /// Microseconds since the epoch.
        at_us: i64,
    },
    /// So much after now.
    In(Duration),
}

impl Moment {
    /// The point in microseconds since the epoch.
    pub(crate) fn at_us(self, now_us: i64) -> i64 {
        match self {
            Self::At { at_us } => at_us,
            Self::In(duration) => after_us(now_us, duration),
        }
    }
}

/// A point so much after another, in microseconds since the epoch.
pub(crate) fn after_us(from_us: i64, duration: Duration) -> i64 {
    let span_us = i64::try_from(duration.seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    from_us.saturating_add(span_us)
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "now" {
            return Ok(Self::In(Duration { seconds: 0 }));
        }
        if let Some(duration) = text.strip_prefix('+') {
            return duration.parse().map(Self::In);
        }
        match text.parse::<jiff::Timestamp>() {
            Ok(at) => Ok(Self::At { at_us: at.as_microsecond() }),
            Err(_) if text.parse::<Duration>().is_ok() => Err(format!("write +{text} for {text} from now")),
            Err(_) => Err(format!(
                "'{text}' is not a time; write it with its offset, like 2026-05-01T22:00:00Z, or from now, like +30m"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let seconds = |text: &str| text.parse::<Duration>().map(|duration| duration.seconds);
        for (text, expected) in
            [("90", 90), ("90s", 90), ("30m", 1_800), ("2h", 7_200), ("1h30m", 5_400), ("7d", 604_800), ("0", 0)]
        {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for bad in ["", "m", "-5", "1x", "30m1h", "1h1h", "1h30", "1.5h", " 1h", "99999999999999999999", "5ü", "é"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
        assert_eq!(seconds("600w"), Err("'600w' is longer than ten years".into()));
    }

    #[test]
    fn moments() {
        let at = |text: &str| text.parse::<Moment>().map(|moment| moment.at_us(1_000_000));
        assert_eq!(at("now"), Ok(1_000_000));
        assert_eq!(at("+30m"), Ok(1_801_000_000));
        assert_eq!(at("1970-01-01T01:00:00+01:00"), Ok(0));
        assert_eq!(at("30m"), Err("write +30m for 30m from now".into()));
        assert!(at("2026-05-01 22:00").is_err() && at("tomorrow").is_err() && at("+").is_err());
    }
}
