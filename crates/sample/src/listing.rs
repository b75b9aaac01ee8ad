//! What all lists share: query parameters, the window of `limit` and `offset`, and the page with its `next_link`.
//! It knows no resource and no SQL.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::Serialize;

use crate::answer::{Failure, Problem};

const LIMIT_DEFAULT: i64 = 500;
const LIMIT_MAX: i64 = 5_000;
/// Beyond any list, and far from overflow.
const OFFSET_MAX: i64 = 1 << 53;

/// The decoded query of a request.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        match Query::<Vec<(String, String)>>::from_request_parts(parts, state).await {
            Ok(Query(pairs)) => Ok(Self(pairs)),
            Err(_) => Err(Failure::Invalid(vec![wrong("", "The query can't be read.".to_owned())])),
        }
    }
}

impl Parameters {
    /// Whether the parameter occurs at all.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(parameter, _)| parameter == name)
    }

    /// The value of a parameter as it came; one that is blank or repeated is noted as wrong. Parameters that nobody asks
    /// for are ignored.
    pub(crate) fn one(&self, name: &str, problems: &mut Vec<Problem>) -> Option<&str> {
        let mut values = self.0.iter().filter(|(parameter, _)| parameter == name).map(|(_, value)| value.as_str());
        let value = values.next()?;
        if values.next().is_some() {
            problems.push(wrong(name, format!("{name} must occur once.")));
            None
        } else if value.trim().is_empty() {
            problems.push(wrong(name, format!("{name} is empty; leave it out.")));
            None
        } else {
            Some(value)
        }
    }

    /// A whole number in plain digits, in the one way in which it can be written.
    fn number(&self, name: &str, allowed: std::ops::RangeInclusive<i64>, problems: &mut Vec<Problem>) -> Option<i64> {
        let text = self.one(name, problems)?;
        let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
        let number = text.parse().ok().filter(|number| digits && allowed.contains(number));
        if number.is_none() {
            let (least, most) = (allowed.start(), allowed.end());
            problems.push(wrong(name, format!("{name} must be a whole number from {least} to {most}.")));
        }
        number
    }
}

/// Notes a query parameter that is wrong; `message` is a whole sentence.
pub(crate) fn wrong(name: &str, message: String) -> Problem {
    Problem { pointer: format!("/{name}"), place: "query", message }
}

/// The part of a list that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// How many records at most.
    pub(crate) limit: i64,
    /// How many records come before the first.
    pub(crate) offset: i64,
}

impl Window {
    pub(crate) fn read(parameters: &Parameters, problems: &mut Vec<Problem>) -> Self {
        Self {
            limit: parameters.number("limit", 1..=LIMIT_MAX, problems).unwrap_or(LIMIT_DEFAULT),
            offset: parameters.number("offset", 0..=OFFSET_MAX, problems).unwrap_or(0),
        }
    }
}

/// One answer of a list.
#[derive(Debug, Serialize)]
pub(crate) struct Page<T> {
    /// All records that match, whatever the window.
    pub(crate) count: i64,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_link: Option<String>,
    /// The records of the window.
    pub(crate) value: Vec<T>,
}

impl<T> Page<T> {
    /// The page of `window`. `url` is the public address of the list, without a query.
    pub(crate) fn new(url: &str, filters: &[(&str, &str)], window: Window, count: i64, value: Vec<T>) -> Self {
        let next_offset = window.offset.saturating_add(window.limit);
        let next_link = (next_offset < count).then(|| {
            let mut link = format!("{url}?");
            for (name, text) in filters {
                link.push_str(name);
                link.push('=');
                percent_encode(text, &mut link);
                link.push('&');
            }
            link.push_str(&format!("limit={}&offset={next_offset}", window.limit));
            link
        });
        Self { count, next_link, value }
    }
}

/// Writes all but the unreserved characters (RFC 3986 §2.3) as their UTF-8 bytes in `%XX`.
fn percent_encode(text: &str, target: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            target.push(char::from(byte));
        } else {
            target.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(pairs: &[(&str, &str)]) -> (Window, usize) {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut problems = Vec::new();
        (Window::read(&Parameters(pairs), &mut problems), problems.len())
    }

    #[test]
    fn a_window_has_bounds() {
        assert_eq!(window(&[]), (Window { limit: 500, offset: 0 }, 0));
        assert_eq!(window(&[("limit", "5000"), ("offset", "7")]), (Window { limit: 5000, offset: 7 }, 0));
        for value in ["0", "5001", "-1", "+5", "05", " 5", "x", "", "1.0", "99999999999999999999"] {
            assert_eq!(window(&[("limit", value)]).1, 1, "limit={value}");
        }
        for value in ["-1", "x", "", "99999999999999999999"] {
            assert_eq!(window(&[("offset", value), ("limit", "no")]).1, 2, "offset={value}");
        }
        assert_eq!(window(&[("limit", "5"), ("limit", "5")]).1, 1);
    }

    #[test]
    fn the_next_link_keeps_the_filters_and_ends() {
        let link = |offset, count| {
            let window = Window { limit: 10, offset };
            Page::<()>::new("http://h/v1/x", &[("city", "São & Co"), ("a", "b")], window, count, vec![]).next_link
        };
        let expected = "http://h/v1/x?city=S%C3%A3o%20%26%20Co&a=b&limit=10&offset=10";
        assert_eq!(link(0, 11).as_deref(), Some(expected));
        assert_eq!(link(0, 10), None);
        assert_eq!(link(500, 11), None);
    }
}
