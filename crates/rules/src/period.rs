//! Quota periods: from when to when a quota counts, by fixed seconds or by the calendar of a time zone.
//!
//! Spans of one period tile time: every instant lies in exactly one. This module knows no clock, no quota and no
//! subscription; both instants are arguments, in microseconds since the epoch.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

const MICROSECONDS_PER_SECOND: i128 = 1_000_000;

/// Steps from one calendar unit to its neighbour before [`Period::span`] gives up. Two are needed at most: a day that
/// a zone skipped (an empty span) and a midnight that happens twice.
const MAX_STEPS: usize = 8;

/// When a quota is replenished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Period {
    /// Every so many seconds, counted from the subscription's start.
    Seconds {
        /// Length of the period in seconds, at least 1.
        seconds: u64,
    },
    /// Every calendar day, week or month of a time zone; the subscription's start plays no part.
    Calendar {
        /// The unit of the calendar.
        unit: CalendarUnit,
        /// The zone whose midnight begins the unit, by its IANA name.
        #[serde(with = "jiff::fmt::serde::tz::required")]
        time_zone: TimeZone,
    },
}

/// A unit of the civil calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalendarUnit {
    /// From the day's first instant to the next day's; 23 to 25 hours where clocks change.
    Day,
    /// From Monday's first instant to the next Monday's (ISO 8601).
    Week,
    /// From the first instant of the 1st to that of the next 1st.
    Month,
}

/// One period: `begin_us <= t < end_us`, in microseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first instant that belongs to it.
    pub begin_us: i64,
    /// The first instant that no longer does: the quota is replenished then.
    pub end_us: i64,
}

impl Span {
    /// Whether the instant lies in this period.
    pub fn contains(&self, now_us: i64) -> bool {
        self.begin_us <= now_us && now_us < self.end_us
    }

    /// Microseconds from `now_us` until the quota is replenished, 0 if that is past.
    pub fn replenished_in_us(&self, now_us: i64) -> u64 {
        self.end_us.saturating_sub(now_us).try_into().unwrap_or(0)
    }
}

/// Why a period can't be placed in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// A period of no seconds.
    #[error("a period of 0 seconds never ends")]
    Empty,
    /// An instant outside of the years that a calendar can name.
    #[error("the time is outside of the years -9999 to 9999")]
    OutOfRange,
    /// A name that is in no time zone database.
    #[error("no such time zone")]
    UnknownTimeZone,
}

impl Period {
    /// A calendar period in the zone with this IANA name (`Europe/Berlin`, `UTC`).
    ///
    /// # Errors
    /// [`PeriodError::UnknownTimeZone`].
    pub fn calendar(unit: CalendarUnit, time_zone: &str) -> Result<Period, PeriodError> {
        let time_zone = TimeZone::get(time_zone).map_err(|_| PeriodError::UnknownTimeZone)?;
        Ok(Period::Calendar { unit, time_zone })
    }

    /// The period that `now_us` lies in. `start_us` is the subscription's start; it may be later than `now_us`.
    ///
    /// # Errors
    /// [`PeriodError`] for a period of 0 seconds, or where a border lies outside of the years -9999 to 9999.
    pub fn span(&self, start_us: i64, now_us: i64) -> Result<Span, PeriodError> {
        match self {
            Period::Seconds { seconds } => span_of_seconds(*seconds, start_us, now_us),
            Period::Calendar { unit, time_zone } => span_of_calendar(*unit, time_zone, now_us),
        }
    }
}

fn span_of_seconds(seconds: u64, start_us: i64, now_us: i64) -> Result<Span, PeriodError> {
    if seconds == 0 {
        return Err(PeriodError::Empty);
    }
    let length_us = i128::from(seconds) * MICROSECONDS_PER_SECOND;
    let elapsed_us = i128::from(now_us) - i128::from(start_us);
    let begin_us = i128::from(start_us) + elapsed_us.div_euclid(length_us) * length_us;
    let as_i64 = |us: i128| i64::try_from(us).map_err(|_| PeriodError::OutOfRange);
    Ok(Span { begin_us: as_i64(begin_us)?, end_us: as_i64(begin_us + length_us)? })
}

/// Looks for the unit whose first instant is the last one not after `now`. The local date of `now` is only where the
/// search begins: a clock set back across midnight shows yesterday's date for a second time, after today has begun.
fn span_of_calendar(unit: CalendarUnit, time_zone: &TimeZone, now_us: i64) -> Result<Span, PeriodError> {
    let now = Timestamp::from_microsecond(now_us).map_err(|_| PeriodError::OutOfRange)?;
    let mut first = unit.first_day(now.to_zoned(time_zone.clone()).date())?;
    for _ in 0..MAX_STEPS {
        let next = unit.following(first)?;
        let span = Span { begin_us: first_instant_us(first, time_zone)?, end_us: first_instant_us(next, time_zone)? };
        if span.contains(now_us) {
            return Ok(span);
        }
        first = if now_us < span.begin_us { unit.preceding(first)? } else { next };
    }
    Err(PeriodError::OutOfRange)
}

/// Midnight; where midnight is skipped, the first instant after the gap; where it happens twice, the earlier one.
fn first_instant_us(date: Date, time_zone: &TimeZone) -> Result<i64, PeriodError> {
    let midnight = time_zone.to_ambiguous_timestamp(date.to_datetime(Time::midnight())).compatible();
    midnight.map(|instant| instant.as_microsecond()).map_err(|_| PeriodError::OutOfRange)
}

impl CalendarUnit {
    fn first_day(self, date: Date) -> Result<Date, PeriodError> {
        match self {
            CalendarUnit::Day => Ok(date),
            CalendarUnit::Week => {
                let since_monday = i64::from(date.weekday().to_monday_zero_offset());
                date.checked_sub(since_monday.days()).map_err(|_| PeriodError::OutOfRange)
            }
            CalendarUnit::Month => Ok(date.first_of_month()),
        }
    }

    fn length(self) -> jiff::Span {
        match self {
            CalendarUnit::Day => 1.day(),
            CalendarUnit::Week => 7.days(),
            CalendarUnit::Month => 1.month(),
        }
    }

    fn following(self, first: Date) -> Result<Date, PeriodError> {
        first.checked_add(self.length()).map_err(|_| PeriodError::OutOfRange)
    }

    fn preceding(self, first: Date) -> Result<Date, PeriodError> {
        first.checked_sub(self.length()).map_err(|_| PeriodError::OutOfRange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR_US: i64 = 3_600_000_000;

    fn us(instant: &str) -> i64 {
        instant.parse::<Timestamp>().unwrap().as_microsecond()
    }

    fn span(unit: CalendarUnit, zone: &str, now: &str) -> (String, String) {
        let span = Period::calendar(unit, zone).unwrap().span(0, us(now)).unwrap();
        let show = |us| Timestamp::from_microsecond(us).unwrap().to_string();
        (show(span.begin_us), show(span.end_us))
    }

    #[test]
    fn calendar_spans() {
        use CalendarUnit::{Day, Month, Week};
        for (unit, zone, now, begin, end) in [
            (Day, "UTC", "2024-02-29T23:59:59.999999Z", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"),
            (Day, "UTC", "2024-03-01T00:00:00Z", "2024-03-01T00:00:00Z", "2024-03-02T00:00:00Z"),
            // 23 and 25 hours.
            (Day, "Europe/Berlin", "2024-03-31T12:00:00Z", "2024-03-30T23:00:00Z", "2024-03-31T22:00:00Z"),
            (Day, "Europe/Berlin", "2024-10-27T12:00:00Z", "2024-10-26T22:00:00Z", "2024-10-27T23:00:00Z"),
            // Midnight does not exist.
            (Day, "America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"),
            (Day, "Africa/Cairo", "2024-04-26T12:00:00Z", "2024-04-25T22:00:00Z", "2024-04-26T21:00:00Z"),
            (Day, "Asia/Beirut", "2024-03-31T12:00:00Z", "2024-03-30T22:00:00Z", "2024-03-31T21:00:00Z"),
            // 23:00 to 24:00 happens twice, on the old date.
            (Day, "America/Sao_Paulo", "2018-02-18T02:30:00Z", "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z"),
            // Midnight happens twice: the earlier one begins the day.
            (Day, "America/Havana", "2024-11-03T04:30:00Z", "2024-11-03T04:00:00Z", "2024-11-04T05:00:00Z"),
            (Day, "America/Havana", "2024-11-03T05:30:00Z", "2024-11-03T04:00:00Z", "2024-11-04T05:00:00Z"),
            // Set back at 00:01: the old date is shown again after the new day has begun.
            (Day, "America/St_Johns", "2010-11-07T03:00:00Z", "2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z"),
            // A day that the zone left out.
            (Day, "Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"),
            (Day, "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"),
            (Week, "UTC", "2024-12-31T00:00:00Z", "2024-12-30T00:00:00Z", "2025-01-06T00:00:00Z"),
            (Week, "UTC", "2025-01-05T23:59:59Z", "2024-12-30T00:00:00Z", "2025-01-06T00:00:00Z"),
            (Month, "UTC", "2023-02-28T12:00:00Z", "2023-02-01T00:00:00Z", "2023-03-01T00:00:00Z"),
            (Month, "America/New_York", "2024-12-31T23:00:00Z", "2024-12-01T05:00:00Z", "2025-01-01T05:00:00Z"),
            (Month, "America/New_York", "2024-03-15T00:00:00Z", "2024-03-01T05:00:00Z", "2024-04-01T04:00:00Z"),
        ] {
            assert_eq!(span(unit, zone, now), (begin.into(), end.into()), "{unit:?} {zone} {now}");
        }
    }

    #[test]
    fn seconds_count_from_the_start_in_both_directions() {
        let period = Period::Seconds { seconds: 10 };
        let at = |now| period.span(3_000_000, now).unwrap();
        assert_eq!(at(3_000_000), Span { begin_us: 3_000_000, end_us: 13_000_000 });
        assert_eq!(at(12_999_999), Span { begin_us: 3_000_000, end_us: 13_000_000 });
        assert_eq!(at(13_000_000), Span { begin_us: 13_000_000, end_us: 23_000_000 });
        assert_eq!(at(2_999_999), Span { begin_us: -7_000_000, end_us: 3_000_000 });
        assert_eq!(Period::Seconds { seconds: 0 }.span(0, 0), Err(PeriodError::Empty));
        assert_eq!(Period::Seconds { seconds: u64::MAX }.span(0, 1), Err(PeriodError::OutOfRange));
        assert_eq!(Period::calendar(CalendarUnit::Day, "UTC").unwrap().span(0, i64::MAX), Err(PeriodError::OutOfRange));
    }

    #[test]
    fn reads_as_it_is_written() {
        for (period, json) in [
            (Period::Seconds { seconds: 3600 }, r#"{"seconds":3600}"#),
            (
                Period::calendar(CalendarUnit::Month, "Europe/Berlin").unwrap(),
                r#"{"unit":"month","time_zone":"Europe/Berlin"}"#,
            ),
            (Period::calendar(CalendarUnit::Day, "UTC").unwrap(), r#"{"unit":"day","time_zone":"UTC"}"#),
        ] {
            assert_eq!(serde_json::to_string(&period).unwrap(), json);
            assert_eq!(serde_json::from_str::<Period>(json).unwrap(), period);
        }
        assert_eq!(Period::calendar(CalendarUnit::Day, "Mars/Olympus"), Err(PeriodError::UnknownTimeZone));
    }

    fn periods() -> impl Strategy<Value = Period> {
        let zones = [
            "UTC",
            "Europe/Berlin",
            "America/Sao_Paulo",
            "Africa/Cairo",
            "Asia/Beirut",
            "America/Havana",
            "America/St_Johns",
            "Pacific/Apia",
            "Australia/Lord_Howe",
            "Asia/Kathmandu",
            "Africa/Casablanca",
        ];
        let units = [CalendarUnit::Day, CalendarUnit::Week, CalendarUnit::Month];
        prop_oneof![
            (1u64..10_000_000).prop_map(|seconds| Period::Seconds { seconds }),
            (0..zones.len(), 0..units.len()).prop_map(move |(z, u)| Period::calendar(units[u], zones[z]).unwrap()),
        ]
    }

    proptest! {
        /// No gap and no overlap: the instants around both borders lie in this span or in its neighbours.
        #[test]
        fn spans_tile_time(period in periods(), start in 0i64..2_000_000_000, now in -3_000_000_000i64..6_000_000_000) {
            let (start_us, now_us) = (start * 1_000_000, now * 1_000_000);
            let span = period.span(start_us, now_us).unwrap();
            prop_assert!(span.contains(now_us));
            prop_assert_eq!(period.span(start_us, span.begin_us).unwrap(), span);
            prop_assert_eq!(period.span(start_us, span.end_us - 1).unwrap(), span);
            prop_assert_eq!(period.span(start_us, span.end_us).unwrap().begin_us, span.end_us);
            prop_assert_eq!(period.span(start_us, span.begin_us - 1).unwrap().end_us, span.begin_us);
            if let Period::Calendar { unit: CalendarUnit::Month, .. } = period {
                prop_assert!(span.end_us - span.begin_us >= 27 * 24 * HOUR_US);
            }
        }
    }
}
