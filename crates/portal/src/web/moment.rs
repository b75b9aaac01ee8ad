//! A point in time as pages show it: for people in words, for programs in `datetime`, both in UTC.

use std::fmt;

use jiff::Timestamp;

/// Renders as a `<time>` element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(Option<Timestamp>);

impl Moment {
    /// From microseconds since the Unix epoch; what no calendar reaches is shown as unknown.
    pub(super) fn from_us(at_us: i64) -> Self {
        Self(Timestamp::from_microsecond(at_us).ok())
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(at) = self.0 else { return formatter.write_str("an unknown time") };
        let words = at.strftime("%-d %B %Y, %H:%M UTC");
        write!(formatter, "<time datetime=\"{}\">{words}</time>", at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

impl askama::filters::HtmlSafe for Moment {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_by_people_and_programs() {
        assert_eq!(
            Moment::from_us(1_772_359_200_000_000).to_string(),
            "<time datetime=\"2026-03-01T10:00:00Z\">1 March 2026, 10:00 UTC</time>"
        );
        assert_eq!(Moment::from_us(i64::MAX).to_string(), "an unknown time");
    }
}
