//! Which of the two types of a refusal's body a caller's `Accept` admits (RFC 9110 §12.5.1).

use super::syntax::pieces;
use super::{MediaRange, MediaType};

/// Whether an `Accept` field admits `application/json` and not `application/problem+json`.
///
/// The most specific range decides for each type; `q=0` excludes. Other parameters of a range are passed over, and so is
/// an element that can't be read. An empty field admits both. Several fields are to be joined with commas.
#[must_use]
pub fn prefers_plain_json(accept_header: &str) -> bool {
    let elements = pieces(accept_header, ',').unwrap_or_default();
    let ranges: Vec<_> = elements.into_iter().filter_map(range).collect();
    admits(&ranges, "json") && !admits(&ranges, "problem+json")
}

struct Range {
    range: MediaRange,
    is_excluded: bool,
}

fn range(element: &str) -> Option<Range> {
    let media_type = MediaType::parse(element)?;
    let is_excluded = media_type.parameter("q").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0));
    let MediaType { type_name, subtype, .. } = media_type;
    Some(Range { range: MediaRange { type_name, subtype }, is_excluded })
}

fn admits(ranges: &[Range], subtype: &str) -> bool {
    let wanted = MediaType { type_name: "application".into(), subtype: subtype.into(), parameters: Vec::new() };
    let matching = ranges.iter().filter(|range| range.range.holds(&wanted));
    // Of equally specific ones, an admitting one wins: `application/json;q=0, application/json;v=1` means to read JSON.
    matching.max_by_key(|range| (range.range.specificity(), !range.is_excluded)).is_some_and(|range| !range.is_excluded)
}
