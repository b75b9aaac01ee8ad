//! Dates of which only a part may be known: `{"y": 2001, "m": 5, "d": null}`.
//! It knows the calendar, and not what day it is.

use serde::Serialize;

use crate::fields::Fields;

/// A date of which at least one part is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FuzzyDate {
    /// The year, 1 to 9999.
    pub(crate) y: Option<i64>,
    /// The month, 1 to 12.
    pub(crate) m: Option<i64>,
    /// The day of the month; only where the month is known.
    pub(crate) d: Option<i64>,
}

impl FuzzyDate {
    /// The date of these parts, or `None` where all are unknown. The parts aren't checked.
    pub(crate) fn of_parts(y: Option<i64>, m: Option<i64>, d: Option<i64>) -> Option<Self> {
        if y.is_none() && m.is_none() && d.is_none() { None } else { Some(Self { y, m, d }) }
    }

    /// Reads the member `name`. A date that isn't in the calendar is noted as wrong.
    pub(crate) fn read(fields: &mut Fields<'_>, name: &str) -> Option<Self> {
        fields.object(name, Self::read_parts).flatten()
    }

    fn read_parts(fields: &mut Fields<'_>) -> Option<Self> {
        let y = fields.whole_number("y");
        let m = fields.whole_number("m");
        let d = fields.whole_number("d");
        if y.is_some_and(|year| !(1..=9999).contains(&year)) {
            fields.wrong("y", "must be a year from 1 to 9999");
        }
        let month_known = m.is_none_or(|month| (1..=12).contains(&month));
        if !month_known {
            fields.wrong("m", "must be a month from 1 to 12");
        }
        match (m, d) {
            (None, Some(_)) => fields.wrong("d", "needs a month beside it"),
            (Some(month), Some(day)) if month_known => {
                let last = last_day(y, month);
                if !(1..=last).contains(&day) {
                    fields.wrong("d", &format!("must be a day from 1 to {last} in this month"));
                }
            }
            _ => (),
        }
        Self::of_parts(y, m, d)
    }
}

/// The last day of a month; of an unknown year, the last that any year has.
fn last_day(year: Option<i64>, month: i64) -> i64 {
    let leap = year.is_none_or(|year| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(date: Value) -> Result<Option<FuzzyDate>, Vec<String>> {
        let Value::Object(members) = json!({"birthdate": date}) else { panic!("no object") };
        let mut problems = Vec::new();
        let date = FuzzyDate::read(&mut Fields::of(&members, &mut problems), "birthdate");
        if problems.is_empty() { Ok(date) } else { Err(problems.into_iter().map(|p| p.pointer).collect()) }
    }

    #[test]
    fn known_parts_make_a_date() {
        let date = |y, m, d| Ok(FuzzyDate::of_parts(y, m, d));
        assert_eq!(read(json!({"y": 2001, "m": 5, "d": null})), date(Some(2001), Some(5), None));
        assert_eq!(read(json!({"y": 2001})), date(Some(2001), None, None));
        assert_eq!(read(json!({"m": 12, "d": 31})), date(None, Some(12), Some(31)));
        assert_eq!(read(json!({"y": null, "m": 2, "d": 29})), date(None, Some(2), Some(29)));
        assert_eq!(read(json!({"y": 2000, "m": 2, "d": 29})), date(Some(2000), Some(2), Some(29)));
        assert_eq!(read(json!({"y": null, "m": null, "d": null})), Ok(None));
        assert_eq!(read(Value::Null), Ok(None));
    }

    #[test]
    fn what_is_in_no_calendar_is_refused() {
        for (date, pointers) in [
            (json!({"y": 1900, "m": 2, "d": 29}), vec!["/birthdate/d"]),
            (json!({"y": 2001, "m": 4, "d": 31}), vec!["/birthdate/d"]),
            (json!({"m": 2, "d": 30}), vec!["/birthdate/d"]),
            (json!({"y": 2001, "m": 1, "d": 0}), vec!["/birthdate/d"]),
            (json!({"y": 2001, "d": 3}), vec!["/birthdate/d"]),
            (json!({"y": 0, "m": 13, "d": 40}), vec!["/birthdate/y", "/birthdate/m"]),
            (json!({"y": "2001", "m": 5.5}), vec!["/birthdate/y", "/birthdate/m"]),
            (json!("2001-05"), vec!["/birthdate"]),
        ] {
            assert_eq!(read(date.clone()), Err(pointers.into_iter().map(str::to_owned).collect()), "{date}");
        }
    }
}
